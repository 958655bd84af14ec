package async

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// BatcherConfig configures a Batcher. The zero value works.
type BatcherConfig struct {
	Name       string
	Size       int           // items of a full batch. Default 50, or the Owner's
	Delay      time.Duration // how long an item waits for others. Default 10ms, or the Owner's
	Concurrent int           // batches that run at a time. Default 1, as SQLite has one writer
	Pending    int           // items that may wait; who adds more waits for room. Default 20 batches
	Timeout    time.Duration // after which a batch's context ends. Default none
	Owner      *Optimizer    // closes it and has it in its Stats; may be nil
}

func (c BatcherConfig) withDefaults() (BatcherConfig, error) {
	var err error
	c.Name = clean(c.Name)
	size, delay := 50, 10*time.Millisecond
	if c.Owner != nil {
		size, delay = c.Owner.config.Batch, c.Owner.config.Delay
	}
	c.Size = number(&err, "Size", c.Size, size, 1, maxBatch)
	c.Delay = span(&err, "Delay", c.Delay, delay)
	c.Concurrent = number(&err, "Concurrent", c.Concurrent, 1, 1, maxWorkers)
	c.Pending = number(&err, "Pending", c.Pending, max(1, 20*c.Size), 1, maxQueue)
	if c.Pending < c.Size && err == nil {
		err = fmt.Errorf("%w: Pending is %d, less than one batch of %d", errConfig, c.Pending, c.Size)
	}
	c.Timeout = optional(&err, "Timeout", c.Timeout)
	if err != nil {
		return c, fmt.Errorf("batcher %s: %w", c.Name, err)
	}
	return c, nil
}

// Result is what became of one item.
type Result[R any] struct {
	Value R
	Err   error
}

// BatchFunc works on the items of a batch and returns their results in the same order. An error is that of all
// items for which there is no result. Its context is not that of any item's caller.
type BatchFunc[T, R any] func(ctx context.Context, items []T) ([]Result[R], error)

// Batcher collects items until there are Size or the first has waited for Delay, and has them worked on together.
// Each item gets its own result: also if there are too few (ErrNoResult), if the function panics (*PanicError), or if
// the caller leaves. A caller that leaves before its batch runs takes its item with it; one that leaves later is
// told ErrUnknown.
type Batcher[T, R any] struct {
	config  BatcherConfig
	fn      BatchFunc[T, R]
	ctx     context.Context // of the batches, ends when Close gives up
	cancel  context.CancelFunc
	meter   *meter // of items: batch wait, and time in the function
	room    *sync.Cond
	timer   *time.Timer
	batches atomic.Uint64
	extra   atomic.Uint64

	mu      sync.Mutex
	size    int
	delay   time.Duration
	open    *batch[T, R]   // being filled, nil if empty
	ready   []*batch[T, R] // waiting to run
	spare   *batch[T, R]   // a batch nobody looks at any more, for the next
	pending int            // items in both
	running int            // batches
	working int            // items of those
	waiting int            // callers that wait for room
	telling int            // Closes that tell items that they are left
	closed  bool
	done    chan struct{}
}

// batch is items that are worked on together.
type batch[T, R any] struct {
	entries []entry[T, R]
	items   []T
	asked   bool          // a Do waits for done
	done    chan struct{} // closed when results are there
}

type entry[T, R any] struct {
	item   T
	ctx    context.Context
	at     capture.Instant
	state  atomic.Uint32
	tell   func(R, error) // nil of a Do
	result Result[R]
}

// The states of an entry: who moves it from waiting decides.
const (
	entryWaiting uint32 = iota
	entryTaken          // its batch runs
	entryGone           // its caller left
)

// NewBatcher returns an empty Batcher, or an error that names what is out of range.
func NewBatcher[T, R any](c BatcherConfig, fn BatchFunc[T, R]) (*Batcher[T, R], error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	if fn == nil {
		return nil, fmt.Errorf("batcher %s: no function", c.Name)
	}
	b := &Batcher[T, R]{config: c, fn: fn, size: c.Size, delay: c.Delay, done: make(chan struct{}), meter: newMeter(0)}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	b.room = sync.NewCond(&b.mu)
	b.timer = time.AfterFunc(time.Hour, b.late)
	b.timer.Stop()
	if err := c.Owner.add(b); err != nil {
		b.cancel()
		return nil, err
	}
	return b, nil
}

// Do adds an item and waits for its result.
func (b *Batcher[T, R]) Do(ctx context.Context, item T) (R, error) {
	ctx = contextOf(ctx)
	e, done, err := b.add(ctx, item, nil)
	if err != nil {
		return *new(R), err
	}
	select {
	case <-done:
		return e.result.Value, e.result.Err
	case <-ctx.Done():
	}
	if e.state.CompareAndSwap(entryWaiting, entryGone) {
		return *new(R), ctx.Err()
	}
	select {
	case <-done:
		return e.result.Value, e.result.Err
	default:
		return *new(R), fmt.Errorf("batcher %s: %w: %w", b.config.Name, ErrUnknown, ctx.Err())
	}
}

// Add adds an item, whose result is told to tell, once. It waits for room only. An error means that the item was not taken.
// tell must be quick.
func (b *Batcher[T, R]) Add(ctx context.Context, item T, tell func(R, error)) error {
	if tell == nil {
		tell = func(R, error) {}
	}
	_, _, err := b.add(contextOf(ctx), item, tell)
	return err
}

func (b *Batcher[T, R]) add(ctx context.Context, item T, tell func(R, error)) (*entry[T, R], <-chan struct{}, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	now := capture.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pending >= b.config.Pending {
		if err := b.await(ctx); err != nil {
			return nil, nil, err
		}
	}
	if b.closed {
		return nil, nil, fmt.Errorf("batcher %s: %w", b.config.Name, ErrClosed)
	}
	if b.open == nil {
		b.open = b.begin()
		if b.size > 1 {
			b.timer.Reset(b.delay)
		}
	}
	of, i := b.open, len(b.open.entries)
	of.entries = of.entries[:i+1] // never grows beyond its first capacity: others hold its places
	e := &of.entries[i]
	e.item, e.ctx, e.at, e.tell = item, ctx, now, tell
	if tell == nil && !of.asked {
		of.asked = true
	}
	b.pending++
	if i+1 >= b.size || i+1 == cap(of.entries) {
		b.flush()
	}
	return e, of.done, nil
}

// begin returns an empty batch of the present size. The lock is held.
func (b *Batcher[T, R]) begin() *batch[T, R] {
	if of := b.spare; of != nil && cap(of.entries) == b.size {
		b.spare = nil
		return of
	}
	return &batch[T, R]{entries: make([]entry[T, R], 0, b.size), items: make([]T, 0, b.size), done: make(chan struct{})}
}

// await waits until there is room. The lock is held, but not meanwhile.
func (b *Batcher[T, R]) await(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		b.mu.Lock()
		b.room.Broadcast()
		b.mu.Unlock()
	})
	defer stop()
	b.waiting++
	defer func() { b.waiting-- }()
	for b.pending >= b.config.Pending && !b.closed {
		if err := ctx.Err(); err != nil {
			return err
		}
		b.room.Wait()
	}
	return nil
}

// flush has the open batch run. The lock is held.
func (b *Batcher[T, R]) flush() {
	if b.open == nil {
		return
	}
	b.timer.Stop()
	b.ready = append(b.ready, b.open)
	b.open = nil
	if b.running < b.config.Concurrent {
		b.running++
		go b.work()
	}
}

// late is called when the first item of the open batch has waited for Delay. If that batch is full meanwhile and another
// one is open, that one runs early, which harms nobody.
func (b *Batcher[T, R]) late() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.flush()
}

// Flush has the items that wait run now.
func (b *Batcher[T, R]) Flush() { b.late() }

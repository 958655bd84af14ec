package async

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// ResourceConfig configures a Resource. The zero value works, but for Create.
type ResourceConfig[T any] struct {
	Name     string
	Create   func(ctx context.Context) (T, error) // required
	Validate func(ctx context.Context, v T) error // asked before an idle one is lent out; default none
	Destroy  func(v T)                            // ends one that is not to be lent out again; default none
	Max      int                                  // most there are at a time. Default 10
	MaxIdle  time.Duration                        // how long one is kept unused. Default 5m
	Leak     time.Duration                        // how long one may be lent out before it counts as a leak. Default 1m
	OnLeak   func(Leak)                           // is told of each leak, on a goroutine of its own; default none
	Owner    *Optimizer                           // closes it and has it in its Stats; may be nil
}

func (c ResourceConfig[T]) withDefaults() (ResourceConfig[T], error) {
	var err error
	c.Name = clean(c.Name)
	c.Max = number(&err, "Max", c.Max, 10, 1, maxWorkers)
	c.MaxIdle = span(&err, "MaxIdle", c.MaxIdle, 5*time.Minute)
	c.Leak = span(&err, "Leak", c.Leak, time.Minute)
	if c.Create == nil && err == nil {
		err = fmt.Errorf("%w: no Create", errConfig)
	}
	if c.Validate == nil {
		c.Validate = func(context.Context, T) error { return nil }
	}
	if c.Destroy == nil {
		c.Destroy = func(T) {}
	}
	if err != nil {
		return c, fmt.Errorf("resource %s: %w", c.Name, err)
	}
	return c, nil
}

// Resource is a bounded pool of values that are expensive to make, such as clients or buffers. Who waits is served in order.
type Resource[T any] struct {
	config ResourceConfig[T]
	leaks  notifier[Leak]
	waits  *meter // of Acquire
	uses   *meter // from Acquire to Release

	mu      sync.Mutex
	idle    []kept[T] // the one unused longest first
	out     map[*loan[T]]struct{}
	size    int // idle, lent out, or being created
	waiting []chan struct{}
	sweeper *time.Timer
	counts  resourceCounts
	closed  bool
	done    chan struct{}
}

type kept[T any] struct {
	value T
	since capture.Instant
}

// loan is the pool's side of a Lease: it does not keep the Lease alive, so that the garbage collector can tell
// that nobody can release it any more.
type loan[T any] struct {
	value    T
	since    capture.Instant
	callers  [8]uintptr
	reported bool
}

type resourceCounts struct{ created, destroyed, invalid, failed, timedOut, overdue, lost, late uint64 }

// Lease is a value on loan. Keep the Lease as long as the value is in use, and call Release or Discard once.
type Lease[T any] struct {
	from    *Resource[T]
	loan    *loan[T]
	mu      sync.Mutex
	ended   bool
	cleanup runtime.Cleanup
}

// NewResource returns an empty Resource, or an error that names what is out of range.
func NewResource[T any](c ResourceConfig[T]) (*Resource[T], error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	r := &Resource[T]{config: c, leaks: notifier[Leak]{listen: c.OnLeak}, out: map[*loan[T]]struct{}{},
		waits: newMeter(0), uses: newMeter(0), done: make(chan struct{})}
	return r, c.Owner.add(r)
}

// Acquire lends a value out: an idle one that is still valid, or a new one, or after a wait one that was released. The error is
// the context's, ErrClosed, or what Create said.
func (r *Resource[T]) Acquire(ctx context.Context) (*Lease[T], error) {
	ctx = contextOf(ctx)
	start := capture.Now()
	k, fresh, err := r.place(ctx)
	for err == nil {
		if fresh {
			return r.create(ctx, start)
		}
		invalid := safely(func() error { return r.config.Validate(ctx, k.value) })
		if invalid == nil {
			return r.lend(k.value, start, callers()), nil
		}
		r.destroy(k.value)
		r.mu.Lock()
		r.counts.invalid++
		r.mu.Unlock()
		if err = ctx.Err(); err != nil {
			r.vacate() // the place of the one destroyed
			break
		}
		k, fresh = r.another()
	}
	now := capture.Now()
	r.waits.record(now, noWait, time.Duration(now-start), outcomeOf(err))
	return nil, err
}

// place waits for an idle value, or for room for a fresh one.
func (r *Resource[T]) place(ctx context.Context) (k kept[T], fresh bool, err error) {
	r.mu.Lock()
	for {
		switch err := ctx.Err(); {
		case err != nil:
			r.mu.Unlock()
			return k, false, err
		case r.closed:
			r.mu.Unlock()
			return k, false, fmt.Errorf("resource %s: %w", r.config.Name, ErrClosed)
		}
		if n := len(r.idle); n > 0 { // the one used last: the others may become too old
			k = r.idle[n-1]
			r.idle = slices.Delete(r.idle, n-1, n)
			r.mu.Unlock()
			return k, false, nil
		}
		if r.size < r.config.Max {
			r.size++
			r.mu.Unlock()
			return k, true, nil
		}
		if err := r.await(ctx); err != nil {
			return k, false, err
		}
	}
}

// await waits for a turn. The caller holds the lock, and holds it again afterwards unless there is an error.
func (r *Resource[T]) await(ctx context.Context) error {
	turn := make(chan struct{}, 1)
	r.waiting = append(r.waiting, turn)
	r.mu.Unlock()
	select {
	case <-turn:
		r.mu.Lock()
		return nil
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts.timedOut++
	if i := slices.Index(r.waiting, turn); i >= 0 {
		r.waiting = slices.Delete(r.waiting, i, i+1)
	} else {
		r.next() // the turn is somebody else's
	}
	return ctx.Err()
}

// next gives the first that waits its turn. The lock is held.
func (r *Resource[T]) next() {
	if len(r.waiting) > 0 {
		r.waiting[0] <- struct{}{}
		r.waiting = r.waiting[1:]
	}
}

// another takes the next idle value in place of one that was destroyed, or says that a fresh one may be made.
func (r *Resource[T]) another() (k kept[T], fresh bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.idle)
	if n == 0 {
		return k, true
	}
	k = r.idle[n-1]
	r.idle = slices.Delete(r.idle, n-1, n)
	r.size--
	r.next()
	return k, false
}

func (r *Resource[T]) create(ctx context.Context, start capture.Instant) (*Lease[T], error) {
	var v T
	made := ErrGoexit
	defer func() {
		if made != nil {
			r.mu.Lock()
			r.counts.failed++
			r.mu.Unlock()
			r.vacate()
		}
	}()
	made = safely(func() (err error) { v, err = r.config.Create(ctx); return err })
	if made != nil {
		now := capture.Now()
		r.waits.record(now, noWait, time.Duration(now-start), outcomeOf(made))
		return nil, fmt.Errorf("resource %s: create: %w", r.config.Name, made)
	}
	r.mu.Lock()
	r.counts.created++
	r.mu.Unlock()
	return r.lend(v, start, callers()), nil
}

// lend makes the loan, and has the garbage collector tell when nobody holds its Lease any more.
func (r *Resource[T]) lend(v T, start capture.Instant, callers [8]uintptr) *Lease[T] {
	now := capture.Now()
	r.waits.record(now, noWait, time.Duration(now-start), succeeded)
	loan := &loan[T]{value: v, since: now, callers: callers}
	lease := &Lease[T]{from: r, loan: loan}
	lease.cleanup = runtime.AddCleanup(lease, r.lost, loan)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.out[loan] = struct{}{}
	r.sweepLater()
	return lease
}

// Value is what was lent out. It must not be used after Release or Discard.
func (l *Lease[T]) Value() T { return l.loan.value }

// Release gives the value back. A second call fails with ErrUsed and changes nothing.
func (l *Lease[T]) Release() error { return l.end(true) }

// Discard gives a value back that is broken: it is destroyed.
func (l *Lease[T]) Discard() error { return l.end(false) }

func (l *Lease[T]) end(keep bool) error {
	l.mu.Lock()
	ended := l.ended
	l.ended = true
	l.mu.Unlock()
	if ended {
		return fmt.Errorf("resource %s: %w", l.from.config.Name, ErrUsed)
	}
	l.cleanup.Stop()
	l.from.back(l.loan, keep)
	return nil
}

// back takes a value in.
func (r *Resource[T]) back(loan *loan[T], keep bool) {
	now := capture.Now()
	r.uses.record(now, noWait, time.Duration(now-loan.since), succeeded)
	r.mu.Lock()
	delete(r.out, loan)
	if loan.reported {
		r.counts.late++
	}
	if keep && !r.closed {
		r.idle = append(r.idle, kept[T]{loan.value, now})
		r.next()
		r.sweepLater()
		r.mu.Unlock()
		return
	}
	r.mu.Unlock()
	r.destroy(loan.value)
	r.vacate()
}

// destroy ends a value. A panic of Destroy is counted with those it was to destroy.
func (r *Resource[T]) destroy(v T) {
	_ = safely(func() error { r.config.Destroy(v); return nil })
	r.mu.Lock()
	r.counts.destroyed++
	r.mu.Unlock()
}

// vacate gives up a place.
func (r *Resource[T]) vacate() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.size--
	r.next()
	r.finish()
}

// finish closes done if nothing is lent out after Close. The lock is held.
func (r *Resource[T]) finish() {
	if r.closed && r.size == 0 {
		select {
		case <-r.done:
		default:
			close(r.done)
		}
	}
}

// Close destroys the idle values, waits for those that are lent out and destroys them too. When ctx ends first, a
// *CloseError says how many are still out; they are destroyed when they are released.
func (r *Resource[T]) Close(ctx context.Context) error {
	ctx = contextOf(ctx)
	r.config.Owner.remove(r)
	return closeError(ctx, r.stop(ctx))
}

func (r *Resource[T]) stop(ctx context.Context) Left {
	r.mu.Lock()
	r.closed = true
	idle := r.idle
	r.idle = nil
	for len(r.waiting) > 0 {
		r.next()
	}
	if r.sweeper != nil {
		r.sweeper.Stop()
	}
	r.finish()
	r.mu.Unlock()
	for _, k := range idle {
		r.destroy(k.value)
		r.vacate()
	}
	select {
	case <-r.done:
		return Left{}
	default:
	}
	select {
	case <-r.done:
		return Left{}
	case <-ctx.Done():
		r.mu.Lock()
		defer r.mu.Unlock()
		return Left{"resource", r.config.Name, 0, r.size}
	}
}

// ResourceStats is a Resource as it is, and what it did so far.
type ResourceStats struct {
	Name        string  `json:"name"`
	Max         int     `json:"max"`
	Size        int     `json:"size"` // there are now, or are being created
	Idle        int     `json:"idle"`
	InUse       int     `json:"in_use"`
	Waiting     int     `json:"waiting"`
	Utilisation float64 `json:"utilisation"` // lent out of those there may be, now, 0 to 1
	Created     uint64  `json:"created"`
	Destroyed   uint64  `json:"destroyed"`
	Invalid     uint64  `json:"invalid"`   // found so by Validate
	Failed      uint64  `json:"failed"`    // Creates that failed
	TimedOut    uint64  `json:"timed_out"` // contexts that ended in the wait
	Overdue     uint64  `json:"overdue"`   // out for longer than Leak
	Lost        uint64  `json:"lost"`      // garbage collected without Release
	Late        uint64  `json:"late"`      // of the overdue ones, those that came back
	Waits       Times   `json:"waits"`     // of Acquire, with creating and validating
	Uses        Times   `json:"uses"`      // from Acquire to Release
	Leaks       []Leak  `json:"leaks"`     // overdue now, the oldest first
}

// Stats returns the resource as it is, and what it did so far.
func (r *Resource[T]) Stats() ResourceStats {
	now := capture.Now()
	waits, uses := r.waits.read(now), r.uses.read(now)
	r.mu.Lock()
	defer r.mu.Unlock()
	return ResourceStats{
		Name: r.config.Name, Max: r.config.Max, Size: r.size, Idle: len(r.idle), InUse: len(r.out), Waiting: len(r.waiting),
		Utilisation: float64(len(r.out)) / float64(r.config.Max), Created: r.counts.created, Destroyed: r.counts.destroyed,
		Invalid: r.counts.invalid, Failed: r.counts.failed, TimedOut: r.counts.timedOut, Overdue: r.counts.overdue,
		Lost: r.counts.lost, Late: r.counts.late, Waits: waits.times, Uses: uses.times, Leaks: r.overdue(now),
	}
}

func (r *Resource[T]) report(s *Stats) { s.Resources = append(s.Resources, r.Stats()) }

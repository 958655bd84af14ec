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

// Full says what becomes of a task for which the queue has no room.
type Full uint8

// The policies.
const (
	Reject     Full = iota // Submit fails with ErrFull
	Block                  // Submit waits for room, or for its context to end
	DropOldest             // the oldest task of the lowest priority makes room; its Done is told ErrDropped
)

var fullNames = [...]string{"reject", "block", "drop oldest"}

// String is the policy in lower case.
func (f Full) String() string { return fullNames[min(f, DropOldest)] }

// PoolConfig configures a Pool. The zero value works.
type PoolConfig struct {
	Name    string
	Workers int           // most tasks that run at a time. Default 100
	Queue   int           // most tasks that wait. Default 1000
	Full    Full          // what becomes of more. Default Reject
	Idle    time.Duration // how long a worker waits for work before it leaves. Default 100ms
	Owner   *Optimizer    // closes it and has it in its Stats; may be nil
}

func (c PoolConfig) withDefaults() (PoolConfig, error) {
	var err error
	c.Name = clean(c.Name)
	c.Workers = number(&err, "Workers", c.Workers, 100, 1, maxWorkers)
	c.Queue = number(&err, "Queue", c.Queue, 1000, 1, maxQueue)
	choice(&err, "Full", c.Full, DropOldest)
	c.Idle = span(&err, "Idle", c.Idle, 100*time.Millisecond)
	if err != nil {
		return c, fmt.Errorf("pool %s: %w", c.Name, err)
	}
	return c, nil
}

// Task is work for a Pool.
type Task struct {
	Priority Priority
	// Run gets the context of Submit. It is not called if that context ended in the queue.
	Run func(context.Context) error
	// Done, if there is one, is called once with what became of a task that Submit took: Run's error, a
	// *PanicError, the context's error, ErrDropped, ErrGoexit, or ErrClosed. It must be quick.
	Done func(error)
}

// Pool runs tasks on workers that come when none is idle and leave when there is nothing to do. Its queue is
// bounded and has three priorities, none of which starves. A Submit costs some 100 ns and allocates nothing.
type Pool struct {
	config PoolConfig
	meter  *meter
	full   error

	mu        sync.Mutex
	tasks     lanes
	capacity  int
	blocked   []*blocked
	spare     []*blocked
	idle      []*worker // the one that waits longest first
	workers   int
	most      int  // workers allowed
	searching bool // a worker is on its way to the queue
	reaping   bool // the timer that retires idle workers runs
	reaper    *time.Timer
	use       use
	rejected  uint64
	dropped   uint64
	telling   int // Closes that tell tasks that they are left
	closed    bool
	done      chan struct{} // closed after Close, once nothing waits or runs
}

// blocked is a Submit that waits for room.
type blocked struct {
	task     queued
	priority Priority
	told     chan error // one place; nil once the task is in the queue
}

// NewPool returns a Pool without workers, or an error that names what is out of range.
func NewPool(c PoolConfig) (*Pool, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	p := &Pool{config: c, capacity: c.Queue, most: c.Workers, done: make(chan struct{}), full: fmt.Errorf("pool %s: %w", c.Name, ErrFull)}
	p.meter = newMeter(arrivalsKept)
	p.use.begin(p.meter.begun)
	return p, c.Owner.add(p)
}

// Submit puts a task into the queue. An error means that it was not taken, and that its Done is not called:
// ErrFull, ErrClosed, or the context's error.
func (p *Pool) Submit(ctx context.Context, t Task) error {
	ctx = contextOf(ctx)
	switch {
	case t.Run == nil:
		return fmt.Errorf("pool %s: a task without Run", p.config.Name)
	case t.Priority > Low:
		return fmt.Errorf("pool %s: %w: priority %d", p.config.Name, errConfig, t.Priority)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	q := queued{ctx, t.Run, t.Done, capture.Now()}
	for try := 0; ; try++ {
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return fmt.Errorf("pool %s: %w", p.config.Name, ErrClosed)
		}
		if p.tasks.n < p.capacity && len(p.blocked) == 0 {
			p.tasks.push(t.Priority, q)
			w, more := p.staff(q.at)
			p.mu.Unlock()
			p.start(w, more)
			return nil
		}
		if p.config.Full != Block || try == yields {
			return p.overflow(t.Priority, q)
		}
		p.mu.Unlock()
		runtime.Gosched()
	}
}

// yields is how often Submit lets others run before it waits for room: where tasks are short there is room by then,
// and to sleep and to be woken costs more than several of them.
const yields = 3

// overflow does what the policy says. The caller holds the lock; overflow opens it.
func (p *Pool) overflow(priority Priority, q queued) error {
	if p.config.Full == Block {
		return p.await(priority, q)
	}
	if p.config.Full == DropOldest {
		if victim, ok := p.tasks.oldest(priority); ok {
			p.dropped++
			p.tasks.push(priority, q)
			w, more := p.staff(q.at)
			p.mu.Unlock()
			p.start(w, more)
			victim.tell(fmt.Errorf("pool %s: %w", p.config.Name, ErrDropped))
			return nil
		}
	}
	p.rejected++
	p.mu.Unlock()
	return p.full
}

// await waits for room. The caller holds the lock; await opens it.
func (p *Pool) await(priority Priority, q queued) error {
	b := p.spared()
	b.task, b.priority = q, priority
	p.blocked = append(p.blocked, b)
	p.mu.Unlock()
	var err error
	select {
	case err = <-b.told:
	case <-q.ctx.Done():
		p.mu.Lock()
		i := slices.Index(p.blocked, b)
		if i >= 0 {
			p.blocked = slices.Delete(p.blocked, i, i+1)
			p.rejected++
		}
		p.mu.Unlock()
		if err = q.ctx.Err(); i < 0 {
			err = <-b.told // somebody was faster
		}
	}
	p.mu.Lock()
	b.task = queued{}
	p.spare = append(p.spare, b)
	p.mu.Unlock()
	return err
}

// spared is a blocked that nobody uses. The lock is held.
func (p *Pool) spared() *blocked {
	n := len(p.spare)
	if n == 0 {
		return &blocked{told: make(chan error, 1)}
	}
	b := p.spare[n-1]
	p.spare = p.spare[:n-1]
	return b
}

// admit moves blocked tasks to where there is room. The lock is held.
func (p *Pool) admit() {
	for len(p.blocked) > 0 && p.tasks.n < p.capacity {
		b := p.blocked[0]
		p.blocked[0] = nil
		if p.blocked = p.blocked[1:]; len(p.blocked) == 0 {
			p.blocked = nil
		}
		p.tasks.push(b.priority, b.task)
		b.told <- nil
	}
}

// SetWorkers changes how many tasks may run at a time. Workers that are too many leave after their task.
func (p *Pool) SetWorkers(n int) error {
	if n < 1 || n > maxWorkers {
		return fmt.Errorf("pool %s: %w: %d workers", p.config.Name, errConfig, n)
	}
	p.mu.Lock()
	p.use.tick(capture.Now(), p.workers-len(p.idle), p.most)
	p.most = n
	var retired []*worker
	for p.workers > n && len(p.idle) > 0 {
		retired = append(retired, p.retire())
	}
	w, more := p.staff(capture.Now())
	p.mu.Unlock()
	for _, w := range retired {
		w.wake <- false
	}
	p.start(w, more)
	return nil
}

// SetCapacity changes how many tasks may wait. Those that wait already stay.
func (p *Pool) SetCapacity(n int) error {
	if n < 1 || n > maxQueue {
		return fmt.Errorf("pool %s: %w: capacity %d", p.config.Name, errConfig, n)
	}
	p.mu.Lock()
	p.capacity = n
	p.admit()
	w, more := p.staff(capture.Now())
	p.mu.Unlock()
	p.start(w, more)
	return nil
}

// Arrivals copies the last tasks that ended, some 1,000 to 4,000, by the time they were submitted.
func (p *Pool) Arrivals() []Arrival { return p.meter.recorded() }

// Close takes no more tasks and waits until those that were taken have ended. When ctx ends first, the tasks that still
// wait are told ErrClosed, and a *CloseError says how many they were and how many still run.
func (p *Pool) Close(ctx context.Context) error {
	ctx = contextOf(ctx)
	p.config.Owner.remove(p)
	return closeError(ctx, p.stop(ctx))
}

func (p *Pool) stop(ctx context.Context) Left {
	retired, refused := p.shut()
	for _, w := range retired {
		w.wake <- false
	}
	for _, b := range refused {
		b.told <- fmt.Errorf("pool %s: %w", p.config.Name, ErrClosed)
	}
	select {
	case <-p.done:
		return Left{}
	default:
	}
	select {
	case <-p.done:
		return Left{}
	case <-ctx.Done():
		return p.abandon()
	}
}

// shut refuses tasks from now on, and lets go of who waits for one.
func (p *Pool) shut() (retired []*worker, refused []*blocked) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	refused, p.blocked = p.blocked, nil
	for len(p.idle) > 0 {
		retired = append(retired, p.retire())
	}
	if p.reaper != nil {
		p.reaper.Stop()
	}
	p.finish()
	return retired, refused
}

// finish closes done if nothing waits or runs after Close. The lock is held.
func (p *Pool) finish() {
	if p.closed && p.workers == 0 && p.tasks.n == 0 && p.telling == 0 {
		select {
		case <-p.done:
		default:
			close(p.done)
		}
	}
}

// abandon empties the queue.
func (p *Pool) abandon() Left {
	p.mu.Lock()
	var left []queued
	for p.tasks.n > 0 {
		left = append(left, p.tasks.pop())
	}
	running := p.workers
	p.telling++
	p.mu.Unlock()
	now := capture.Now()
	for _, q := range left {
		p.meter.record(now, time.Duration(now-q.at), 0, cancelled)
		q.tell(fmt.Errorf("pool %s: %w", p.config.Name, ErrClosed))
	}
	p.mu.Lock()
	p.telling--
	p.finish()
	p.mu.Unlock()
	return Left{"pool", p.config.Name, len(left), running}
}

// tell calls Done if there is one. Its panic is nobody else's.
func (q *queued) tell(err error) {
	if q.done == nil {
		return
	}
	defer func() { _ = recover() }()
	q.done(err)
}

// execute runs the task and says what became of it.
func (q *queued) execute() (o outcome, err error) {
	if err := q.ctx.Err(); err != nil {
		return cancelled, err
	}
	defer func() {
		if v := recover(); v != nil {
			o, err = failed, newPanic(v)
		}
	}()
	err = q.run(q.ctx)
	return outcomeOf(err), err
}

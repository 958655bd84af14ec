// Package async runs, bounds and measures what a service does besides answering requests: background operations, queues,
// batches, and calls to what may be slow or broken.
//
// Monitor and Run count operations by name; Run also attributes their SQL statements to them. Pool, Batcher, Limiter,
// Breaker, Bulkhead, Resource, Supervisor and Operation are parts that work alone or belong to an Optimizer, which has
// them in its Stats and closes them. Everything is bounded: queues, names, what is remembered. Each part owns its
// goroutines, and its Close waits for them or says what was left.
//
// The policies are failsafe-go's. Its permits are used where a call must cost nanoseconds, its executor only for
// what needs retry, timeout, fallback or hedge.
package async

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// Config configures an Optimizer. The zero value works.
type Config struct {
	Workers int  // most tasks that run at a time. Default 100
	Queue   int  // most tasks that wait. Default 1000
	Full    Full // what becomes of more. Default Reject

	Rate  float64 // permits per second of Limiter. Default 1000
	Burst int     // permits at once after a pause. Default a tenth of Rate

	Batch int           // items of a batch of Batchers that say nothing else. Default 50
	Delay time.Duration // how long an item waits for others, of Batchers that say nothing else. Default 10ms

	Failures  int           // failures in a row that open a Breaker. Default 5
	OpenDelay time.Duration // how long it stays open before a trial. Default 5s

	Names int // most names of operations that are told apart. Default 200
}

func (c Config) withDefaults() (Config, error) {
	var err error
	c.Batch = number(&err, "Batch", c.Batch, 50, 1, maxBatch)
	c.Delay = span(&err, "Delay", c.Delay, 10*time.Millisecond)
	c.Names = number(&err, "Names", c.Names, 200, 1, maxNames)
	if _, e := (BreakerConfig{Failures: c.Failures, Delay: c.OpenDelay}).withDefaults(); err == nil {
		err = e
	}
	if err != nil {
		return c, fmt.Errorf("async: %w", err)
	}
	return c, nil
}

// Optimizer is the parts of a service under one Stats and one Close. All methods are safe for concurrent use, and fail
// with ErrClosed after Close.
type Optimizer struct {
	config     Config
	began      capture.Instant
	names      *names
	pool       *Pool
	limiter    *Limiter
	supervisor *Supervisor
	runs       inflight
	closed     atomic.Bool

	mu       sync.Mutex
	parts    []part // in order of beginning
	breakers map[string]*Breaker
}

// part is what an Optimizer closes and reports.
type part interface {
	stop(ctx context.Context) Left
	report(*Stats)
}

// New returns an Optimizer with a Pool, a Limiter and a Supervisor, or an error that names what is out of range.
func New(c Config) (*Optimizer, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	o := &Optimizer{config: c, began: capture.Now(), names: newNames(c.Names), breakers: map[string]*Breaker{}}
	if o.limiter, err = NewLimiter(LimiterConfig{Name: "default", Rate: c.Rate, Burst: c.Burst, Owner: o}); err != nil {
		return nil, fmt.Errorf("async: %w", err)
	}
	if o.pool, err = NewPool(PoolConfig{Name: "default", Workers: c.Workers, Queue: c.Queue, Full: c.Full, Owner: o}); err != nil {
		return nil, fmt.Errorf("async: %w", err)
	}
	if o.supervisor, err = NewSupervisor(SupervisorConfig{Name: "default", Owner: o}); err != nil {
		return nil, fmt.Errorf("async: %w", err)
	}
	return o, nil
}

// Pool is where Go runs its functions.
func (o *Optimizer) Pool() *Pool { return o.pool }

// Limiter is the Optimizer's own, of Config.Rate.
func (o *Optimizer) Limiter() *Limiter { return o.limiter }

// Supervisor is the Optimizer's own.
func (o *Optimizer) Supervisor() *Supervisor { return o.supervisor }

// Breaker is the one of that name, begun when it is first asked for. Names beyond Config.Names share one.
func (o *Optimizer) Breaker(name string) (*Breaker, error) {
	name = clean(name)
	o.mu.Lock()
	if o.breakers[name] == nil && len(o.breakers) >= o.config.Names {
		name = OtherName
	}
	b := o.breakers[name]
	o.mu.Unlock()
	if b != nil {
		return b, nil
	}
	b, err := NewBreaker(BreakerConfig{Name: name, Failures: o.config.Failures, Delay: o.config.OpenDelay})
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	if known := o.breakers[name]; known != nil {
		o.mu.Unlock()
		return known, nil // somebody was faster
	}
	o.breakers[name] = b
	o.mu.Unlock()
	return b, o.add(b)
}

// add takes a part in. A nil Optimizer owns nothing.
func (o *Optimizer) add(p part) error {
	if o == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed.Load() {
		return fmt.Errorf("optimizer: %w", ErrClosed)
	}
	o.parts = append(o.parts, p)
	return nil
}

// remove forgets a part that was closed by itself.
func (o *Optimizer) remove(p part) {
	if o == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.parts = slices.DeleteFunc(o.parts, func(other part) bool { return other == p })
}

func (o *Optimizer) list() []part {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.parts)
}

// Close takes nothing more, waits until what was taken has ended, and closes the parts, the last one first. When ctx
// ends before, what still waits is told ErrClosed, and a *CloseError says of each part what was left.
func (o *Optimizer) Close(ctx context.Context) error {
	ctx = contextOf(ctx)
	o.mu.Lock()
	o.closed.Store(true)
	o.mu.Unlock()
	ended := o.runs.close()
	left := []Left{o.supervisor.stop(ctx), o.pool.stop(ctx)} // what makes work before what it uses
	select {
	case <-ended:
	default:
		select {
		case <-ended:
		case <-ctx.Done():
		}
	}
	left = append(left, Left{"runs", "default", 0, o.runs.count()})
	for _, p := range slices.Backward(o.list()) {
		if p != part(o.pool) && p != part(o.supervisor) {
			left = append(left, p.stop(ctx))
		}
	}
	return closeError(ctx, left...)
}

// Package gate limits how many requests and background operations run at once, and finds the limit itself.
//
// A Gate measures how long admitted work takes. While nine of ten are done within the target, half of the
// latency objective, the limit rises; when they are not, it becomes what Little's law leaves room for:
// completions per second times target. Work beyond the limit is rejected at once, so that what is admitted
// still ends in time, instead of everybody waiting until all have given up. Before it sheds for long, a Gate
// tests whether that helps: where completions fall as fast as the work in flight, something else is slow,
// and the Gate steps aside and says so. A process that itself stood still proves nothing, and is not counted.
//
// HTTP and Echo put a Gate before handlers; Acquire and Do before anything else. One goroutine per Gate,
// started by New and ended by Close, moves the limit. Memory is bounded: 256 routes, 256 decisions.
package gate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
)

// ErrLimited reports work that was rejected because as much as the limit allows is in flight.
var ErrLimited = errors.New("concurrency limit reached")

// Class is how important work is.
type Class uint8

// The classes. Any other value is Ordinary.
const (
	Ordinary Class = iota // may use Config.Share of the limit
	High                  // may use all of it
	classes  = iota
)

// String is the class's name.
func (c Class) String() string {
	if c == High {
		return "high"
	}
	return "ordinary"
}

// Gate admits work up to a limit that follows what the work is able to do. All methods are safe for
// concurrent use.
type Gate struct {
	config Config
	epoch  time.Time

	bounds   [classes]atomic.Int64 // what each class may have in flight
	_        [48]byte              // what is written often does not share a cache line with what is read often
	inFlight atomic.Int64          // in a dry run, what would be in flight
	running  atomic.Int64          // in a dry run, what is
	admitted [classes]atomic.Uint64
	rejected [classes]atomic.Uint64

	window  window
	routes  routes
	pace    atomic.Uint64 // one in pace+1 permits is timed; pace+1 is a power of two
	since   atomic.Int64  // work that began before is not timed: the process stood still meanwhile
	stopped chan struct{}
	close   sync.Once
	wg      sync.WaitGroup

	mu    sync.Mutex // the state of the goroutine, which Stats reads
	watch watch
	law   law
	log   log
	view  view
}

// New starts a Gate. Close ends it.
func New(c Config) (*Gate, error) {
	g, err := build(c)
	if err != nil {
		return nil, fmt.Errorf("start gate: %w", err)
	}
	g.wg.Go(g.run)
	return g, nil
}

// build makes a Gate that nobody ticks.
func build(c Config) (*Gate, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	g := &Gate{config: c.withDefaults(), epoch: time.Now(), stopped: make(chan struct{})}
	g.law = newLaw(g.config)
	g.routes.open(g.config)
	g.watch.begin(g.now())
	g.bound(g.law.limit)
	return g, nil
}

// Close stops adapting, waits for the goroutine and opens the Gate as far as Config.Max. Permits stay
// valid. It never fails.
func (g *Gate) Close() error {
	g.close.Do(func() { close(g.stopped) })
	g.wg.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.law.limit = g.law.ceiling()
	g.bound(g.law.limit)
	return nil
}

// bound tells Acquire the limit. Each class has room for one at least, or nothing would ever be measured, and
// High for one more than Ordinary unless that is more than Config.Max.
func (g *Gate) bound(limit float64) {
	most := max(1, int64(limit+0.5))
	ordinary := max(1, int64(math.Ceil(float64(most)*g.config.Share-1e-9)))
	if g.config.Share < 1 {
		most = max(most, min(ordinary+1, int64(g.law.ceiling())))
	}
	g.bounds[High].Store(most)
	g.bounds[Ordinary].Store(ordinary)
}

// Permit is the right to run one piece of work. It is a value; Release it exactly once. The zero
// Permit is of no Gate, and releasing it does nothing.
type Permit struct {
	gate  *Gate
	start int64 // nanoseconds of Gate.now; 0 if it is not timed
}

// Acquire admits work of a class, or returns ErrLimited at once, or ctx's error if ctx is done. It never waits and does
// not allocate.
func (g *Gate) Acquire(ctx context.Context, class Class) (Permit, error) {
	if class >= classes {
		class = Ordinary
	}
	if err := ctx.Err(); err != nil {
		return Permit{}, err
	}
	if !g.enter(g.bounds[class].Load()) {
		g.rejected[class].Add(1)
		if !g.config.DryRun {
			return Permit{}, ErrLimited
		}
	}
	return g.permit(class), nil
}

// enter counts one more in flight, if there is room.
func (g *Gate) enter(bound int64) bool {
	for {
		n := g.inFlight.Load()
		if n >= bound {
			return false
		}
		if g.inFlight.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// permit counts one more admitted and times it when its turn comes.
func (g *Gate) permit(class Class) Permit {
	p := Permit{gate: g}
	if g.config.DryRun {
		g.running.Add(1)
	}
	if g.admitted[class].Add(1)&g.pace.Load() == 0 {
		p.start = g.now()
	}
	return p
}

// Outcome is how work ended.
type Outcome uint8

// The outcomes.
const (
	Done    Outcome = iota // the answer it was asked for
	Failed                 // an error, or nobody waited any longer: says something only if it took too long
	Ignored                // says nothing about the load, such as a stream
)

// Release ends the work.
func (p Permit) Release(o Outcome) {
	if p.gate != nil {
		p.gate.release(p.start, o, nil)
	}
}

// release ends work of a route, nil for the Gate's own objective.
func (g *Gate) release(start int64, o Outcome, r *route) {
	g.leave()
	switch {
	case o == Ignored:
	case start != 0:
		g.sample(start, o, r)
	case o == Done:
		g.window.completions.Add(1)
	}
}

// leave counts one less in flight. In a dry run what runs is more than what would: any completion makes room.
func (g *Gate) leave() {
	if g.config.DryRun {
		g.leaveDry()
		return
	}
	if g.inFlight.Add(-1) < 0 {
		panic("gate: permit released twice")
	}
}

func (g *Gate) leaveDry() {
	if g.running.Add(-1) < 0 {
		panic("gate: permit released twice")
	}
	for n := g.inFlight.Load(); n > 0; n = g.inFlight.Load() {
		if g.inFlight.CompareAndSwap(n, n-1) {
			return
		}
	}
}

// sample counts what a timed permit tells.
func (g *Gate) sample(start int64, o Outcome, r *route) {
	took := max(g.now()-start, 1)
	target := g.routes.base
	if r != nil {
		target = r.target.Load()
	}
	late := took > target
	if o == Failed && !late {
		return // failing fast is no sign of room
	}
	g.window.completions.Add(1)
	if start < g.since.Load() {
		return
	}
	g.window.add(took, target)
	if r != nil && r.learns && o == Done {
		r.seen.add(took)
	}
}

// Do runs f under a permit, which it also gives back when f panics. It returns ErrLimited or ctx's error without
// running f, and else what f returns.
func (g *Gate) Do(ctx context.Context, class Class, f func(context.Context) error) (err error) {
	p, err := g.Acquire(ctx, class)
	if err != nil {
		return err
	}
	outcome := Failed
	defer func() { p.Release(outcome) }()
	if err = f(ctx); err == nil {
		outcome = Done
	}
	return err
}

// repace times all permits up to some 4,000 per second, and of more only so many: a clock costs as
// much as all the rest.
func (g *Gate) repace(admitted uint64, over time.Duration) {
	timed := uint64(max(timedPerSecond*over.Seconds(), 1))
	g.pace.Store(1<<bits.Len64(admitted/timed) - 1)
}

const timedPerSecond = 4000

// now is the monotonic clock in nanoseconds since New, and never 0.
func (g *Gate) now() int64 { return int64(time.Since(g.epoch)) + 1 }

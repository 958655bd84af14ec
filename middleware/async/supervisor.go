package async

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/thejerf/suture/v4"
)

// SupervisorConfig configures a Supervisor. The zero value works.
type SupervisorConfig struct {
	Name     string
	Restarts int           // failures of one component within Window after which it is given up. Default 10
	Window   time.Duration // default 5m
	Backoff  time.Duration // wait before the first restart, doubled for each failure within Window. Default 100ms
	MaxWait  time.Duration // longest wait before a restart. Default 30s
	// OnFailure is told of each failure, in order, on a goroutine of its own; default none.
	OnFailure func(ComponentFailure)
	Owner     *Optimizer // closes it and has it in its Stats; may be nil
}

// ComponentFailure is a component that ended though it should run.
type ComponentFailure struct {
	Component string
	Err       error // what it returned, or a *PanicError
	GivenUp   bool  // it is not restarted
}

func (c SupervisorConfig) withDefaults() (SupervisorConfig, error) {
	var err error
	c.Name = clean(c.Name)
	c.Restarts = number(&err, "Restarts", c.Restarts, 10, 1, maxFailures)
	c.Window = span(&err, "Window", c.Window, 5*time.Minute)
	c.Backoff = span(&err, "Backoff", c.Backoff, 100*time.Millisecond)
	c.MaxWait = span(&err, "MaxWait", c.MaxWait, max(30*time.Second, c.Backoff))
	if err == nil && c.MaxWait < c.Backoff {
		err = fmt.Errorf("%w: MaxWait %v is less than Backoff %v", errConfig, c.MaxWait, c.Backoff)
	}
	if err != nil {
		return c, fmt.Errorf("supervisor %s: %w", c.Name, err)
	}
	return c, nil
}

// Supervisor keeps components running: it restarts those that return an error or panic, with growing waits, and gives
// up those that fail too often. It is a suture supervisor, whose own limit counts the failures of all components
// together, so that one would stop the others' restarts; here each has its own.
type Supervisor struct {
	config   SupervisorConfig
	tree     *suture.Supervisor
	failures notifier[ComponentFailure]
	ctx      context.Context
	cancel   context.CancelFunc

	mu         sync.Mutex
	components map[string]*component
	served     <-chan error // nil until the first component
	closed     bool
	running    inflight
}

// component is what the supervisor's tree serves.
type component struct {
	of   *Supervisor
	name string
	run  func(context.Context) error

	mu        sync.Mutex
	state     string
	since     capture.Instant // of the state
	stop      context.CancelFunc
	asked     bool // Restart ended it
	starts    uint64
	failed    uint64
	wanted    uint64 // restarts that were asked for
	last      error
	lastAt    capture.Instant
	recent    []capture.Instant // failures within the window
	restarted chan struct{}     // wakes it from its wait
}

// The states of a component.
const (
	stateWaiting = "waiting" // for its restart
	stateRunning = "running"
	stateDone    = "done"   // it returned nil
	stateFailed  = "failed" // it was given up
	stateClosed  = "closed"
)

// NewSupervisor returns a Supervisor without components, or an error that names what is out of range.
func NewSupervisor(c SupervisorConfig) (*Supervisor, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Supervisor{config: c, failures: notifier[ComponentFailure]{listen: c.OnFailure}, components: map[string]*component{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.tree = suture.New(c.Name, suture.Spec{
		EventHook: func(suture.Event) {}, FailureThreshold: math.MaxFloat64, Timeout: time.Nanosecond, // Close waits by itself
	})
	return s, c.Owner.add(s)
}

// Add starts a component. run is to go on until its context ends; when it returns nil it is done and stays so. Names
// must differ.
func (s *Supervisor) Add(name string, run func(context.Context) error) error {
	name = clean(name)
	if run == nil {
		return fmt.Errorf("supervisor %s: component %s without a function", s.config.Name, name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return fmt.Errorf("supervisor %s: %w", s.config.Name, ErrClosed)
	case s.components[name] != nil:
		return fmt.Errorf("supervisor %s: component %s is there already", s.config.Name, name)
	}
	if s.served == nil {
		s.served = s.tree.ServeBackground(s.ctx)
	}
	c := &component{of: s, name: name, run: run, state: stateWaiting, since: capture.Now(), restarted: make(chan struct{}, 1)}
	s.components[name] = c
	s.tree.Add(c)
	return nil
}

// Restart ends the component's run, by its context, and begins another at once, also if it was given up or is done. Its
// failures until now are forgotten.
func (s *Supervisor) Restart(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.components[clean(name)]
	switch {
	case s.closed:
		return fmt.Errorf("supervisor %s: %w", s.config.Name, ErrClosed)
	case c == nil:
		return fmt.Errorf("supervisor %s: %w: %s", s.config.Name, ErrNoSuch, clean(name))
	}
	if c.again() {
		s.tree.Add(c)
	}
	return nil
}

// Remove ends a component and forgets it. It does not wait.
func (s *Supervisor) Remove(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.components[clean(name)]
	if c == nil {
		return fmt.Errorf("supervisor %s: %w: %s", s.config.Name, ErrNoSuch, clean(name))
	}
	delete(s.components, c.name)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state, c.since = stateClosed, capture.Now()
	if c.stop != nil {
		c.stop()
	}
	c.wake()
	return nil
}

// again notes that a restart is wanted. It is true if the tree does not serve the component any more.
func (c *component) again() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wanted++
	c.recent = nil
	switch c.state {
	case stateDone, stateFailed:
		c.state, c.since = stateWaiting, capture.Now()
		return true
	case stateRunning:
		c.asked = true
		c.stop()
	case stateWaiting:
		c.wake()
	}
	return false
}

func (c *component) wake() {
	select {
	case c.restarted <- struct{}{}:
	default:
	}
}

// String names the component for suture, which would otherwise print all its fields.
func (c *component) String() string { return c.name }

// Serve is one run, called by suture again and again. Suture would also start a component anew that panicked while
// the supervisor stopped: so it looks first.
func (c *component) Serve(ctx context.Context) error {
	if !c.of.running.begin() {
		return suture.ErrDoNotRestart
	}
	defer c.of.running.end()
	if !c.wait(ctx) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.note(stateClosed, capture.Now(), nil)
		return suture.ErrDoNotRestart
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if !c.begin(stop) {
		return suture.ErrDoNotRestart
	}
	return c.end(ctx, contained(func() error { return c.run(ctx) }))
}

// contained calls f and makes an error of its panic, and of runtime.Goexit, after which suture would begin anew without
// asking.
func contained(f func() error) (err error) {
	err = ErrGoexit
	done := make(chan struct{})
	go func() {
		defer close(done)
		err = safely(f)
	}()
	<-done
	return err
}

// wait waits as long as the failures of late demand. It is false if the component is not to run.
func (c *component) wait(ctx context.Context) bool {
	c.mu.Lock()
	c.forget(capture.Now())
	n := len(c.recent)
	closed := c.state == stateClosed
	c.mu.Unlock()
	if closed || ctx.Err() != nil {
		return false
	}
	if n == 0 {
		return true
	}
	config := c.of.config
	pause := min(time.Duration(float64(config.Backoff)*math.Pow(2, float64(n-1))), config.MaxWait)
	if pause <= 0 { // overflow
		pause = config.MaxWait
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.restarted:
	case <-ctx.Done():
		return false
	}
	return true
}

func (c *component) begin(stop context.CancelFunc) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == stateClosed {
		return false
	}
	c.state, c.since, c.stop, c.asked = stateRunning, capture.Now(), stop, false
	c.starts++
	return true
}

// end says to suture whether to go on.
func (c *component) end(ctx context.Context, err error) error {
	now := capture.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stop = nil
	switch {
	case c.state == stateClosed || c.of.ctx.Err() != nil:
		c.note(stateClosed, now, err)
		return suture.ErrDoNotRestart
	case c.asked:
		c.asked = false
		c.state, c.since = stateWaiting, now
		return errRestart
	case err == nil:
		c.state, c.since = stateDone, now
		return suture.ErrDoNotRestart
	}
	c.failed++
	c.recent = append(c.recent, now)
	c.forget(now)
	if len(c.recent) > c.of.config.Restarts {
		c.note(stateFailed, now, err)
		c.of.failures.tell(ComponentFailure{c.name, err, true})
		return suture.ErrDoNotRestart
	}
	c.note(stateWaiting, now, err)
	c.of.failures.tell(ComponentFailure{c.name, err, false})
	return errRestart
}

// errRestart makes suture begin the next run. What the component returned is kept from it: it would take its own
// sentinels, wherever they come from, for orders.
var errRestart = errors.New("restart")

func (c *component) note(state string, now capture.Instant, err error) {
	c.state, c.since = state, now
	if err != nil && !(state == stateClosed && errors.Is(err, context.Canceled)) {
		c.last, c.lastAt = err, now
	}
}

// forget drops failures that are out of the window.
func (c *component) forget(now capture.Instant) {
	c.recent = slices.DeleteFunc(c.recent, func(at capture.Instant) bool { return time.Duration(now-at) > c.of.config.Window })
}

// Close ends the components by their contexts and waits for them. When ctx ends first, a *CloseError says how many still run.
// Nothing is restarted after Close.
func (s *Supervisor) Close(ctx context.Context) error {
	ctx = contextOf(ctx)
	s.config.Owner.remove(s)
	return closeError(ctx, s.stop(ctx))
}

func (s *Supervisor) stop(ctx context.Context) Left {
	s.mu.Lock()
	s.closed = true
	served := s.served
	s.mu.Unlock()
	ended := s.running.close()
	s.cancel()
	if served == nil {
		return Left{}
	}
	select {
	case <-ended:
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.served != nil {
			<-s.served // at once: it waits for nothing
			s.served = nil
		}
		return Left{}
	case <-ctx.Done():
		return Left{"supervisor", s.config.Name, 0, s.running.count()}
	}
}

// ComponentStats is a component as it is, and what became of it so far.
type ComponentStats struct {
	Supervisor string        `json:"supervisor"`
	Name       string        `json:"name"`
	State      string        `json:"state"`    // waiting, running, done, failed (given up) or closed
	Since      time.Duration `json:"since_ns"` // in this state
	Restarts   uint64        `json:"restarts"` // runs after the first
	Failures   uint64        `json:"failures"`
	Asked      uint64        `json:"asked"` // restarts that somebody asked for
	LastError  string        `json:"last_error,omitempty"`
	LastAt     *time.Time    `json:"last_error_at,omitempty"`
}

// Stats lists the components by name.
func (s *Supervisor) Stats() []ComponentStats {
	now := capture.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]ComponentStats, 0, len(s.components))
	for _, c := range s.components {
		list = append(list, c.stats(now))
	}
	slices.SortFunc(list, func(a, b ComponentStats) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

func (c *component) stats(now capture.Instant) ComponentStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := ComponentStats{
		Supervisor: c.of.config.Name, Name: c.name, State: c.state, Since: time.Duration(now - c.since),
		Restarts: max(c.starts, 1) - 1, Failures: c.failed, Asked: c.wanted,
	}
	if c.last != nil {
		at := c.lastAt.Time()
		s.LastError, s.LastAt = c.last.Error(), &at
	}
	return s
}

func (s *Supervisor) report(all *Stats) { all.Components = append(all.Components, s.Stats()...) }

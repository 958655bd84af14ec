package async

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
)

// BreakerConfig configures a Breaker. The zero value works.
type BreakerConfig struct {
	Name     string
	Failures int           // failures in a row that open it. Default 5
	Delay    time.Duration // how long it stays open before a trial. Default 5s
	Trials   int           // successes in a row, one call at a time or together, that close it. Default 1
	// OnChange is told of each change, in order, on a goroutine of its own: it may be slow or panic.
	OnChange func(BreakerChange)
	Owner    *Optimizer // closes it and has it in its Stats; may be nil
}

// BreakerChange is a breaker's step from one state to another: "closed", "open" or "half-open".
type BreakerChange struct{ Name, From, To string }

func (c BreakerConfig) withDefaults() (BreakerConfig, error) {
	var err error
	c.Name = clean(c.Name)
	c.Failures = number(&err, "Failures", c.Failures, 5, 1, maxFailures)
	c.Delay = span(&err, "Delay", c.Delay, 5*time.Second)
	c.Trials = number(&err, "Trials", c.Trials, 1, 1, maxFailures)
	if err != nil {
		return c, fmt.Errorf("breaker %s: %w", c.Name, err)
	}
	return c, nil
}

// Breaker refuses calls for a while after failures in a row, then lets a trial decide.
//
// Refusals by this package and cancelled calls are no outcome: they neither open nor close it. A trial that ends so
// is given back, since failsafe-go's half-open breaker would wait for it for ever.
type Breaker struct {
	config  BreakerConfig
	policy  circuitbreaker.CircuitBreaker[any]
	epoch   atomic.Uint64 // counts changes of state
	changes notifier[BreakerChange]
	open    error
	refused atomic.Uint64
	opened  atomic.Uint64
	good    atomic.Uint64
	bad     atomic.Uint64
	neither atomic.Uint64
	closed  atomic.Bool
}

// NewBreaker returns a closed Breaker, or an error that names what is out of range.
func NewBreaker(c BreakerConfig) (*Breaker, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	b := &Breaker{config: c, open: fmt.Errorf("breaker %s: %w", c.Name, ErrOpen), changes: notifier[BreakerChange]{listen: c.OnChange}}
	b.policy = circuitbreaker.NewBuilder[any]().WithFailureThreshold(uint(c.Failures)).WithSuccessThreshold(uint(c.Trials)).
		WithDelay(c.Delay).OnStateChanged(b.changed).Build()
	return b, c.Owner.add(b)
}

// changed is failsafe-go's listener. The breaker's lock is open meanwhile and whoever changed the state waits, so
// it does next to nothing.
func (b *Breaker) changed(e circuitbreaker.StateChangedEvent) {
	b.epoch.Add(1)
	if e.NewState == circuitbreaker.OpenState {
		b.opened.Add(1)
	}
	b.changes.tell(BreakerChange{b.config.Name, e.OldState.String(), e.NewState.String()})
}

// BreakerPermit is a call that a breaker let through. Its Done must be called once, whatever happens: Do does.
type BreakerPermit struct {
	breaker *Breaker
	epoch   uint64
}

// Acquire lets a call through or fails with ErrOpen. It costs some 20 ns.
func (b *Breaker) Acquire() (BreakerPermit, error) {
	if b.closed.Load() {
		return BreakerPermit{}, fmt.Errorf("breaker %s: %w", b.config.Name, ErrClosed)
	}
	if !b.policy.TryAcquirePermit() {
		b.refused.Add(1)
		return BreakerPermit{}, b.open
	}
	return BreakerPermit{b, b.epoch.Load()}, nil
}

// Done tells the breaker how the call ended. What began before the state last changed says nothing about the
// state now: it is counted and not weighed.
func (p BreakerPermit) Done(err error) {
	b := p.breaker
	if b == nil {
		return
	}
	stale := b.epoch.Load() != p.epoch
	switch {
	case err == nil:
		b.good.Add(1)
		if !stale {
			b.policy.RecordSuccess()
		}
	case rejected(err) || errors.Is(err, context.Canceled):
		b.neither.Add(1)
		if !stale && b.policy.IsHalfOpen() {
			b.policy.Open()
			b.policy.HalfOpen() // a new state with all its trials
		}
	default:
		b.bad.Add(1)
		if !stale {
			b.policy.RecordFailure()
		}
	}
}

// Do calls fn if the breaker lets it. A panic counts as a failure and goes on.
func (b *Breaker) Do(ctx context.Context, fn func(context.Context) error) error {
	ctx = contextOf(ctx)
	if err := ctx.Err(); err != nil {
		return err
	}
	p, err := b.Acquire()
	if err != nil {
		return err
	}
	ended := ErrGoexit // also of a panic
	defer func() { p.Done(ended) }()
	ended = fn(ctx)
	return ended
}

// BreakerStats is what a Breaker did so far.
type BreakerStats struct {
	Name      string        `json:"name"`
	State     string        `json:"state"` // "closed", "open" or "half-open"
	Remaining time.Duration `json:"remaining_ns"`
	Opened    uint64        `json:"opened"`
	Refused   uint64        `json:"refused"`
	Successes uint64        `json:"successes"`
	Failures  uint64        `json:"failures"`
	Neither   uint64        `json:"neither"` // rejected further in, or cancelled
}

// Stats returns what the breaker did so far.
func (b *Breaker) Stats() BreakerStats {
	return BreakerStats{
		Name: b.config.Name, State: b.policy.State().String(), Remaining: b.policy.RemainingDelay(), Opened: b.opened.Load(),
		Refused: b.refused.Load(), Successes: b.good.Load(), Failures: b.bad.Load(), Neither: b.neither.Load(),
	}
}

func (b *Breaker) stop(context.Context) Left { b.closed.Store(true); return Left{} }
func (b *Breaker) report(s *Stats)           { s.Breakers = append(s.Breakers, b.Stats()) }

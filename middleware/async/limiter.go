package async

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go/ratelimiter"
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// LimiterConfig configures a Limiter. The zero value works.
type LimiterConfig struct {
	Name string
	// Rate is how many permits there are per second, 0.0001 to 10,000,000. Default 1000.
	Rate float64
	// Burst is how many permits may be taken at once after a pause. Default a tenth of Rate, at least 1.
	Burst int
	// Smooth spaces the permits evenly: who comes early waits, at most MaxWait. Burst is then without meaning.
	Smooth bool
	// MaxWait is how long a smooth limiter lets a caller wait. Default 50ms: without a wait it rejects 34 % of
	// Poisson traffic at half its rate.
	MaxWait time.Duration
	Owner   *Optimizer // closes it and has it in its Stats; may be nil
}

func (c LimiterConfig) withDefaults() (LimiterConfig, error) {
	var err error
	c.Name = clean(c.Name)
	c.Rate = number(&err, "Rate", c.Rate, 1000, minRate, maxRate)
	if err == nil {
		c.Burst = number(&err, "Burst", c.Burst, max(1, int(c.Rate/10)), 1, maxRate)
	}
	c.MaxWait = span(&err, "MaxWait", c.MaxWait, 50*time.Millisecond)
	if err != nil {
		return c, fmt.Errorf("limiter %s: %w", c.Name, err)
	}
	return c, nil
}

// Limiter keeps a rate: a bucket of Burst permits that refills at Rate, or evenly spaced permits.
//
// Both are failsafe-go's smooth limiter. Its bursty one is a window that gives out all its permits twice around
// a boundary; a smooth one whose reservations may run ahead by Burst-1 intervals, and are not waited for, is
// exactly a bucket. https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm
type Limiter struct {
	config   LimiterConfig
	policy   atomic.Pointer[limits]
	limited  error
	admitted atomic.Uint64
	refused  atomic.Uint64
	left     atomic.Uint64 // contexts that ended in the wait
	waits    *meter
	closed   atomic.Bool
}

// limits are a rate as it is set now.
type limits struct {
	rate  float64
	ahead time.Duration // how far a reservation may lie in the future
	ratelimiter.RateLimiter[any]
}

// NewLimiter returns a Limiter, or an error that names what is out of range.
func NewLimiter(c LimiterConfig) (*Limiter, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	l := &Limiter{config: c, limited: fmt.Errorf("limiter %s: %w", c.Name, ErrLimited), waits: newMeter(0)}
	l.policy.Store(c.limits())
	return l, c.Owner.add(l)
}

func (c LimiterConfig) limits() *limits {
	interval := time.Duration(float64(time.Second) / c.Rate)
	ahead := c.MaxWait
	if !c.Smooth {
		ahead = min(time.Duration(c.Burst-1)*interval, 365*24*time.Hour)
	}
	return &limits{c.Rate, ahead, ratelimiter.NewSmoothWithMaxRate[any](interval)}
}

// SetRate changes the rate from the next permit on. A bucket is full again after it; Burst stays.
func (l *Limiter) SetRate(perSecond float64) error {
	c := l.config
	c.Rate = perSecond
	c, err := c.withDefaults()
	if err != nil || perSecond == 0 {
		return fmt.Errorf("limiter %s: %w: rate %v", l.config.Name, errConfig, perSecond)
	}
	l.policy.Store(c.limits())
	return nil
}

// Acquire takes a permit, after a wait of at most MaxWait if the limiter is smooth. The error is ErrLimited, or
// the context's. A wait that would outlast the context's deadline is refused at once and costs no permit.
func (l *Limiter) Acquire(ctx context.Context) error {
	if l.closed.Load() {
		return fmt.Errorf("limiter %s: %w", l.config.Name, ErrClosed)
	}
	if ctx = contextOf(ctx); ctx.Err() != nil {
		return ctx.Err()
	}
	p := l.policy.Load()
	ahead := p.ahead
	if deadline, ok := ctx.Deadline(); ok && l.config.Smooth {
		ahead = max(0, min(ahead, time.Until(deadline))) // -1 means for ever to failsafe-go
	}
	wait := p.TryReservePermit(ahead)
	if wait < 0 {
		l.refused.Add(1)
		return l.limited
	}
	if l.config.Smooth && wait > 0 {
		return l.wait(ctx, wait)
	}
	l.admitted.Add(1)
	return nil
}

// wait waits for a permit that is reserved. If the context ends first the permit is lost: others may already
// wait behind it.
func (l *Limiter) wait(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		l.admitted.Add(1)
		l.waits.record(capture.Now(), noWait, wait, succeeded)
		return nil
	case <-ctx.Done():
		l.left.Add(1)
		return ctx.Err()
	}
}

// LimiterStats is what a Limiter did so far.
type LimiterStats struct {
	Name     string  `json:"name"`
	Rate     float64 `json:"rate"` // permits per second
	Burst    int     `json:"burst,omitempty"`
	Smooth   bool    `json:"smooth"`
	Admitted uint64  `json:"admitted"`
	Refused  uint64  `json:"refused"`
	Left     uint64  `json:"left"`  // contexts that ended while waiting
	Waits    Times   `json:"waits"` // of those that waited for their permit
}

// Stats returns what the limiter did so far.
func (l *Limiter) Stats() LimiterStats {
	r := l.waits.read(capture.Now())
	s := LimiterStats{
		Name: l.config.Name, Rate: l.policy.Load().rate, Smooth: l.config.Smooth, Admitted: l.admitted.Load(),
		Refused: l.refused.Load(), Left: l.left.Load(), Waits: r.times,
	}
	if !s.Smooth {
		s.Burst = l.config.Burst
	}
	return s
}

func (l *Limiter) stop(context.Context) Left { l.closed.Store(true); return Left{} }
func (l *Limiter) report(s *Stats)           { s.Limiters = append(s.Limiters, l.Stats()) }

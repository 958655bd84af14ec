package async

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// BulkheadConfig configures a Bulkhead. The zero value works.
type BulkheadConfig struct {
	Name    string
	Limit   int           // permits that may be out at a time. Default 100
	MaxWait time.Duration // how long a caller waits for one. Default none
	Owner   *Optimizer    // closes it and has it in its Stats; may be nil
}

func (c BulkheadConfig) withDefaults() (BulkheadConfig, error) {
	var err error
	c.Name = clean(c.Name)
	c.Limit = number(&err, "Limit", c.Limit, 100, 1, maxWorkers)
	c.MaxWait = optional(&err, "MaxWait", c.MaxWait)
	if err != nil {
		return c, fmt.Errorf("bulkhead %s: %w", c.Name, err)
	}
	return c, nil
}

// Bulkhead bounds how many calls run at a time.
type Bulkhead struct {
	config   BulkheadConfig
	policy   bulkhead.Bulkhead[any]
	full     error
	held     atomic.Int64
	admitted atomic.Uint64
	refused  atomic.Uint64
	misused  atomic.Uint64
	waits    *meter
	closed   atomic.Bool
}

// NewBulkhead returns a Bulkhead, or an error that names what is out of range.
func NewBulkhead(c BulkheadConfig) (*Bulkhead, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	b := &Bulkhead{config: c, policy: bulkhead.New[any](uint(c.Limit)), full: fmt.Errorf("bulkhead %s: %w", c.Name, ErrFull),
		waits: newMeter(0)}
	return b, c.Owner.add(b)
}

// Acquire takes a permit, after MaxWait at most. The error is ErrFull or the context's.
func (b *Bulkhead) Acquire(ctx context.Context) error {
	if b.closed.Load() {
		return fmt.Errorf("bulkhead %s: %w", b.config.Name, ErrClosed)
	}
	ctx = contextOf(ctx)
	if err := ctx.Err(); err != nil { // failsafe-go would let chance decide
		return err
	}
	if !b.policy.TryAcquirePermit() {
		if err := b.wait(ctx); err != nil {
			return err
		}
	}
	b.held.Add(1)
	b.admitted.Add(1)
	return nil
}

func (b *Bulkhead) wait(ctx context.Context) error {
	if b.config.MaxWait == 0 {
		b.refused.Add(1)
		return b.full
	}
	start := capture.Now()
	err := b.policy.AcquirePermitWithMaxWait(ctx, b.config.MaxWait)
	now := capture.Now()
	b.waits.record(now, noWait, time.Duration(now-start), outcomeOf(err))
	if errors.Is(err, bulkhead.ErrFull) {
		b.refused.Add(1)
		return b.full
	}
	return err
}

// Release gives a permit back. Without one it fails with ErrUsed; failsafe-go would wait for one for ever.
func (b *Bulkhead) Release() error {
	for {
		held := b.held.Load()
		if held < 1 {
			b.misused.Add(1)
			return fmt.Errorf("bulkhead %s: %w", b.config.Name, ErrUsed)
		}
		if b.held.CompareAndSwap(held, held-1) {
			b.policy.ReleasePermit()
			return nil
		}
	}
}

// Do calls fn with a permit, which is given back also if fn panics.
func (b *Bulkhead) Do(ctx context.Context, fn func(context.Context) error) error {
	if err := b.Acquire(ctx); err != nil {
		return err
	}
	defer b.Release()
	return fn(contextOf(ctx))
}

// BulkheadStats is what a Bulkhead did so far.
type BulkheadStats struct {
	Name        string  `json:"name"`
	Limit       int     `json:"limit"`
	InUse       int     `json:"in_use"`
	Utilisation float64 `json:"utilisation"` // now, 0 to 1
	Admitted    uint64  `json:"admitted"`
	Refused     uint64  `json:"refused"`
	Misused     uint64  `json:"misused"` // releases without a permit
	Waits       Times   `json:"waits"`   // of those that found no permit at once
}

// Stats returns what the bulkhead did so far.
func (b *Bulkhead) Stats() BulkheadStats {
	r := b.waits.read(capture.Now())
	held := int(b.held.Load())
	return BulkheadStats{
		Name: b.config.Name, Limit: b.config.Limit, InUse: held, Utilisation: float64(held) / float64(b.config.Limit),
		Admitted: b.admitted.Load(), Refused: b.refused.Load(), Misused: b.misused.Load(), Waits: r.times,
	}
}

func (b *Bulkhead) stop(context.Context) Left { b.closed.Store(true); return Left{} }
func (b *Bulkhead) report(s *Stats)           { s.Bulkheads = append(s.Bulkheads, b.Stats()) }

package async

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/budget"
	"github.com/failsafe-go/failsafe-go/fallback"
	"github.com/failsafe-go/failsafe-go/hedgepolicy"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	"github.com/failsafe-go/failsafe-go/timeout"
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// Gate lets calls in or refuses them, and learns from how they end. An error of Acquire means that release is nil.
type Gate interface {
	Acquire(ctx context.Context) (release func(err error), err error)
}

// OperationConfig says what an Operation is made of. The zero value is a call that is only measured.
type OperationConfig[T any] struct {
	Name     string
	Retry    RetryConfig
	Hedge    HedgeConfig
	Timeout  time.Duration // of an attempt; the function's context ends, and it must heed that. Default none
	Breaker  *Breaker      // each attempt, whose Timeout is a failure
	Limiter  *Limiter      // each call of the function, also a hedge's
	Bulkhead *Bulkhead     // each call of the function, also a hedge's
	Gate     Gate          // each call of the function, also a hedge's
	// Fallback answers instead after a failure, unless the caller's context ended or the function panicked.
	Fallback func(ctx context.Context, err error) (T, error)
	// Retryable says which errors are worth a retry or a Fallback. Default all. What this package refused, a panic and
	// a cancelled context never are worth a retry.
	Retryable func(error) bool
	Owner     *Optimizer // closes it, has it in its Stats, and records each Do as Run does; may be nil
}

// RetryConfig says how failures are tried again. The zero value never does.
type RetryConfig struct {
	Max      int           // retries after the first attempt. Default 0
	Delay    time.Duration // wait before the first, doubled for each. Default 50ms
	MaxDelay time.Duration // longest wait. Default 2s
	// Budget is the share of the running attempts that may be retries, 0 to 1, beyond the first three of them, so
	// that retries do not finish off what is overloaded. Default 0.2
	Budget float64
}

// HedgeConfig says when a call that takes long is made a second time, the first answer being taken. The zero value
// never does. The function must be one that may run twice.
type HedgeConfig struct {
	Max    int           // calls beside the first. Default 0
	Delay  time.Duration // after which a call is hedged, such as its p95. Required if Max is not 0
	Budget float64       // share of the running calls that may be hedges, 0 to 1, beyond the first three. Default 0.2
}

func (c OperationConfig[T]) withDefaults() (OperationConfig[T], error) {
	var err error
	c.Name = clean(c.Name)
	c.Retry.Max = number(&err, "Retry.Max", c.Retry.Max, 0, 0, 100)
	c.Retry.Delay = span(&err, "Retry.Delay", c.Retry.Delay, 50*time.Millisecond)
	c.Retry.MaxDelay = span(&err, "Retry.MaxDelay", c.Retry.MaxDelay, max(2*time.Second, c.Retry.Delay+1))
	c.Retry.Budget = number(&err, "Retry.Budget", c.Retry.Budget, 0.2, 0, 1)
	c.Hedge.Max = number(&err, "Hedge.Max", c.Hedge.Max, 0, 0, 10)
	c.Hedge.Delay = optional(&err, "Hedge.Delay", c.Hedge.Delay)
	c.Hedge.Budget = number(&err, "Hedge.Budget", c.Hedge.Budget, 0.2, 0, 1)
	c.Timeout = optional(&err, "Timeout", c.Timeout)
	switch {
	case err != nil:
	case c.Retry.MaxDelay <= c.Retry.Delay: // failsafe-go would panic
		err = fmt.Errorf("%w: Retry.MaxDelay %v must be more than Retry.Delay %v", errConfig, c.Retry.MaxDelay, c.Retry.Delay)
	case c.Hedge.Max > 0 && c.Hedge.Delay == 0:
		err = fmt.Errorf("%w: Hedge.Max without Hedge.Delay", errConfig)
	}
	if err != nil {
		return c, fmt.Errorf("operation %s: %w", c.Name, err)
	}
	return c, nil
}

// Operation is a kind of call with all that protects it, composed once:
//
//	fallback( retry( breaker( timeout( hedge( limiter, gate, bulkhead, function )))))
//
// Failsafe-go's executor runs only where there is a retry, fallback, timeout or hedge; the others are permits.
type Operation[T any] struct {
	config OperationConfig[T]
	outer  failsafe.Executor[T] // fallback and retry; nil if there is neither
	inner  failsafe.Executor[T] // timeout and hedge; nil if there is neither
	meter  *meter
	calls  inflight // Dos, and calls of the function that outlive them
	counts operationCounts
}

type operationCounts struct {
	began, attempts, retries, hedges, timeouts, fallbacks, refused, panics, overBudget atomic.Uint64
}

// NewOperation composes an Operation, or returns an error that names what is out of range.
func NewOperation[T any](c OperationConfig[T]) (*Operation[T], error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	o := &Operation[T]{config: c, meter: newMeter(0)}
	o.compose()
	return o, c.Owner.add(o)
}

func (o *Operation[T]) compose() {
	c := o.config
	var outer, inner []failsafe.Policy[T]
	if c.Fallback != nil {
		outer = append(outer, o.fallback())
	}
	if c.Retry.Max > 0 {
		outer = append(outer, o.retry())
	}
	if c.Timeout > 0 {
		inner = append(inner, timeout.New[T](c.Timeout))
	}
	if c.Hedge.Max > 0 {
		inner = append(inner, o.hedge())
	}
	if len(outer) > 0 {
		o.outer = failsafe.With(outer...)
	}
	if len(inner) > 0 {
		o.inner = failsafe.With(inner...)
	}
}

func (o *Operation[T]) fallback() failsafe.Policy[T] {
	answer := func(exec failsafe.Execution[T]) (v T, err error) {
		o.counts.fallbacks.Add(1)
		defer func() {
			if p := recover(); p != nil {
				o.counts.panics.Add(1)
				err = newPanic(p)
			}
		}()
		return o.config.Fallback(exec.Context(), exec.LastError())
	}
	return fallback.NewBuilderWithFunc(answer).HandleIf(func(_ T, err error) bool {
		return err != nil && !panicked(err) && (rejected(err) || errors.Is(err, budget.ErrExceeded) || o.retryable(err))
	}).Build()
}

func (o *Operation[T]) retry() failsafe.Policy[T] {
	c := o.config.Retry
	return retrypolicy.NewBuilder[T]().WithMaxRetries(c.Max).WithBackoff(c.Delay, c.MaxDelay).WithJitterFactor(.25).
		WithBudget(budget.NewBuilder().WithMaxRate(c.Budget).Build()).ReturnLastFailure().
		HandleIf(func(_ T, err error) bool {
			return err != nil && !panicked(err) && !rejected(err) && !errors.Is(err, context.Canceled) && o.retryable(err)
		}).Build()
}

func (o *Operation[T]) retryable(err error) bool {
	return o.config.Retryable == nil || o.config.Retryable(err)
}

func (o *Operation[T]) hedge() failsafe.Policy[T] {
	c := o.config.Hedge
	return hedgepolicy.NewBuilderWithDelay[T](c.Delay).WithMaxHedges(c.Max).
		WithBudget(budget.NewBuilder().WithMaxRate(c.Budget).Build()).
		CancelIf(func(_ T, err error) bool { return err == nil || panicked(err) }).
		OnHedge(func(failsafe.ExecutionEvent[T]) { o.counts.hedges.Add(1) }).Build()
}

func panicked(err error) bool {
	_, ok := errors.AsType[*PanicError](err)
	return ok
}

// call is one Do. Hedges share it.
type call[T any] struct {
	of *Operation[T]
	fn func(context.Context) (T, error)

	attempts int
	value    T // of the last attempt
	err      error

	mu     sync.Mutex
	panics []*PanicError
}

// Do calls fn under the Operation's policies. A panic of fn goes on in the caller, after all permits are given back:
// in failsafe-go it would keep them.
func (o *Operation[T]) Do(ctx context.Context, fn func(context.Context) (T, error)) (v T, err error) {
	ctx = contextOf(ctx)
	if err := ctx.Err(); err != nil { // failsafe-go would call fn
		return v, err
	}
	if !o.calls.begin() {
		return v, fmt.Errorf("operation %s: %w", o.config.Name, ErrClosed)
	}
	defer o.calls.end()
	o.counts.began.Add(1)
	start := capture.Now()
	var r run
	if o.config.Owner != nil {
		r, ctx = o.config.Owner.begin(ctx, o.config.Name)
	}
	err = ErrGoexit
	defer func() {
		now := capture.Now()
		o.meter.record(now, noWait, time.Duration(now-start), outcomeOf(err))
		r.end(err)
	}()
	c := &call[T]{of: o, fn: fn}
	v, err = c.run(ctx)
	if p := c.panicOf(err); p != nil {
		panic(p.Value)
	}
	return v, err
}

// panicOf is the panic of the function that err is, if any. One of a hedge that lost changes nothing, and one that the
// function returned as an error stays one.
func (c *call[T]) panicOf(err error) *PanicError {
	p, ok := errors.AsType[*PanicError](err)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !ok || !slices.Contains(c.panics, p) {
		return nil
	}
	return p
}

// run goes through fallback and retry. A success of the last attempt stands, also if the context ended just then:
// failsafe-go would give the context's error and lose the value.
func (c *call[T]) run(ctx context.Context) (T, error) {
	if c.of.outer == nil {
		return c.attempt(ctx)
	}
	v, err := c.of.outer.WithContext(ctx).GetWithExecution(func(exec failsafe.Execution[T]) (T, error) {
		return c.attempt(exec.Context())
	})
	switch {
	case err != nil && c.attempts > 0 && c.err == nil:
		return c.value, nil
	case errors.Is(err, budget.ErrExceeded):
		c.of.counts.overBudget.Add(1)
		return v, fmt.Errorf("operation %s: %w: %w", c.of.config.Name, ErrBudget, c.err)
	}
	return v, err
}

// attempt is one try, weighed by the breaker.
func (c *call[T]) attempt(ctx context.Context) (T, error) {
	o := c.of
	if err := ctx.Err(); err != nil {
		return *new(T), err
	}
	if c.attempts++; c.attempts > 1 {
		o.counts.retries.Add(1)
	}
	o.counts.attempts.Add(1)
	if o.config.Breaker == nil {
		c.value, c.err = c.timed(ctx)
		return c.value, c.err
	}
	permit, err := o.config.Breaker.Acquire()
	if err != nil {
		o.counts.refused.Add(1)
		if c.err != nil {
			err = fmt.Errorf("%w, after %w", err, c.err)
		}
		c.err = err
		return *new(T), err
	}
	c.err = ErrGoexit
	defer func() { permit.Done(c.err) }()
	c.value, c.err = c.timed(ctx)
	return c.value, c.err
}

// timed goes through timeout and hedge.
func (c *call[T]) timed(ctx context.Context) (T, error) {
	o := c.of
	if o.inner == nil {
		return c.guarded(ctx)
	}
	v, err := o.inner.WithContext(ctx).GetWithExecution(func(exec failsafe.Execution[T]) (T, error) {
		return c.guarded(exec.Context())
	})
	if errors.Is(err, timeout.ErrExceeded) {
		o.counts.timeouts.Add(1)
		return v, fmt.Errorf("operation %s: %w after %v", o.config.Name, ErrTimeout, o.config.Timeout)
	}
	return v, err
}

// guarded calls the function with the permits it needs.
func (c *call[T]) guarded(ctx context.Context) (v T, err error) {
	o := c.of
	o.calls.more() // a hedge that lost may go on after Do
	defer o.calls.end()
	if err := ctx.Err(); err != nil {
		return v, err
	}
	release, err := o.admit(ctx)
	if err != nil {
		o.counts.refused.Add(1)
		return v, err
	}
	err = ErrGoexit
	defer func() { release.all(err) }()
	return c.recovered(ctx, &err)
}

// recovered calls the function and turns its panic into an error, within all that waits for an outcome.
func (c *call[T]) recovered(ctx context.Context, outcome *error) (v T, err error) {
	defer func() {
		if p := recover(); p != nil {
			e := newPanic(p)
			c.of.counts.panics.Add(1)
			c.mu.Lock()
			c.panics = append(c.panics, e)
			c.mu.Unlock()
			v, err = *new(T), e
		}
		*outcome = err
	}()
	err = ErrGoexit
	v, err = c.fn(ctx)
	return v, err
}

// permits are what a call of the function holds.
type permits struct {
	gate     func(error)
	bulkhead *Bulkhead
}

// admit takes the permits, those first that cost nothing when a later one is refused.
func (o *Operation[T]) admit(ctx context.Context) (p permits, err error) {
	c := &o.config
	if c.Limiter != nil {
		if err := c.Limiter.Acquire(ctx); err != nil {
			return p, err
		}
	}
	if c.Bulkhead != nil {
		if err := c.Bulkhead.Acquire(ctx); err != nil {
			return p, err
		}
		p.bulkhead = c.Bulkhead
	}
	if c.Gate != nil {
		release, err := c.Gate.Acquire(ctx)
		if err != nil {
			p.all(nil)
			if ctx.Err() != nil {
				return permits{}, ctx.Err()
			}
			return permits{}, &RejectedError{err}
		}
		p.gate = release
	}
	return p, nil
}

// all gives the permits back.
func (p permits) all(err error) {
	if p.bulkhead != nil {
		defer p.bulkhead.Release()
	}
	if p.gate != nil {
		p.gate(err)
	}
}

// Close refuses calls from now on and waits for those that run. When ctx ends first, a *CloseError counts them.
func (o *Operation[T]) Close(ctx context.Context) error {
	ctx = contextOf(ctx)
	o.config.Owner.remove(o)
	return closeError(ctx, o.stop(ctx))
}

func (o *Operation[T]) stop(ctx context.Context) Left {
	ended := o.calls.close()
	select {
	case <-ended:
		return Left{}
	default:
	}
	select {
	case <-ended:
		return Left{}
	case <-ctx.Done():
		return Left{"operation", o.config.Name, 0, o.calls.count()}
	}
}

// ComposedStats is what an Operation did so far.
type ComposedStats struct {
	Name       string  `json:"name"`
	InFlight   int     `json:"in_flight"`
	Completed  uint64  `json:"completed"` // without an error, also by the fallback
	Failed     uint64  `json:"failed"`
	Cancelled  uint64  `json:"cancelled"`
	ErrorRate  float64 `json:"error_rate"`
	Throughput float64 `json:"throughput"` // per second, in the last ten
	Attempts   uint64  `json:"attempts"`
	Retries    uint64  `json:"retries"`
	OverBudget uint64  `json:"over_budget"` // failures that were not tried again because of the budget
	Hedges     uint64  `json:"hedges"`
	Timeouts   uint64  `json:"timeouts"`
	Fallbacks  uint64  `json:"fallbacks"`
	Refused    uint64  `json:"refused"` // by breaker, limiter, bulkhead or gate
	Panics     uint64  `json:"panics"`
	Times      Times   `json:"times"` // of Do
}

// Stats returns what the operation did so far.
func (o *Operation[T]) Stats() ComposedStats {
	r := o.meter.read(capture.Now())
	n := &o.counts
	return ComposedStats{
		Name: o.config.Name, Completed: r.counts[succeeded], Failed: r.counts[failed], Cancelled: r.counts[cancelled],
		ErrorRate: r.errorRate(), Throughput: r.perSecond, Attempts: n.attempts.Load(), Retries: n.retries.Load(),
		OverBudget: n.overBudget.Load(), Hedges: n.hedges.Load(), Timeouts: n.timeouts.Load(), Fallbacks: n.fallbacks.Load(),
		Refused: n.refused.Load(), Panics: n.panics.Load(), Times: r.times,
		InFlight: max(0, int(n.began.Load())-int(r.total())),
	}
}

func (o *Operation[T]) report(s *Stats) { s.Composed = append(s.Composed, o.Stats()) }

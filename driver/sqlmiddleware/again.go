package sqlmiddleware

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/budget"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// RetryStats counts what a Retrier did so far. Each statement that it tried again, or would have, ends in one of
// Recovered, GaveUp, Exhausted and Canceled.
type RetryStats struct {
	Retries   uint64 // attempts after the first
	Recovered uint64 // statements that were no longer busy in the end, whatever else they then met
	GaveUp    uint64 // busy until MaxRetries or MaxDuration
	Exhausted uint64 // not tried again because the budget was used up
	Canceled  uint64 // whose context ended meanwhile
	Left      uint64 // busy where Retry must not act, such as within a transaction
}

type retryCounts struct {
	retries, recovered, gaveUp, exhausted, canceled, left atomic.Uint64
}

// Stats returns the counts. They are read one after the other, while statements run.
func (r *Retrier) Stats() RetryStats {
	c := &r.counts
	return RetryStats{
		Retries: c.retries.Load(), Recovered: c.recovered.Load(), GaveUp: c.gaveUp.Load(),
		Exhausted: c.exhausted.Load(), Canceled: c.canceled.Load(), Left: c.left.Load(),
	}
}

// newPolicy has everything but MaxDuration, which again counts from the first attempt.
func (r *Retrier) newPolicy() failsafe.Policy[any] {
	c := r.config
	b := retrypolicy.NewBuilder[any]().
		HandleIf(func(_ any, err error) bool { return isBusy(err) }).
		WithMaxRetries(max(c.MaxRetries, -1)).
		ReturnLastFailure()
	if c.Delay > 0 {
		b.WithBackoff(c.Delay, c.MaxDelay)
	}
	if c.Jitter > 0 {
		b.WithJitterFactor(c.Jitter)
	}
	if c.BudgetRate > 0 {
		b.WithBudget(budget.NewBuilder().WithMaxRate(c.BudgetRate).WithMinConcurrency(c.BudgetMin).Build())
	}
	if c.OnRetry != nil {
		b.OnRetryScheduled(r.announce)
	}
	return b.Build()
}

func (r *Retrier) announce(e failsafe.ExecutionScheduledEvent[any]) {
	defer func() { _ = recover() }() // a callback's fault must not become the statement's
	r.config.OnRetry(e.Context(), RetryEvent{Retry: e.Attempts(), Delay: e.Delay, Err: e.LastError()})
}

// again goes on with what was busy at first. Failsafe-go meets it only now, so that a statement that is not
// busy pays nothing for it. What counts is the outcome of the last attempt, not failsafe-go's: that one is the
// context's error also for a BEGIN that succeeded just before, whose transaction would be lost.
func again[T any](ctx context.Context, r *Retrier, start time.Time, busy error, try func() (T, error)) (T, error) {
	var last T
	err, first := busy, true
	wait, cancel := r.bound(ctx, start)
	defer cancel()
	var panicked any // failsafe-go would keep the attempt in the budget for ever
	stopped := failsafe.With(r.policy).WithContext(wait).Run(func() error {
		if first {
			first = false
			return err
		}
		defer func() { panicked = recover() }()
		r.counts.retries.Add(1)
		last, err = try()
		return err
	})
	switch {
	case panicked != nil:
		panic(panicked)
	case !isBusy(err) && !endedBy(ctx, err):
		r.counts.recovered.Add(1)
	case ctx != nil && ctx.Err() != nil:
		r.counts.canceled.Add(1)
		err = ctx.Err()
	case errors.Is(stopped, budget.ErrExceeded):
		r.counts.exhausted.Add(1)
	default:
		r.counts.gaveUp.Add(1)
	}
	return last, err
}

// endedBy says that an attempt ended with the context: modernc waits for the lock until then.
func endedBy(ctx context.Context, err error) bool {
	return ctx != nil && err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err())
}

// bound is the context of the waits. Attempts get the caller's own.
func (r *Retrier) bound(ctx context.Context, start time.Time) (context.Context, context.CancelFunc) {
	if ctx == nil {
		ctx = context.Background() // modernc takes nil from callers that hold the connection by sql.Conn.Raw
	}
	if r.config.MaxDuration < 0 {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, start.Add(r.config.MaxDuration))
}

// isBusy reports whether err is a SQLITE_BUSY that waiting can help.
func isBusy(err error) bool {
	if err == nil {
		return false
	}
	failure, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return false
	}
	switch failure.Code() {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY, sqlite3.SQLITE_BUSY_TIMEOUT:
		return true
	}
	return false
}

package async

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/budget"
)

func newOperation[T any](t testing.TB, c OperationConfig[T]) *Operation[T] {
	t.Helper()
	o, err := NewOperation(c)
	must(t, err)
	return o
}

// script answers with one error after the other, and then with how many calls there were.
func script(calls *int, errs ...error) func(context.Context) (int, error) {
	return func(context.Context) (int, error) {
		*calls++
		if *calls <= len(errs) && errs[*calls-1] != nil {
			return 0, errs[*calls-1]
		}
		return *calls, nil
	}
}

func TestRetries(t *testing.T) {
	never := func(err error) bool { return !errors.Is(err, errBroken) }
	for name, test := range map[string]struct {
		config OperationConfig[int]
		errs   []error
		value  int
		calls  int
		err    error
	}{
		"success":          {OperationConfig[int]{Retry: RetryConfig{Max: 2}}, nil, 1, 1, nil},
		"recovers":         {OperationConfig[int]{Retry: RetryConfig{Max: 2}}, []error{errBroken, errBroken}, 3, 3, nil},
		"gives up":         {OperationConfig[int]{Retry: RetryConfig{Max: 1}}, []error{errBroken, errBroken}, 0, 2, errBroken},
		"not worth it":     {OperationConfig[int]{Retry: RetryConfig{Max: 2}, Retryable: never}, []error{errBroken}, 0, 1, errBroken},
		"refused":          {OperationConfig[int]{Retry: RetryConfig{Max: 2}}, []error{fmt.Errorf("x: %w", ErrFull)}, 0, 1, ErrFull},
		"rate limit":       {OperationConfig[int]{Retry: RetryConfig{Max: 2}}, []error{ErrLimited}, 0, 1, ErrLimited},
		"cancelled":        {OperationConfig[int]{Retry: RetryConfig{Max: 2}}, []error{context.Canceled}, 0, 1, context.Canceled},
		"without":          {OperationConfig[int]{}, []error{errBroken}, 0, 1, errBroken},
		"fallback":         {OperationConfig[int]{Fallback: func(context.Context, error) (int, error) { return 42, nil }}, []error{errBroken}, 42, 1, nil},
		"fallback refused": {OperationConfig[int]{Fallback: func(context.Context, error) (int, error) { return 42, nil }}, []error{ErrOpen}, 42, 1, nil},
		"fallback fails":   {OperationConfig[int]{Fallback: func(_ context.Context, err error) (int, error) { return 0, fmt.Errorf("neither: %w", err) }}, []error{errBroken}, 0, 1, errBroken},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, calls := newOperation(t, test.config), 0
				v, err := o.Do(t.Context(), script(&calls, test.errs...))
				wants(t, err, test.err)
				if v != test.value || calls != test.calls {
					t.Errorf("%d after %d calls, want %d after %d", v, calls, test.value, test.calls)
				}
				if s := o.Stats(); s.Completed+s.Failed+s.Cancelled != 1 || int(s.Attempts) != calls || int(s.Retries) != calls-1 {
					t.Errorf("%+v", s)
				}
				must(t, o.Close(t.Context()))
				_, err = o.Do(t.Context(), script(&calls))
				wants(t, err, ErrClosed)
			})
		})
	}
}

// TestPanicGivesEverythingBack guards against failsafe-go's keeping permits, the budget's count and a half-open
// breaker's trial when the function panics, and against a hedge's panic, which is on another goroutine, ending the process.
func TestPanicGivesEverythingBack(t *testing.T) {
	for name, config := range map[string]OperationConfig[int]{
		"permits":  {},
		"retry":    {Retry: RetryConfig{Max: 3}},
		"fallback": {Fallback: func(context.Context, error) (int, error) { return 1, nil }},
		"timeout":  {Timeout: time.Second},
		"hedge":    {Hedge: HedgeConfig{Max: 1, Delay: time.Second}},
		"all": {Retry: RetryConfig{Max: 3}, Timeout: time.Minute, Hedge: HedgeConfig{Max: 1, Delay: time.Second},
			Fallback: func(context.Context, error) (int, error) { return 1, nil }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := &gate{}
				config.Bulkhead, config.Breaker, config.Gate = newBulkhead(t, BulkheadConfig{Limit: 1}), newBreaker(t, BreakerConfig{Failures: 1}), g
				o := newOperation(t, config)
				for range 3 { // closed, then two trials
					func() {
						defer func() {
							if p := recover(); p != errBroken {
								t.Errorf("panic %v, want the function's", p)
							}
						}()
						o.Do(t.Context(), func(context.Context) (int, error) { panic(errBroken) })
					}()
					if s := config.Bulkhead.Stats(); s.InUse != 0 || g.in.Load() != 0 {
						t.Errorf("%d permits out, %d in the gate", s.InUse, g.in.Load())
					}
					if s := config.Breaker.Stats(); s.State != "open" {
						t.Errorf("%+v", s)
					}
					time.Sleep(5 * time.Second)
				}
				v, err := o.Do(t.Context(), func(context.Context) (int, error) { return 7, nil })
				if must(t, err); v != 7 || config.Breaker.Stats().State != "closed" {
					t.Errorf("%d, %+v", v, config.Breaker.Stats())
				}
				if s := o.Stats(); s.Panics != 3 || s.Failed != 3 || s.InFlight != 0 {
					t.Errorf("%+v", s)
				}
				must(t, o.Close(t.Context()))
			})
		})
	}
}

// gate counts who is in.
type gate struct {
	in   atomic.Int64
	shut error
	last error
}

func (g *gate) Acquire(context.Context) (func(error), error) {
	if g.shut != nil {
		return nil, g.shut
	}
	g.in.Add(1)
	return func(err error) { g.in.Add(-1); g.last = err }, nil
}

// TestGateRefuses: its error is told, costs nothing that was taken before, and is neither tried again nor a failure.
func TestGateRefuses(t *testing.T) {
	g := &gate{shut: errBroken}
	bulkhead, breaker, calls := newBulkhead(t, BulkheadConfig{Limit: 1}), newBreaker(t, BreakerConfig{Failures: 2}), 0
	o := newOperation(t, OperationConfig[int]{Gate: g, Bulkhead: bulkhead, Breaker: breaker, Retry: RetryConfig{Max: 3}})
	_, err := o.Do(t.Context(), script(&calls))
	wants(t, err, errBroken)
	if s := o.Stats(); calls != 0 || bulkhead.Stats().InUse != 0 || breaker.Stats().State != "closed" || s.Attempts != 1 || s.Refused != 1 {
		t.Errorf("%d calls, %+v", calls, s)
	}
	g.shut = nil
	_, err = o.Do(t.Context(), script(&calls, errBroken))
	if must(t, err); g.last != nil || g.in.Load() != 0 {
		t.Errorf("the gate was told %v", g.last)
	}
}

// TestEndedContextRunsNothing guards against failsafe-go's Timeout and executor, which call the function with a context that
// has ended.
func TestEndedContextRunsNothing(t *testing.T) {
	o := newOperation(t, OperationConfig[int]{Timeout: time.Second, Retry: RetryConfig{Max: 1}, Hedge: HedgeConfig{Max: 1, Delay: time.Second}})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	calls := 0
	_, err := o.Do(gone, script(&calls))
	if wants(t, err, context.Canceled); calls != 0 {
		t.Errorf("%d calls", calls)
	}
	raw := 0
	failsafe.With[int]().WithContext(gone).Run(func() error { raw++; return nil })
	if raw != 1 {
		t.Error("failsafe-go does not call it any more: the check may go")
	}
}

// TestTimeoutIsAFailure: of an attempt, which the breaker counts, and the function's context ends. It is cooperative:
// failsafe-go waits for a function that does not heed it, and so does Do.
func TestTimeoutIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		breaker := newBreaker(t, BreakerConfig{Failures: 2})
		o := newOperation(t, OperationConfig[int]{Name: "quote", Timeout: time.Second, Retry: RetryConfig{Max: 1, Delay: time.Millisecond}, Breaker: breaker})
		start := time.Now()
		_, err := o.Do(t.Context(), func(ctx context.Context) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		})
		wants(t, err, ErrTimeout)
		if took := time.Since(start).Truncate(10 * time.Millisecond); took != 2*time.Second || breaker.Stats().State != "open" || o.Stats().Timeouts != 2 {
			t.Errorf("took %v, %+v, %+v", took, breaker.Stats(), o.Stats())
		}
		_, err = o.Do(t.Context(), func(context.Context) (int, error) { return 0, nil })
		wants(t, err, ErrOpen)
		time.Sleep(time.Minute)
		start = time.Now()
		_, err = o.Do(t.Context(), func(context.Context) (int, error) { time.Sleep(time.Hour); return 1, nil })
		if wants(t, err, ErrTimeout); time.Since(start) < time.Hour {
			t.Errorf("returned after %v, and the function goes on", time.Since(start))
		}
	})
}

// TestSuccessStands guards against failsafe-go's giving the context's error for an attempt that succeeded just before it ended.
func TestSuccessStands(t *testing.T) {
	o := newOperation(t, OperationConfig[int]{Retry: RetryConfig{Max: 1}})
	ctx, cancel := context.WithCancel(t.Context())
	v, err := o.Do(ctx, func(context.Context) (int, error) { cancel(); return 7, nil })
	if must(t, err); v != 7 {
		t.Errorf("got %d", v)
	}
}

// TestRetryBudget has twenty calls fail at once. Beyond the first three, a fifth of the attempts may be retries.
func TestRetryBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOperation(t, OperationConfig[int]{Retry: RetryConfig{Max: 1, Delay: time.Second}})
		var all sync.WaitGroup
		var over atomic.Int64
		for range 20 {
			all.Go(func() {
				_, err := o.Do(context.Background(), func(ctx context.Context) (int, error) { time.Sleep(time.Hour); return 0, errBroken })
				if wants(t, err, errBroken); errors.Is(err, ErrBudget) {
					over.Add(1)
				}
			})
		}
		all.Wait()
		if s := o.Stats(); s.Retries < 3 || s.Retries > 6 || s.Retries+s.OverBudget != 20 || over.Load() != int64(s.OverBudget) {
			t.Errorf("%d retries, %d over the budget, %d told", s.Retries, s.OverBudget, over.Load())
		}
		if errors.Is(ErrBudget, budget.ErrExceeded) {
			t.Error("one error for two things")
		}
	})
}

// TestHedge: the second call answers, the first is told, and Close waits for it.
func TestHedge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOperation(t, OperationConfig[int]{Hedge: HedgeConfig{Max: 1, Delay: time.Second}, Bulkhead: newBulkhead(t, BulkheadConfig{Limit: 2})})
		var calls atomic.Int64
		var ended atomic.Bool
		start := time.Now()
		v, err := o.Do(t.Context(), func(ctx context.Context) (int, error) {
			if calls.Add(1) == 2 {
				return 2, nil
			}
			<-ctx.Done()
			time.Sleep(time.Hour)
			ended.Store(true)
			panic("a loser's")
		})
		if must(t, err); v != 2 || time.Since(start) != time.Second || o.Stats().Hedges != 1 {
			t.Errorf("%d after %v", v, time.Since(start))
		}
		if must(t, o.Close(t.Context())); !ended.Load() {
			t.Error("Close did not wait for the first call")
		}
	})
}

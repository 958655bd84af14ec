package async

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func newLimiter(t testing.TB, c LimiterConfig) *Limiter {
	t.Helper()
	l, err := NewLimiter(c)
	must(t, err)
	return l
}

func newBreaker(t testing.TB, c BreakerConfig) *Breaker {
	t.Helper()
	b, err := NewBreaker(c)
	must(t, err)
	return b
}

func newBulkhead(t testing.TB, c BulkheadConfig) *Bulkhead {
	t.Helper()
	b, err := NewBulkhead(c)
	must(t, err)
	return b
}

// TestLimiterIsABucket guards against failsafe-go's bursty limiter, which gives out two bursts around the boundary of its
// period: from any moment on a bucket gives Burst + Rate × time at most.
func TestLimiterIsABucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(t, LimiterConfig{Rate: 100, Burst: 20})
		take := func() (n int) {
			for l.Acquire(t.Context()) == nil {
				n++
			}
			return n
		}
		time.Sleep(995 * time.Millisecond) // just before a period of a second would end
		if n := take(); n != 20 {
			t.Errorf("%d at once, want 20", n)
		}
		time.Sleep(10 * time.Millisecond)
		if n := take(); n != 1 {
			t.Errorf("%d 10 ms later, want 1", n)
		}
		time.Sleep(100 * time.Millisecond)
		if n := take(); n != 10 {
			t.Errorf("%d 100 ms later, want 10", n)
		}
		time.Sleep(time.Hour)
		if n := take(); n != 20 {
			t.Errorf("%d an hour later, want 20", n)
		}
		must(t, l.SetRate(10))
		time.Sleep(time.Hour)
		take()
		time.Sleep(time.Second)
		if n := take(); n != 10 {
			t.Errorf("%d in a second at the new rate of 10", n)
		}
		if l.SetRate(0) == nil || l.SetRate(-1) == nil || l.SetRate(1e12) == nil {
			t.Error("takes nonsense")
		}
		wants(t, l.Acquire(t.Context()), ErrLimited)
		if s := l.Stats(); s.Admitted != 81 || s.Refused != 7 || s.Rate != 10 {
			t.Errorf("%+v", s)
		}
	})
}

// TestLimiterSmooth has ten callers come at once, at 10 ms each.
func TestLimiterSmooth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(t, LimiterConfig{Rate: 100, Smooth: true})
		start := time.Now()
		var mu sync.Mutex
		var admitted, refused int
		var last time.Duration
		for range 10 {
			go func() {
				err := l.Acquire(context.Background())
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					admitted, last = admitted+1, max(last, time.Since(start))
				} else if refused++; !errors.Is(err, ErrLimited) || time.Since(start) != 0 {
					t.Errorf("%v after %v", err, time.Since(start))
				}
			}()
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if admitted != 6 || refused != 4 || last != 50*time.Millisecond {
			t.Errorf("%d admitted, the last after %v, %d refused; want 6 within 50 ms and 4", admitted, last, refused)
		}
		must(t, l.Acquire(t.Context()))
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		defer cancel()
		before := time.Now()
		wants(t, l.Acquire(ctx), ErrLimited) // at once: the permit comes after 10 ms
		if time.Since(before) != 0 {
			t.Errorf("refused after %v", time.Since(before))
		}
		early, stop := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, stop)
		wants(t, l.Acquire(early), context.Canceled)
		wants(t, l.Acquire(early), context.Canceled)
	})
}

// TestBreakerOpensAndTries walks through its states, and draws calls: o let through, x refused.
func TestBreakerOpensAndTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var changes string
		b := newBreaker(t, BreakerConfig{Name: "mail", OnChange: func(c BreakerChange) {
			mu.Lock()
			defer mu.Unlock()
			changes += c.To + " "
		}})
		call := func(err error) string {
			if errors.Is(b.Do(t.Context(), func(context.Context) error { return err }), ErrOpen) {
				return "x"
			}
			return "o"
		}
		var drawn string
		for _, err := range []error{errBroken, errBroken, errBroken, errBroken, nil, errBroken, errBroken, errBroken, errBroken, errBroken, nil} {
			drawn += call(err)
		}
		time.Sleep(4 * time.Second)
		drawn += call(nil)
		time.Sleep(time.Second)
		drawn += call(errBroken) + call(nil) // the trial fails
		time.Sleep(5 * time.Second)
		drawn += call(nil) + call(nil)
		if drawn != "ooooooooooxxoxoo" {
			t.Error(drawn)
		}
		synctest.Wait()
		if s := b.Stats(); changes != "open half-open open half-open closed " || s.State != "closed" || s.Opened != 2 || s.Refused != 3 {
			t.Errorf("%s %+v", changes, s)
		}
	})
}

// TestTrialIsNeverLost guards against failsafe-go's half-open state, which has one permit per trial and gets it back by
// an outcome only: a panic, a refusal further in or a cancelled call would leave the breaker half-open for ever.
func TestTrialIsNeverLost(t *testing.T) {
	for name, trial := range map[string]func(context.Context) error{
		"panic":     func(context.Context) error { panic("in the trial") },
		"refusal":   func(context.Context) error { return fmt.Errorf("bulkhead: %w", ErrFull) },
		"gate":      func(context.Context) error { return &RejectedError{errBroken} },
		"cancelled": func(context.Context) error { return context.Canceled },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBreaker(t, BreakerConfig{Failures: 1})
				b.Do(t.Context(), func(context.Context) error { return errBroken })
				time.Sleep(5 * time.Second)
				func() {
					defer func() {
						if p := recover(); (p != nil) != (name == "panic") {
							t.Errorf("panic %v", p)
						}
					}()
					b.Do(t.Context(), trial)
				}()
				if name == "panic" { // a failure
					wants(t, b.Do(t.Context(), nothing), ErrOpen)
					time.Sleep(5 * time.Second)
				}
				must(t, b.Do(t.Context(), nothing))
				if s := b.Stats().State; s != "closed" {
					t.Error(s)
				}
			})
		})
	}
}

// TestRefusalsAreNoFailures: what was refused or cancelled says nothing about what the breaker protects.
func TestRefusalsAreNoFailures(t *testing.T) {
	b := newBreaker(t, BreakerConfig{})
	for range 10 {
		for _, err := range []error{ErrFull, ErrLimited, ErrOpen, context.Canceled, &RejectedError{errBroken}} {
			b.Do(t.Context(), func(context.Context) error { return err })
		}
	}
	if s := b.Stats(); s.State != "closed" || s.Neither != 50 || s.Failures != 0 {
		t.Errorf("%+v", s)
	}
}

// TestLateOutcomeIsStale guards against failsafe-go's weighing a call in the state it ends in: one that began before the
// breaker opened would decide the trial.
func TestLateOutcomeIsStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBreaker(t, BreakerConfig{Failures: 1})
		old, err := b.Acquire()
		must(t, err)
		b.Do(t.Context(), func(context.Context) error { return errBroken })
		time.Sleep(5 * time.Second)
		trial, err := b.Acquire()
		must(t, err)
		old.Done(nil)
		if s := b.Stats().State; s != "half-open" {
			t.Errorf("%s by a call of before", s)
		}
		_, err = b.Acquire()
		wants(t, err, ErrOpen) // one trial at a time
		trial.Done(nil)
		if s := b.Stats().State; s != "closed" {
			t.Error(s)
		}
	})
}

// TestListenerHarmsNobody guards against failsafe-go's calling listeners within the call that changed the state: a
// slow one stalls it, a panic of one kills it.
func TestListenerHarmsNobody(t *testing.T) {
	release := make(chan struct{})
	b := newBreaker(t, BreakerConfig{Failures: 1, Delay: 1, OnChange: func(BreakerChange) { <-release; panic("in the listener") }})
	for range 100 {
		b.Do(t.Context(), func(context.Context) error { return errBroken })
		b.policy.Close()
	}
	b.changes.mu.Lock()
	pending, dropped := len(b.changes.pending), b.changes.dropped
	b.changes.mu.Unlock()
	if pending != noticesKept || dropped == 0 {
		t.Errorf("%d pending, %d dropped", pending, dropped)
	}
	close(release)
}

// TestBulkheadPermitsComeBack also after a panic, and are never taken with a context that has ended: failsafe-go
// lets chance decide between a free permit and an ended context. A Release too many returns instead of waiting for ever.
func TestBulkheadPermitsComeBack(t *testing.T) {
	b := newBulkhead(t, BulkheadConfig{Limit: 1})
	func() {
		defer func() { recover() }()
		b.Do(t.Context(), func(context.Context) error { panic("within") })
	}()
	must(t, b.Do(t.Context(), func(ctx context.Context) error {
		wants(t, b.Acquire(ctx), ErrFull)
		return nil
	}))
	wants(t, b.Release(), ErrUsed)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 {
		wants(t, b.Acquire(gone), context.Canceled)
	}
	if s := b.Stats(); s.InUse != 0 || s.Misused != 1 || s.Admitted != 2 || s.Refused != 1 {
		t.Errorf("%+v", s)
	}
}

func TestBulkheadWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBulkhead(t, BulkheadConfig{Limit: 1, MaxWait: time.Second})
		must(t, b.Acquire(t.Context()))
		wants(t, b.Acquire(t.Context()), ErrFull)
		time.AfterFunc(500*time.Millisecond, func() { b.Release() })
		must(t, b.Acquire(t.Context()))
		if w := b.Stats().Waits; w.Count != 2 || w.Max != time.Second {
			t.Errorf("%+v", w)
		}
	})
}

func TestPermitsAllocateNothing(t *testing.T) {
	ctx := context.Background()
	limiter, breaker, bulkhead := newLimiter(t, LimiterConfig{Rate: 1e7}), newBreaker(t, BreakerConfig{}), newBulkhead(t, BulkheadConfig{})
	for name, f := range map[string]func(){
		"limiter":  func() { limiter.Acquire(ctx) },
		"breaker":  func() { p, _ := breaker.Acquire(); p.Done(nil) },
		"bulkhead": func() { bulkhead.Acquire(ctx); bulkhead.Release() },
	} {
		if n := testing.AllocsPerRun(1000, f); n != 0 {
			t.Errorf("%s allocates %v times, want 0", name, n)
		}
	}
}

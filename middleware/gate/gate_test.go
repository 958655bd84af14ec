package gate

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
)

func TestClassesShareTheLimit(t *testing.T) {
	for _, test := range []struct {
		limit          float64
		share          float64
		max            int
		ordinary, high int
	}{
		{20, 0, 0, 16, 20}, {10, 0, 0, 8, 10}, {5, 0, 0, 4, 5}, {4, 0, 0, 4, 5}, {1, 0, 0, 1, 2}, {0, 0, 0, 1, 2},
		{1, 0, 1, 1, 1}, {10, 1, 0, 10, 10}, {10, 0.01, 0, 1, 10},
	} {
		g := unticked(t, Config{Share: test.share, Max: test.max})
		limit(g, test.limit)
		ordinary, high := 0, 0
		for ; enters(g, Ordinary); ordinary++ {
		}
		for high = ordinary; enters(g, High); high++ {
		}
		if ordinary != test.ordinary || high != test.high || g.Stats().Limit != high {
			t.Errorf("%+v: %d and %d, limit %d", test, ordinary, high, g.Stats().Limit)
		}
	}
}

func enters(g *Gate, c Class) bool {
	_, err := g.Acquire(background, c)
	return err == nil
}

func TestAcquireRefuses(t *testing.T) {
	g := unticked(t, Config{Max: 1})
	ctx, cancel := context.WithCancel(background)
	cancel()
	if _, err := g.Acquire(ctx, Ordinary); err != context.Canceled {
		t.Errorf("with a cancelled context: %v", err)
	}
	p := acquire(t, g, Class(77)) // is Ordinary
	if _, err := g.Acquire(background, High); err != ErrLimited {
		t.Errorf("beyond the limit: %v", err)
	}
	p.Release(Done)
	Permit{}.Release(Done)
	want := Stats{Limit: 1, Admitted: Counts{Ordinary: 1}, Rejected: Counts{High: 1}}
	if got := g.Stats(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestSecondReleasePanics(t *testing.T) {
	for _, dry := range []bool{false, true} {
		g := unticked(t, Config{DryRun: dry})
		p := acquire(t, g, Ordinary)
		p.Release(Done)
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("dry run %v: no panic", dry)
				}
			}()
			p.Release(Done)
		}()
	}
}

func TestDoGivesThePermitBack(t *testing.T) {
	g := unticked(t, Config{Max: 1})
	wrong := errors.New("wrong")
	for name, test := range map[string]struct {
		run  func(context.Context) error
		want error
	}{
		"done":    {func(context.Context) error { return nil }, nil},
		"error":   {func(context.Context) error { return wrong }, wrong},
		"limited": {func(ctx context.Context) error { return g.Do(ctx, High, nil) }, ErrLimited},
	} {
		if err := g.Do(background, Ordinary, test.run); err != test.want || g.Stats().InFlight != 0 {
			t.Errorf("%s: %v, %d in flight", name, err, g.Stats().InFlight)
		}
	}
	defer func() {
		if got := recover(); got != "oh" || g.Stats().InFlight != 0 {
			t.Errorf("panic %v, %d in flight", got, g.Stats().InFlight)
		}
	}()
	_ = g.Do(background, Ordinary, func(context.Context) error { panic("oh") })
}

// TestLaws runs random scripts against what they must add up to: never more in flight than the limit, or than was
// there before a cut, and admitted is released and in flight.
func TestLaws(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		g := unticked(t, Config{Max: 1 + r.IntN(40), Share: 0.1 + 0.9*r.Float64()})
		held := []Permit{}
		admitted, rejected, allowed, at := 0, 0, g.Stats().Limit, g.now()
		for range 400 {
			switch r.IntN(10) {
			case 0:
				limit(g, r.Float64()*float64(g.config.Max))
			case 1:
				at += int64(tick) * int64(1+r.IntN(12))
				g.tick(at)
			case 2, 3, 4:
				if len(held) > 0 {
					i := r.IntN(len(held))
					held[i].Release(Outcome(r.IntN(4)))
					held = append(held[:i], held[i+1:]...)
				}
			default:
				p, err := g.Acquire(background, Class(r.IntN(3)))
				if err == nil {
					held = append(held, p)
					admitted++
				} else {
					rejected++
				}
			}
			s := g.Stats()
			allowed = max(s.Limit, min(allowed, len(held)))
			if s.InFlight != len(held) || s.InFlight > allowed || s.Limit < 1 || s.Limit > g.config.Max {
				t.Fatalf("seed %d: %+v with %d held and %d allowed", seed, s, len(held), allowed)
			}
			if int(s.Admitted.Ordinary+s.Admitted.High) != admitted || int(s.Rejected.Ordinary+s.Rejected.High) != rejected {
				t.Fatalf("seed %d: %+v after %d admitted, %d rejected", seed, s, admitted, rejected)
			}
		}
	}
}

// TestConcurrently holds what is in flight at any moment to the limit, with the goroutine at work.
func TestConcurrently(t *testing.T) {
	g := started(t, Config{Max: 5})
	var running, most, done atomic.Int64
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for n := range 2000 {
				ctx, cancel := context.WithCancel(background)
				if n%7 == 0 {
					cancel()
				}
				work := func(context.Context) error {
					now := running.Add(1)
					defer running.Add(-1)
					for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
					}
					done.Add(1)
					if n%5 == 0 {
						panic("oh")
					}
					return nil
				}
				func() {
					defer func() { _ = recover() }()
					_ = g.Do(ctx, Class(i%2), work)
				}()
				cancel()
			}
		})
	}
	wg.Wait()
	s := g.Stats()
	if most.Load() > 5 || s.InFlight != 0 || s.Admitted.Ordinary+s.Admitted.High != uint64(done.Load()) || done.Load() == 0 {
		t.Errorf("at most %d at once, %d done, %+v", most.Load(), done.Load(), s)
	}
}

// TestDryRunCountsWhatItWouldReject: any completion makes room for one, as a busy backend would.
func TestDryRunCountsWhatItWouldReject(t *testing.T) {
	g := unticked(t, Config{Max: 2, DryRun: true})
	held := []Permit{}
	for range 5 {
		held = append(held, acquire(t, g, High))
	}
	if s := g.Stats(); s.InFlight != 5 || s.Rejected.High != 3 || s.Admitted.High != 5 || !s.DryRun {
		t.Errorf("%+v", s)
	}
	held[4].Release(Done)
	acquire(t, g, High)
	if s := g.Stats(); s.Rejected.High != 3 {
		t.Errorf("a completion made no room: %+v", s)
	}
	acquire(t, g, High)
	if s := g.Stats(); s.Rejected.High != 4 || s.InFlight != 6 {
		t.Errorf("%+v", s)
	}
}

func TestCloseOpensTheGate(t *testing.T) {
	g, err := New(Config{Max: 30})
	if err != nil {
		t.Fatal(err)
	}
	limit(g, 2)
	p := acquire(t, g, Ordinary)
	for range 2 {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	}
	if p.Release(Done); g.Stats().Limit != 30 || !enters(g, Ordinary) {
		t.Errorf("%+v", g.Stats())
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	g := unticked(t, Config{Max: 1})
	if n := testing.AllocsPerRun(1000, func() {
		p, _ := g.Acquire(background, Ordinary)
		p.Release(Done)
	}); n != 0 {
		t.Errorf("a permit allocates %v times", n)
	}
	acquire(t, g, Ordinary)
	if n := testing.AllocsPerRun(1000, func() { _, _ = g.Acquire(background, High) }); n != 0 {
		t.Errorf("a rejection allocates %v times", n)
	}
}

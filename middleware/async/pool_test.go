package async

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

func newPool(t testing.TB, c PoolConfig) *Pool {
	t.Helper()
	p, err := NewPool(c)
	must(t, err)
	return p
}

// lasting is a task that takes d.
func lasting(d time.Duration) func(context.Context) error {
	return func(context.Context) error { time.Sleep(d); return nil }
}

// TestPoolWorkersComeAndGo counts workers in virtual time.
func TestPoolWorkersComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, PoolConfig{Workers: 5})
		for range 8 {
			must(t, p.Submit(t.Context(), Task{Run: lasting(time.Second)}))
		}
		synctest.Wait()
		if s := p.Stats(); s.Workers != 5 || s.Busy != 5 || s.Queued != 3 {
			t.Errorf("%d workers, %d busy, %d queued; want 5, 5 and 3", s.Workers, s.Busy, s.Queued)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if s := p.Stats(); s.Workers != 3 || s.Busy != 0 || s.Completed != 8 {
			t.Errorf("%d workers, %d busy, %d completed; want 3 idle ones and 8", s.Workers, s.Busy, s.Completed)
		}
		time.Sleep(250 * time.Millisecond) // the other two left before
		synctest.Wait()
		s := p.Stats()
		if s.Workers != 0 {
			t.Errorf("%d workers 250 ms after the last task", s.Workers)
		}
		if s.Waits.Max < 990*time.Millisecond || s.Waits.Max > 1010*time.Millisecond || s.Times.P50 < 990*time.Millisecond {
			t.Errorf("longest queue wait %v and median service %v, want 1s", s.Waits.Max, s.Times.P50)
		}
		if s.Utilisation < 0.6 || s.Utilisation > 0.8 { // 8 of 5 × 2.25 worker seconds
			t.Errorf("utilisation %v, want 0.71", s.Utilisation)
		}
		must(t, p.Close(t.Context()))
	})
}

// TestPoolFull draws what becomes of the third task where one runs and one waits.
func TestPoolFull(t *testing.T) {
	for _, test := range []struct {
		full            Full
		priority, third Priority
		err             error
		told            string // of the second
	}{
		{Reject, Normal, Normal, ErrFull, "<nil>"},
		{DropOldest, Normal, Normal, nil, "pool (unnamed): dropped for a newer task"},
		{DropOldest, Low, High, nil, "pool (unnamed): dropped for a newer task"},
		{DropOldest, High, Normal, ErrFull, "<nil>"},
		{Block, Normal, Normal, context.DeadlineExceeded, "<nil>"},
	} {
		t.Run(fmt.Sprint(test.full, test.priority, test.third), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPool(t, PoolConfig{Workers: 1, Queue: 1, Full: test.full})
				must(t, p.Submit(t.Context(), Task{Run: lasting(time.Hour)}))
				synctest.Wait()
				var told string
				must(t, p.Submit(t.Context(), Task{Priority: test.priority, Run: nothing, Done: func(err error) { told += fmt.Sprint(err) }}))
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				wants(t, p.Submit(ctx, Task{Priority: test.third, Run: nothing}), test.err)
				must(t, p.Close(context.Background()))
				if told != test.told {
					t.Errorf("the second was told %q, want %q", told, test.told)
				}
			})
		})
	}
}

// TestPoolBlockedSubmitGoesOn has three submitters wait for room, in order.
func TestPoolBlockedSubmitGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, PoolConfig{Workers: 1, Queue: 1, Full: Block})
		var order []int
		for i := range 5 {
			go func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				if err := p.Submit(context.Background(), Task{Run: func(context.Context) error {
					order = append(order, i)
					time.Sleep(time.Second)
					return nil
				}}); err != nil {
					t.Error(err)
				}
			}()
		}
		time.Sleep(10 * time.Millisecond)
		synctest.Wait()
		if s := p.Stats(); s.Blocked != 3 {
			t.Errorf("%d blocked, want 3", s.Blocked)
		}
		time.Sleep(6 * time.Second)
		must(t, p.Close(t.Context()))
		if fmt.Sprint(order) != "[0 1 2 3 4]" {
			t.Errorf("ran in the order %v", order)
		}
	})
}

// TestPoolPriorities fills the queue of a single worker and looks at the order.
func TestPoolPriorities(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, PoolConfig{Workers: 1})
		must(t, p.Submit(t.Context(), Task{Run: lasting(time.Second)}))
		synctest.Wait()
		var order string
		for _, priority := range []Priority{Low, Normal, High} {
			for range 20 {
				must(t, p.Submit(t.Context(), Task{Priority: priority, Run: func(context.Context) error {
					order += priority.String()[:1]
					return nil
				}}))
			}
		}
		must(t, p.Close(t.Context()))
		if want := "hhnhhhnhhhnlhhhnhhhnhhhnlhhhn"; order[:len(want)] != want {
			t.Errorf("ran in the order %s, want %s…", order, want)
		}
	})
}

// TestNoTaskStarves: behind n others of its own priority a task is served within 13(n+1) turns.
func TestNoTaskStarves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l lanes
		waits := [3][]int{} // turns since each queued task arrived
		limit := [3][]int{}
		for range 400 {
			p := Priority(rapid.IntRange(0, 2).Draw(t, "priority"))
			for range rapid.IntRange(0, 3).Draw(t, "n") {
				l.push(p, queued{at: capture.Instant(p)})
				limit[p] = append(limit[p], len(turns)*(len(waits[p])+1))
				waits[p] = append(waits[p], 0)
			}
			if l.n == 0 {
				continue
			}
			served := l.pop().at
			waits[served], limit[served] = waits[served][1:], limit[served][1:]
			for p := range waits {
				for i := range waits[p] {
					if waits[p][i]++; waits[p][i] > limit[p][i] {
						t.Fatalf("a task of priority %v waits for %d turns", Priority(p), waits[p][i])
					}
				}
			}
		}
	})
}

// TestPoolLosesNothing runs a random mix and checks that each task taken is told one outcome.
func TestPoolLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, err := NewPool(PoolConfig{
			Workers: rapid.IntRange(1, 8).Draw(t, "workers"), Queue: rapid.IntRange(1, 20).Draw(t, "queue"),
			Full: Full(rapid.IntRange(0, 2).Draw(t, "full")),
		})
		if err != nil {
			t.Fatal(err)
		}
		knob, close := rapid.IntRange(1, 8).Draw(t, "knob"), rapid.IntRange(0, 400).Draw(t, "close")
		var taken, told, refused atomic.Int64
		var all sync.WaitGroup
		for g := range 4 {
			all.Go(func() {
				for i := range 100 {
					ctx, cancel := context.WithCancel(context.Background())
					err := p.Submit(ctx, Task{Priority: Priority(i % 3), Run: func(context.Context) error {
						switch i % 10 {
						case 3:
							panic("three")
						case 4:
							runtime.Goexit()
						case 5:
							return errBroken
						}
						return nil
					}, Done: func(error) { told.Add(1) }})
					if err == nil {
						taken.Add(1)
					} else {
						refused.Add(1)
					}
					if i%7 == 0 {
						cancel()
					}
					switch {
					case i%20 == 10:
						p.SetWorkers(knob + g)
					case i%20 == 15:
						p.SetCapacity(2*knob + g)
					case g*100+i == close:
						go p.Close(ctx)
					}
					defer cancel()
				}
			})
		}
		all.Wait()
		if err := p.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		s := p.Stats()
		if taken.Load() != told.Load() || taken.Load()+refused.Load() != 400 {
			t.Fatalf("%d taken, %d told, %d refused", taken.Load(), told.Load(), refused.Load())
		}
		if n := s.Completed + s.Failed + s.Cancelled + s.Dropped; n != uint64(taken.Load()) {
			t.Fatalf("%d taken and %d counted: %+v", taken.Load(), n, s)
		}
		if s.Workers != 0 || s.Queued != 0 || s.Blocked != 0 {
			t.Fatalf("after Close %+v", s)
		}
	})
}

func TestPoolOutcomes(t *testing.T) {
	gone, cancel := context.WithCancel(context.Background())
	for name, test := range map[string]struct {
		run  func(context.Context) error
		want error
	}{
		"nil":    {nothing, nil},
		"error":  {func(context.Context) error { return errBroken }, errBroken},
		"panic":  {func(context.Context) error { panic(errBroken) }, errBroken},
		"goexit": {func(context.Context) error { runtime.Goexit(); return nil }, ErrGoexit},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPool(t, PoolConfig{Workers: 1})
			told := make(chan error, 1)
			must(t, p.Submit(t.Context(), Task{Run: test.run, Done: func(err error) { told <- err; panic("in Done") }}))
			err := <-told
			if wants(t, err, test.want); name == "panic" {
				if e, ok := errors.AsType[*PanicError](err); !ok || len(e.Stack) == 0 || e.Error() != "panic: broken" {
					t.Errorf("%#v", err)
				}
			}
			must(t, p.Submit(t.Context(), Task{Run: nothing, Done: func(err error) { told <- err }}))
			must(t, <-told) // the pool goes on
			must(t, p.Close(t.Context()))
			wants(t, p.Submit(t.Context(), Task{Run: nothing}), ErrClosed)
		})
	}
	cancel()
	p := newPool(t, PoolConfig{})
	wants(t, p.Submit(gone, Task{Run: nothing}), context.Canceled)
	if p.Submit(gone, Task{}) == nil || p.Submit(t.Context(), Task{Run: nothing, Priority: 9}) == nil {
		t.Error("takes tasks that are none")
	}
	must(t, p.Close(gone))
}

// TestPoolCloseReports closes while one task runs and two wait.
func TestPoolCloseReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, PoolConfig{Name: "mail", Workers: 1})
		var mu sync.Mutex
		var told []error
		for range 3 {
			must(t, p.Submit(t.Context(), Task{Run: lasting(time.Hour), Done: func(err error) {
				mu.Lock()
				defer mu.Unlock()
				told = append(told, err)
			}}))
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := p.Close(ctx)
		if e, ok := errors.AsType[*CloseError](err); !ok || len(e.Left) != 1 || e.Left[0] != (Left{"pool", "mail", 2, 1}) {
			t.Errorf("%v", err)
		}
		wants(t, err, context.DeadlineExceeded)
		mu.Lock()
		if len(told) != 2 || !errors.Is(told[0], ErrClosed) || !errors.Is(told[1], ErrClosed) {
			t.Errorf("those that waited were told %v", told)
		}
		mu.Unlock()
		time.Sleep(time.Hour)
		must(t, p.Close(t.Context()))
		if len(told) != 3 || told[2] != nil {
			t.Errorf("told %v", told)
		}
	})
}

// TestPoolKnobs turns workers and capacity while tasks wait.
func TestPoolKnobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, PoolConfig{Workers: 2, Queue: 10})
		for range 10 {
			must(t, p.Submit(t.Context(), Task{Run: lasting(time.Second)}))
		}
		must(t, p.SetWorkers(6))
		must(t, p.SetCapacity(1))
		synctest.Wait()
		if s := p.Stats(); s.Busy != 6 || s.Queued != 4 || s.Capacity != 1 {
			t.Errorf("%d busy and %d queued with 6 workers", s.Busy, s.Queued)
		}
		wants(t, p.Submit(t.Context(), Task{Run: nothing}), ErrFull)
		must(t, p.SetWorkers(1))
		time.Sleep(time.Second)
		synctest.Wait()
		if s := p.Stats(); s.Busy != 1 || s.Workers != 1 || s.Completed != 6 {
			t.Errorf("%+v", s)
		}
		for _, n := range []int{0, -1, maxQueue + 1} {
			if p.SetWorkers(n) == nil || p.SetCapacity(n) == nil {
				t.Errorf("takes %d", n)
			}
		}
		must(t, p.Close(t.Context()))
	})
}

// TestArrivals compares what is recorded with what happened.
func TestArrivals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, PoolConfig{Workers: 1})
		start := capture.Now()
		for range 3 {
			must(t, p.Submit(t.Context(), Task{Run: lasting(time.Second)}))
			time.Sleep(time.Millisecond)
		}
		must(t, p.Close(t.Context()))
		got := p.Arrivals()
		for i, a := range got {
			ms := capture.Instant(time.Millisecond)
			if want := (Arrival{start + capture.Instant(i)*ms, time.Duration(i) * 999 * time.Millisecond, time.Second}); a != want {
				t.Errorf("%d: %+v, want %+v", i, a, want)
			}
		}
		if len(got) != 3 {
			t.Errorf("%d arrivals", len(got))
		}
		got[0].Wait = -1
		if p.Arrivals()[0].Wait == -1 {
			t.Error("the copy is none")
		}
	})
	m := newMeter(4)
	for i := range 10 {
		m.record(capture.Instant(i+1), 0, 1, succeeded)
	}
	own := m.shard() // held, so that it is recorded elsewhere
	m.record(100, 0, 1, succeeded)
	own.mu.Unlock()
	if got := fmt.Sprint(m.recorded()); got != "[{6 0s 1ns} {7 0s 1ns} {8 0s 1ns} {9 0s 1ns} {99 0s 1ns}]" {
		t.Error(got)
	}
}

func TestPoolSubmitAllocatesNothing(t *testing.T) {
	p := newPool(t, PoolConfig{Full: Block})
	ctx, done := context.Background(), func(error) {}
	for range 10_000 { // rings, histograms and workers are there
		must(t, p.Submit(ctx, Task{Run: nothing, Done: done}))
	}
	if n := testing.AllocsPerRun(10_000, func() { p.Submit(ctx, Task{Run: nothing, Done: done}) }); n != 0 {
		t.Errorf("Submit allocates %v times, want 0", n)
	}
	must(t, p.Close(ctx))
}

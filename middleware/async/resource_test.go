package async

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// numbered makes resources 1, 2, 3 … and notes which were destroyed.
type numbered struct {
	made      atomic.Int64
	mu        sync.Mutex
	destroyed []int64
}

func (n *numbered) create(context.Context) (int64, error) { return n.made.Add(1), nil }

func (n *numbered) destroy(v int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.destroyed = append(n.destroyed, v)
	panic("in Destroy")
}

func newResource(t testing.TB, c ResourceConfig[int64], n *numbered) *Resource[int64] {
	t.Helper()
	c.Destroy = n.destroy
	if c.Create == nil {
		c.Create = n.create
	}
	r, err := NewResource(c)
	must(t, err)
	return r
}

func TestResourceIsBoundedAndUsedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n numbered
		r := newResource(t, ResourceConfig[int64]{Max: 2, MaxIdle: time.Minute}, &n)
		a, err := r.Acquire(t.Context())
		must(t, err)
		b, err := r.Acquire(t.Context())
		must(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = r.Acquire(ctx)
		wants(t, err, context.DeadlineExceeded)
		time.AfterFunc(time.Second, func() { a.Release() })
		c, err := r.Acquire(t.Context())
		must(t, err)
		if c.Value() != 1 {
			t.Errorf("got %d, want the one released", c.Value())
		}
		wants(t, a.Release(), ErrUsed)
		must(t, b.Discard())
		must(t, c.Release())
		s := r.Stats()
		if s.Size != 1 || s.Idle != 1 || s.Created != 2 || s.Destroyed != 1 || s.TimedOut != 1 || s.Waits.Max != time.Second || s.Uses.Count != 3 {
			t.Errorf("%+v", s)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if s := r.Stats(); s.Size != 0 || s.Destroyed != 2 {
			t.Errorf("after two minutes %+v", s)
		}
		must(t, r.Close(t.Context()))
		_, err = r.Acquire(t.Context())
		wants(t, err, ErrClosed)
	})
}

// TestResourceFaults: what does not work costs no place.
func TestResourceFaults(t *testing.T) {
	var n numbered
	bad := map[int64]bool{1: true, 2: true}
	fails := 0
	r := newResource(t, ResourceConfig[int64]{Max: 1, Create: func(ctx context.Context) (int64, error) {
		switch fails++; fails {
		case 1:
			return 0, errBroken
		case 2:
			panic("in Create")
		}
		return n.create(ctx)
	}, Validate: func(_ context.Context, v int64) error {
		if bad[v] {
			panic("in Validate")
		}
		return nil
	}}, &n)
	_, err := r.Acquire(t.Context())
	wants(t, err, errBroken)
	_, err = r.Acquire(t.Context())
	if _, ok := errors.AsType[*PanicError](err); !ok {
		t.Errorf("%v", err)
	}
	for want := range int64(3) { // 1 and 2 are not valid any more when they are to be lent out again
		l, err := r.Acquire(t.Context())
		must(t, err)
		if l.Value() != want+1 {
			t.Errorf("got %d, want %d", l.Value(), want+1)
		}
		must(t, l.Release())
	}
	if s := r.Stats(); s.Size != 1 || s.Failed != 2 || s.Invalid != 2 || s.Destroyed != 2 {
		t.Errorf("%+v", s)
	}
	must(t, r.Close(t.Context()))
}

// TestResourceOverdue finds a value that is out for too long, and who has it.
func TestResourceOverdue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n numbered
		var leaks []Leak
		r := newResource(t, ResourceConfig[int64]{Name: "clients", Leak: time.Minute, OnLeak: func(l Leak) { leaks = append(leaks, l) }}, &n)
		l, err := r.Acquire(t.Context())
		must(t, err)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		s := r.Stats()
		if len(leaks) != 1 || leaks[0].Lost || leaks[0].Resource != "clients" || !strings.HasSuffix(leaks[0].Function, "TestResourceOverdue.func1") ||
			!strings.HasSuffix(leaks[0].File, "resource_test.go") || s.Overdue != 1 || len(s.Leaks) != 1 || s.Leaks[0].Out != 2*time.Minute {
			t.Errorf("%+v, %+v", leaks, s)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err = r.Close(ctx)
		if e, ok := errors.AsType[*CloseError](err); !ok || e.Left[0] != (Left{"resource", "clients", 0, 1}) {
			t.Error(err)
		}
		must(t, l.Release())
		must(t, r.Close(t.Context()))
		if s := r.Stats(); s.Late != 1 || s.Size != 0 || len(n.destroyed) != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// TestResourceLost forgets a Lease.
func TestResourceLost(t *testing.T) {
	var n numbered
	found := make(chan Leak, 1)
	r := newResource(t, ResourceConfig[int64]{Max: 1, OnLeak: func(l Leak) { found <- l }}, &n)
	forget(t, r)
	var leak Leak
	for lost := false; !lost; {
		runtime.GC()
		select {
		case leak = <-found:
			lost = true
		default:
			runtime.Gosched()
		}
	}
	if !leak.Lost || !strings.HasSuffix(leak.Function, ".forget") {
		t.Errorf("%+v", leak)
	}
	l, err := r.Acquire(t.Context()) // its place is free again
	must(t, err)
	must(t, l.Release())
	must(t, r.Close(t.Context()))
	if s := r.Stats(); s.Lost != 1 || s.Destroyed != 2 {
		t.Errorf("%+v", s)
	}
}

//go:noinline
func forget(t *testing.T, r *Resource[int64]) {
	_, err := r.Acquire(t.Context())
	must(t, err)
}

// TestResourceForMany goroutines: never more than Max, and nothing is lost.
func TestResourceForMany(t *testing.T) {
	var n numbered
	r := newResource(t, ResourceConfig[int64]{Max: 3, Validate: func(_ context.Context, v int64) error {
		if v%4 == 0 {
			return errBroken
		}
		return nil
	}}, &n)
	var out atomic.Int64
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 200 {
				ctx, cancel := context.WithCancel(context.Background())
				if i%5 == 0 {
					go cancel()
				}
				l, err := r.Acquire(ctx)
				cancel()
				if err != nil {
					continue
				}
				if out.Add(1) > 3 {
					t.Error("more than three are out")
				}
				out.Add(-1)
				if (g+i)%3 == 0 {
					l.Discard()
				} else {
					l.Release()
				}
			}
		})
	}
	all.Wait()
	must(t, r.Close(t.Context()))
	if s := r.Stats(); s.Size != 0 || s.Created != s.Destroyed || s.Created != uint64(n.made.Load()) || len(n.destroyed) != int(s.Created) {
		t.Errorf("%+v of %d", s, n.made.Load())
	}
}

package async

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	_ "github.com/sqliteperf/sqliteperf/driver"
	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
)

// recorded returns what is drained from the process-wide recorder while f runs.
func recorded(t *testing.T, f func()) (events []capture.Event) {
	t.Helper()
	reader, err := capture.Default.Attach()
	must(t, err)
	defer reader.Detach()
	reader.Drain(func([]capture.Event) {})
	f()
	reader.Drain(func(list []capture.Event) { events = append(events, list...) })
	return events
}

// TestRunAttributesStatements runs SQL in an operation, and sums it up by name.
func TestRunAttributesStatements(t *testing.T) {
	db, err := sql.Open("sqlite-perf", filepath.Join(t.TempDir(), "app.db"))
	must(t, err)
	defer db.Close()
	o := optimizer(t, Config{})
	events := recorded(t, func() {
		job := func(ctx context.Context) error {
			_, err := db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS t(a)")
			return err
		}
		must(t, o.Run(t.Context(), "nightly", job))
		done := make(chan error, 1)
		must(t, o.Go(t.Context(), "nightly", job, func(err error) { done <- err }))
		must(t, <-done)
		wants(t, o.Run(t.Context(), "mail", func(context.Context) error { return errBroken }), errBroken)
		wants(t, o.Run(t.Context(), "mail", func(context.Context) error { return context.Canceled }), context.Canceled)
		must(t, o.Run(capture.Mute(t.Context()), "own", nothing))
	})
	var statements int
	table := digest.NewTable(digest.Config{})
	table.Add(events)
	for _, ev := range events {
		if ev.Kind == capture.KindStatement {
			if statements++; ev.Scope.Name() != "nightly" {
				t.Errorf("a statement of %q", ev.Scope.Name())
			}
		}
	}
	found := map[string]*digest.Summary{}
	for _, s := range table.Take() {
		if s.Kind == capture.KindOperation {
			found[s.Name] = s
		}
	}
	nightly, mail := found["nightly"], found["mail"]
	if len(found) != 2 || statements != 2 || nightly == nil || mail == nil {
		t.Fatalf("%d statements, summaries %v", statements, found)
	}
	if nightly.Calls != 2 || nightly.Rows != 2 || nightly.SQL <= 0 || nightly.SQL > nightly.Total || nightly.Errors != 0 || nightly.Work != (digest.Work{}) {
		t.Errorf("%+v", nightly)
	}
	if mail.Calls != 2 || mail.Errors != 2 || mail.Classes[capture.ErrorOther] != 1 || mail.Classes[capture.ErrorInterrupted] != 1 {
		t.Errorf("%+v", mail)
	}
	if op := o.Stats().Operations[1]; op.Name != "nightly" || op.Completed != 2 {
		t.Errorf("%+v", op)
	}
}

// TestRunWithinRequest continues its trace.
func TestRunWithinRequest(t *testing.T) {
	o := optimizer(t, Config{})
	request := capture.NewScope()
	must(t, o.Run(capture.WithScope(t.Context(), request), "mail", func(ctx context.Context) error {
		s := capture.ScopeOf(ctx)
		if s == request || s.Name() != "mail" || s.Trace().TraceID != request.Trace().TraceID || s.Trace().Parent != request.Trace().SpanID {
			t.Errorf("%q, %+v within %+v", s.Name(), s.Trace(), request.Trace())
		}
		return nil
	}))
}

// TestRunPanics: the panic goes on, and is counted.
func TestRunPanics(t *testing.T) {
	o := optimizer(t, Config{})
	events := recorded(t, func() {
		defer func() {
			if p := recover(); p != "within" {
				t.Errorf("panic %v", p)
			}
		}()
		o.Run(t.Context(), "mail", func(context.Context) error { panic("within") })
	})
	if s := o.Stats().Operations[0]; s.Failed != 1 || s.InFlight != 0 || len(events) != 1 || events[0].Error != capture.ErrorOther {
		t.Errorf("%+v, %+v", s, events)
	}
}

// TestCloseWaitsAndReports has each part hold something, then closes in vain, and again.
func TestCloseWaitsAndReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, err := New(Config{Workers: 1})
		must(t, err)
		batcher, err := NewBatcher(BatcherConfig{Name: "rows", Owner: o}, func(_ context.Context, items []int) ([]Result[int], error) {
			time.Sleep(time.Minute)
			return make([]Result[int], len(items)), nil
		})
		must(t, err)
		resource, err := NewResource(ResourceConfig[int]{Name: "clients", Owner: o, Create: func(context.Context) (int, error) { return 1, nil }})
		must(t, err)
		lease, err := resource.Acquire(t.Context())
		must(t, err)
		operation, err := NewOperation(OperationConfig[int]{Name: "quote", Owner: o})
		must(t, err)
		var all sync.WaitGroup
		all.Go(func() {
			operation.Do(t.Context(), func(context.Context) (int, error) { time.Sleep(time.Minute); return 1, nil })
		})
		all.Go(func() {
			must(t, o.Run(t.Context(), "job", func(context.Context) error { time.Sleep(time.Minute); return nil }))
		})
		var told atomic.Int64
		for range 2 {
			must(t, o.Go(t.Context(), "task", lasting(time.Minute), func(error) { told.Add(1) }))
		}
		must(t, batcher.Add(t.Context(), 1, nil))
		must(t, o.Supervisor().Add("feed", func(ctx context.Context) error { <-ctx.Done(); time.Sleep(time.Minute); return nil }))
		synctest.Wait()
		if s := o.Stats(); s.Runs != 1 || len(s.Pools) != 1 || len(s.Batchers) != 1 || len(s.Resources) != 1 || len(s.Composed) != 1 ||
			len(s.Components) != 1 || len(s.Limiters) != 1 || s.Composed[0].InFlight != 1 {
			t.Errorf("%+v", s)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err = o.Close(ctx)
		e, ok := errors.AsType[*CloseError](err)
		if !ok {
			t.Fatal(err)
		}
		left := map[string]Left{}
		for _, l := range e.Left {
			left[l.Part] = l
		}
		for _, want := range []Left{{"pool", "default", 1, 1}, {"batcher", "rows", 0, 1}, {"resource", "clients", 0, 1},
			{"operation", "quote", 0, 2}, {"runs", "default", 0, 1}, {"supervisor", "default", 0, 1}} {
			if left[want.Part] != want {
				t.Errorf("left %+v, want %+v", left[want.Part], want)
			}
		}
		must(t, lease.Release())
		must(t, o.Close(t.Context()))
		all.Wait()
		afterClose(t, o)
		if _, err = operation.Do(t.Context(), nil); !errors.Is(err, ErrClosed) || told.Load() != 2 {
			t.Errorf("%v, %d told", err, told.Load())
		}
	})
}

// afterClose calls everything: there are errors and no panics.
func afterClose(t *testing.T, o *Optimizer) {
	t.Helper()
	wants(t, o.Run(t.Context(), "job", nothing), ErrClosed)
	wants(t, o.Go(t.Context(), "job", nothing, nil), ErrClosed)
	wants(t, o.Limiter().Acquire(t.Context()), ErrClosed)
	wants(t, o.Supervisor().Add("late", nothing), ErrClosed)
	wants(t, o.Pool().Submit(t.Context(), Task{Run: nothing}), ErrClosed)
	_, err := o.Breaker("late")
	wants(t, err, ErrClosed)
	_, err = NewPool(PoolConfig{Owner: o})
	wants(t, err, ErrClosed)
	o.Monitor(t.Context(), "late").End(nil)
	for _, op := range o.Stats().Operations {
		if op.Name == "late" {
			t.Error("counted after Close")
		}
	}
	must(t, o.Close(t.Context()))
}

func TestBreakersByName(t *testing.T) {
	o := optimizer(t, Config{Names: 2, Failures: 1})
	a, err := o.Breaker("a")
	must(t, err)
	if again, _ := o.Breaker("a"); again != a {
		t.Error("two of one name")
	}
	for _, name := range []string{"b", "c", "d"} {
		_, err := o.Breaker(name)
		must(t, err)
	}
	c, _ := o.Breaker("c")
	if d, _ := o.Breaker("d"); c != d || len(o.Stats().Breakers) != 3 {
		t.Errorf("%d breakers", len(o.Stats().Breakers))
	}
}

package durable

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/middleware/async"
)

func TestConfig(t *testing.T) {
	db := database(t)
	tests := []struct {
		config Config
		says   string // empty: it works
	}{
		{Config{}, ""},
		{Config{Backoff: 2 * time.Hour}, ""},
		{Config{Workers: -1}, "Workers is -1"},
		{Config{Workers: 1e9}, "Workers is 1000000000"},
		{Config{Poll: 5}, "Poll is 5ns"},
		{Config{Attempts: -3}, "Attempts is -3"},
		{Config{Backoff: -time.Second}, "Backoff is -1s"},
		{Config{Backoff: time.Minute, MaxDelay: time.Second}, "MaxDelay 1s is less than Backoff 1m0s"},
		{Config{Timeout: 1000 * time.Hour}, "Timeout is 1000h0m0s"},
		{Config{Lease: time.Millisecond}, "Lease is 1ms"},
	}
	for _, test := range tests {
		q, err := Open(t.Context(), db, test.config)
		if err == nil {
			must(t, q.Close(t.Context()))
		}
		if test.says == "" {
			must(t, err)
			continue
		}
		if wants(t, err, errConfig); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%+v: %v", test.config, err)
		}
	}
	_, err := Open(t.Context(), nil, Config{})
	wants(t, err, errConfig)
}

// TestImpatient: connections that do not wait for locks are refused, unless there is one.
func TestImpatient(t *testing.T) {
	db, err := sql.Open("sqlite-perf", "file:"+filepath.Join(t.TempDir(), "app.db"))
	must(t, err)
	defer db.Close()
	_, err = Open(t.Context(), db, Config{})
	wants(t, err, ErrBusy)
	db.SetMaxOpenConns(1)
	q := queue(t, db, quick())
	ran := make(chan mail)
	must(t, Handle(q, "mail", func(_ context.Context, m mail) error { ran <- m; return nil }))
	must(t, q.Start(t.Context()))
	enqueue(t, q, mail{"ann"})
	if m := <-ran; m.To != "ann" {
		t.Error(m)
	}
	must(t, q.Close(t.Context()))
}

func TestBackoff(t *testing.T) {
	b := backoff{time.Second, time.Minute}
	for n, want := range map[int]time.Duration{0: time.Second, 1: time.Second, 2: 2 * time.Second, 6: 32 * time.Second, 7: time.Minute, 1000: time.Minute} {
		if got := b.delay(n); got != want {
			t.Errorf("after run %d: %v, want %v", n, got, want)
		}
	}
	if got := (backoff{maxSpan, maxSpan}).delay(maxAttempts); got != maxSpan {
		t.Errorf("%v", got)
	}
}

// invoice is handled elsewhere.
type invoice struct{ N int }

func (invoice) Kind() string { return "invoice" }

// impostor has the kind of another type.
type impostor struct{}

func (impostor) Kind() string { return "mail" }

func TestKinds(t *testing.T) {
	db := database(t)
	q := queue(t, db, quick())
	nothing := func(context.Context, mail) error { return nil }
	wants(t, q.Start(t.Context()), errHandler)
	wants(t, Handle(q, "", nothing), errHandler)
	wants(t, Handle(q, "new\nline", nothing), errHandler)
	wants(t, Handle(q, strings.Repeat("x", 128), nothing), errHandler)
	wants(t, Handle[mail](q, "mail", nil), errHandler)
	wants(t, Handle(q, "any", func(context.Context, any) error { return nil }), errHandler)
	must(t, Handle(q, "mail", nothing))
	wants(t, Handle(q, "letter", nothing), errHandler)
	wants(t, Handle(q, "mail", func(context.Context, string) error { return nil }), errHandler)
	must(t, q.Start(t.Context()))
	wants(t, q.Start(t.Context()), ErrStarted)
	wants(t, Handle(q, "text", func(context.Context, string) error { return nil }), ErrStarted)

	for _, args := range []any{nil, 7, impostor{}, (*mail)(nil), (*invoice)(nil)} {
		if _, err := q.Enqueue(t.Context(), args); err == nil {
			t.Errorf("took %#v", args)
		} else {
			wants(t, err, ErrUnknown)
		}
	}
	if id := enqueue(t, q, invoice{7}); state(t, db, id) != "available" {
		t.Error("ran what has no handler")
	}
}

// TestForeignKind: a task without a handler here waits for a Queue that has one.
func TestForeignKind(t *testing.T) {
	db := database(t)
	q := queue(t, db, quick())
	must(t, Handle(q, "mail", func(context.Context, mail) error { return nil }))
	must(t, q.Start(t.Context()))
	foreign, own := enqueue(t, q, invoice{7}), enqueue(t, q, mail{"ann"})
	until(t, "the later one is done", func() bool { return state(t, db, own) == "completed" })
	if s := state(t, db, foreign); s != "available" {
		t.Errorf("is %s", s)
	}
	other, got := queue(t, db, quick()), make(chan invoice, 1)
	must(t, Handle(other, "invoice", func(_ context.Context, i invoice) error { got <- i; return nil }))
	must(t, other.Start(t.Context()))
	if i := <-got; i.N != 7 {
		t.Error(i)
	}
}

// TestOperation: a run is an operation of the kind's name, whose statements are its own, and its failure is one.
func TestOperation(t *testing.T) {
	db, c := database(t), quick()
	reader, err := capture.Default.Attach()
	must(t, err)
	defer reader.Detach()
	reader.Drain(func([]capture.Event) {}) // of tests before
	opt, err := async.New(async.Config{})
	must(t, err)
	c.Optimizer, c.Attempts = opt, 1
	q := queue(t, db, c)
	must(t, Handle(q, "mail", func(ctx context.Context, m mail) error {
		if m.To == "" {
			return errDown
		}
		_, err := db.ExecContext(ctx, "CREATE TABLE sent(n)")
		return err
	}))
	must(t, q.Start(t.Context()))
	good, bad := enqueue(t, q, mail{"ann"}), enqueue(t, q, mail{})
	until(t, "ends", func() bool { return state(t, db, good) == "completed" && state(t, db, bad) == "discarded" })
	must(t, q.Close(t.Context()))
	ops := opt.Stats().Operations
	if len(ops) != 1 || ops[0].Name != "mail" || ops[0].Completed != 1 || ops[0].Failed != 1 {
		t.Errorf("%+v", ops)
	}
	must(t, opt.Close(t.Context()))
	attributed(t, reader)
}

// attributed looks for the handler's statement and the two operations among what was captured.
func attributed(t *testing.T, reader *capture.Reader) {
	t.Helper()
	operations, statements := 0, 0
	reader.Drain(func(events []capture.Event) {
		for _, ev := range events {
			own := ev.Scope != nil && ev.Scope.Name() == "mail"
			switch {
			case ev.Kind == capture.KindOperation && own:
				operations++
			case ev.Kind == capture.KindStatement && own:
				statements++
				if text := ev.Statement.Text; !strings.Contains(text, "sent") {
					t.Errorf("is none of the handler's: %s", text)
				}
			}
		}
	})
	if operations != 2 || statements != 1 {
		t.Errorf("%d operations, %d statements of the handler", operations, statements)
	}
}

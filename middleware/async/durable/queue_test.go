package durable

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/middleware/async"
)

type mail struct{ To string }

var errDown = errors.New("down")

// TestRollback: what was rolled back is not in the file and never runs, what was committed after it does.
func TestRollback(t *testing.T) {
	db := database(t)
	q := queue(t, db, quick())
	ran := make(chan string, 10)
	must(t, Handle(q, "mail", func(_ context.Context, m mail) error { ran <- m.To; return nil }))
	must(t, q.Start(t.Context()))

	tx, err := db.Begin()
	must(t, err)
	_, err = q.EnqueueTx(t.Context(), tx, mail{"nobody"})
	must(t, err)
	must(t, tx.Rollback())

	tx, err = db.Begin()
	must(t, err)
	id, err := q.EnqueueTx(t.Context(), tx, &mail{"ann"})
	must(t, err)
	must(t, tx.Commit())
	if to := <-ran; to != "ann" {
		t.Errorf("ran %s", to)
	}
	until(t, "completed", func() bool { return state(t, db, id) == "completed" })
	must(t, q.Close(t.Context()))
	var jobs int
	must(t, db.QueryRow("SELECT count(*) FROM river_job").Scan(&jobs))
	if len(ran) != 0 || jobs != 1 {
		t.Errorf("%d more runs, %d tasks", len(ran), jobs)
	}
}

// TestFailures: how a run can fail, how often it is tried, and what becomes of the task.
func TestFailures(t *testing.T) {
	tests := []struct {
		name      string
		fails     func(run int64) error // nil ends it
		attempts  int
		state     string
		runs      int64
		panics    uint64
		lastError string
	}{
		{"error then success", func(run int64) error {
			if run < 3 {
				return errDown
			}
			return nil
		}, 5, "completed", 3, 0, "down"},
		{"always an error", func(int64) error { return errDown }, 3, "discarded", 3, 0, "down"},
		{"panic then success", func(run int64) error {
			if run == 1 {
				panic("no paper")
			}
			return nil
		}, 5, "completed", 2, 1, "panic: no paper"},
		{"always a panic", func(int64) error { panic(errDown) }, 2, "discarded", 2, 2, "panic: down"},
		{"goexit", func(run int64) error {
			if run == 1 {
				runtime.Goexit()
			}
			return nil
		}, 5, "completed", 2, 0, async.ErrGoexit.Error()},
		{"permanent", func(int64) error { return Permanent(errDown) }, 5, "cancelled", 1, 0, "down"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			db, c := database(t), quick()
			c.Attempts, c.Workers = test.attempts, 1 // the one worker must come back
			q := queue(t, db, c)
			var runs atomic.Int64
			must(t, Handle(q, "mail", func(context.Context, mail) error { return test.fails(runs.Add(1)) }))
			must(t, q.Start(t.Context()))
			id := enqueue(t, q, mail{"ann"})
			until(t, test.state, func() bool { return state(t, db, id) == test.state })
			must(t, q.Close(t.Context()))

			var text string
			must(t, db.QueryRow("SELECT errors ->> '$[#-1].error' FROM river_job").Scan(&text))
			if runs.Load() != test.runs || !strings.Contains(text, test.lastError) {
				t.Errorf("%d runs, want %d; last error %q", runs.Load(), test.runs, text)
			}
			s := stats(t, q)
			completed, gone := uint64(0), 1
			if test.state == "completed" {
				completed, gone = 1, 0
			}
			if s.Completed != completed || s.Failed != uint64(test.runs)-completed || s.Panics != test.panics ||
				s.Retried != uint64(test.runs)-1 || s.Discarded != gone || s.Queued+s.Running != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// TestTimeout: the context of a run ends, and the task runs again.
func TestTimeout(t *testing.T) {
	db, c := database(t), quick()
	c.Timeout = 10 * time.Millisecond
	q := queue(t, db, c)
	var runs atomic.Int64
	must(t, Handle(q, "mail", func(ctx context.Context, _ mail) error {
		if runs.Add(1) == 1 {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}))
	must(t, q.Start(t.Context()))
	id := enqueue(t, q, mail{"ann"})
	until(t, "completed", func() bool { return state(t, db, id) == "completed" })
	if n := runs.Load(); n < 2 {
		t.Errorf("%d runs", n)
	}
}

// TestCloseDrains: it waits for what runs, begins nothing more, and leaves what waits in the file for the next.
func TestCloseDrains(t *testing.T) {
	db, c := database(t), quick()
	c.Workers = 1
	q := queue(t, db, c)
	runs, goOn := make(chan string, 10), make(chan struct{})
	must(t, Handle(q, "mail", func(_ context.Context, m mail) error { runs <- m.To; <-goOn; return nil }))
	first, second := enqueue(t, q, mail{"ann"}), enqueue(t, q, mail{"bob"})
	must(t, q.Start(t.Context()))
	<-runs
	if s := stats(t, q); s.Running != 1 || s.Queued != 1 || s.Oldest <= 0 {
		t.Errorf("%+v", s)
	}
	closed := make(chan error)
	go func() { closed <- q.Close(context.Background()) }()
	until(t, "closed", func() bool { _, err := q.Enqueue(t.Context(), mail{"eve"}); return errors.Is(err, async.ErrClosed) })
	select {
	case err := <-closed:
		t.Errorf("did not wait: %v", err)
	default:
	}
	close(goOn)
	must(t, <-closed)
	if state(t, db, first) != "completed" || state(t, db, second) != "available" || len(runs) != 0 {
		t.Errorf("%s, %s", state(t, db, first), state(t, db, second))
	}
	wants(t, q.Close(t.Context()), async.ErrClosed)
	wants(t, q.Start(t.Context()), async.ErrClosed)

	next := queue(t, db, c)
	must(t, Handle(next, "mail", func(_ context.Context, m mail) error { runs <- m.To; return nil }))
	must(t, next.Start(t.Context()))
	if to := <-runs; to != "bob" {
		t.Errorf("ran %s", to)
	}
}

// TestCloseCutsShort: when Close may not wait, the run's context ends, and its attempt is given back: with one attempt
// in all the task would be lost otherwise. SQLite says "interrupted" and not that the context ended, so any error will do.
func TestCloseCutsShort(t *testing.T) {
	db, c := database(t), quick()
	c.Attempts = 1
	q := queue(t, db, c)
	running := make(chan struct{}, 1)
	must(t, Handle(q, "mail", func(ctx context.Context, _ mail) error { running <- struct{}{}; <-ctx.Done(); return errDown }))
	must(t, q.Start(t.Context()))
	id := enqueue(t, q, mail{"ann"})
	<-running
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	wants(t, q.Close(gone), context.Canceled)

	var attempt int
	must(t, db.QueryRow("SELECT attempt FROM river_job WHERE id = ?", id).Scan(&attempt))
	if s := state(t, db, id); s != "available" || attempt != 0 {
		t.Errorf("%s after %d attempts", s, attempt)
	}
	next := queue(t, db, c)
	must(t, Handle(next, "mail", func(context.Context, mail) error { return nil }))
	must(t, next.Start(t.Context()))
	until(t, "completed", func() bool { return state(t, db, id) == "completed" })
}

// TestPoison: a task whose process died in each of its attempts is not tried for ever.
func TestPoison(t *testing.T) {
	db := database(t)
	q := queue(t, db, quick())
	must(t, Handle(q, "mail", func(context.Context, mail) error { t.Error("ran"); return nil }))
	id := enqueue(t, q, mail{"ann"})
	_, err := db.Exec(`UPDATE river_job SET state = 'running', attempt = max_attempts, attempted_by = jsonb('["a dead one"]')`)
	must(t, err)
	must(t, q.Start(t.Context()))
	if s := stats(t, q); state(t, db, id) != "discarded" || s.Discarded != 1 || s.Released != 1 {
		t.Errorf("%s, %+v", state(t, db, id), s)
	}
}

// TestLeaseOfTheLiving: a second process on the file leaves alone what the first one runs, for several leases.
func TestLeaseOfTheLiving(t *testing.T) {
	db := database(t)
	first, second := queue(t, db, quick()), queue(t, db, quick())
	var runs atomic.Int64
	goOn := make(chan struct{})
	handler := func(context.Context, mail) error { runs.Add(1); <-goOn; return nil }
	must(t, Handle(first, "mail", handler))
	must(t, Handle(second, "mail", handler))
	must(t, first.Start(t.Context()))
	id := enqueue(t, first, mail{"ann"})
	until(t, "running", func() bool { return runs.Load() == 1 })
	must(t, second.Start(t.Context()))
	var from float64
	const read = "SELECT max(until) FROM durable_owner WHERE id = ?"
	must(t, db.QueryRow(read, second.id).Scan(&from))
	until(t, "two leases on", func() bool {
		var now float64
		must(t, db.QueryRow(read, second.id).Scan(&now))
		return now > from+2*minLease.Seconds()
	})
	close(goOn)
	until(t, "completed", func() bool { return state(t, db, id) == "completed" })
	if second.counts.released.Load() != 0 || runs.Load() != 1 {
		t.Errorf("%d released, %d runs", second.counts.released.Load(), runs.Load())
	}
	must(t, first.Close(t.Context()))
	must(t, second.Close(t.Context()))
	var owners int
	must(t, db.QueryRow("SELECT count(*) FROM durable_owner").Scan(&owners))
	if owners != 0 {
		t.Errorf("%d owners", owners)
	}
}

// TestOpenTogether: processes that begin at the same time make the tables once.
func TestOpenTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.db")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			db, err := openDB(path)
			if err != nil {
				t.Error(err)
				return
			}
			defer db.Close()
			q, err := Open(t.Context(), db, quick())
			if err != nil {
				t.Error(err)
				return
			}
			if err := q.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// TestComplete: a rolled back end is none, and outside of a handler there is nothing to end.
func TestComplete(t *testing.T) {
	db := database(t)
	q := queue(t, db, quick())
	var runs atomic.Int64
	must(t, Handle(q, "mail", func(ctx context.Context, _ mail) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if err := Complete(ctx, tx); err != nil {
			return err
		}
		if runs.Add(1) == 1 {
			return errDown
		}
		return errors.Join(tx.Commit(), errDown) // an error after the commit
	}))
	must(t, q.Start(t.Context()))
	id := enqueue(t, q, mail{"ann"})
	until(t, "completed", func() bool { return state(t, db, id) == "completed" })
	must(t, q.Close(t.Context()))
	if runs.Load() != 2 || state(t, db, id) != "completed" {
		t.Errorf("%d runs, %s", runs.Load(), state(t, db, id))
	}
	wants(t, Complete(t.Context(), (*sql.Tx)(nil)), ErrNoTask)
}

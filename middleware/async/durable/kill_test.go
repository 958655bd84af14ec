package durable

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

const (
	childFile      = "DURABLE_TEST_CHILD"
	childCompletes = "DURABLE_TEST_COMPLETE"

	killTasks   = 20
	killWorkers = 2
)

// hangs are the tasks during which the child is killed: one for each worker, so that tasks after them wait.
var hangs = map[int]bool{10: true, 11: true}

type step struct{ N int }

// recordStep is a handler that writes that it began and what it did, the latter together with its end if completes.
func recordStep(db *sql.DB, completes bool, hang func()) func(context.Context, step) error {
	return func(ctx context.Context, s step) error {
		if _, err := db.ExecContext(ctx, "INSERT INTO begun(n) VALUES (?)", s.N); err != nil {
			return err
		}
		if hangs[s.N] {
			hang()
		}
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if _, err := tx.ExecContext(ctx, "INSERT INTO done(n) VALUES (?)", s.N); err != nil {
			return err
		}
		if completes {
			if err := Complete(ctx, tx); err != nil {
				return err
			}
		}
		return tx.Commit()
	}
}

// child enqueues, begins and hangs until it is killed.
func child(path string, completes bool) {
	err := func() error {
		db, err := openDB(path)
		if err != nil {
			return err
		}
		c := quick()
		c.Workers = killWorkers
		q, err := Open(context.Background(), db, c)
		if err != nil {
			return err
		}
		if err := Handle(q, "step", recordStep(db, completes, func() { fmt.Println("hangs"); select {} })); err != nil {
			return err
		}
		tx, err := db.Begin()
		if err != nil {
			return err
		}
		for n := range killTasks {
			if _, err := q.EnqueueTx(context.Background(), tx, step{n}); err != nil {
				return err
			}
		}
		if err := tx.Commit(); err != nil {
			return err
		}
		return q.Start(context.Background())
	}()
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	select {}
}

// killChild runs a child on the file until all its workers hang, and kills it.
func killChild(t *testing.T, path string, completes bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childFile+"="+path)
	if completes {
		cmd.Env = append(cmd.Env, childCompletes+"=1")
	}
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for range killWorkers {
		if !lines.Scan() || lines.Text() != "hangs" {
			t.Errorf("the child says %q", lines.Text())
		}
	}
	must(t, cmd.Process.Kill())
	if err := cmd.Wait(); err == nil {
		t.Error("the child ended by itself")
	}
}

// numbers are how often each task is in a table.
func numbers(t *testing.T, db *sql.DB, query string) (counts [killTasks]int) {
	t.Helper()
	rows, err := db.Query(query)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var n int
		must(t, rows.Scan(&n))
		counts[n]++
	}
	must(t, rows.Err())
	return counts
}

// TestKilled: a process is killed with SIGKILL in the middle of tasks. The next one runs again what was cut off and what
// waited, nothing else, and nothing whose end is in the file. Where the end is part of the handler's
// transaction, what handlers did is there exactly once.
func TestKilled(t *testing.T) {
	for _, completes := range []bool{false, true} {
		t.Run(fmt.Sprintf("completes=%v", completes), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "app.db")
			db, err := openDB(path)
			must(t, err)
			defer db.Close()
			_, err = db.Exec("CREATE TABLE begun(n INT); CREATE TABLE done(n INT)")
			must(t, err)
			killChild(t, path, completes)
			written := numbers(t, db, "SELECT args ->> 'N' FROM river_job WHERE state = 'completed'")
			before := numbers(t, db, "SELECT n FROM begun")

			q := queue(t, db, quick())
			must(t, Handle(q, "step", recordStep(db, completes, func() {})))
			if s := stats(t, q); s.Running < killWorkers || s.Queued != killTasks-12 || s.Queued+s.Running != killTasks-sum(written) {
				t.Errorf("after the kill %+v, %d written", s, sum(written))
			}
			must(t, q.Start(t.Context()))
			until(t, "all is done", func() bool { s := stats(t, q); return s.Queued+s.Running+s.Discarded == 0 })
			must(t, q.Close(t.Context()))

			after, done := numbers(t, db, "SELECT n FROM begun"), numbers(t, db, "SELECT n FROM done")
			for n := range killTasks {
				again := before[n] - written[n] // begun without an end in the file: once more
				if after[n] != 1+again {
					t.Errorf("task %d was begun %d times, then %d; end written: %d", n, before[n], after[n], written[n])
				}
				if hangs[n] && again != 1 {
					t.Errorf("task %d hung: begun %d, written %d", n, before[n], written[n])
				}
				if done[n] < 1 || done[n] > after[n] || completes && done[n] != 1 {
					t.Errorf("task %d was done %d times", n, done[n])
				}
			}
			if s := stats(t, q); s.Released < killWorkers || s.Released != s.Retried {
				t.Errorf("%+v", s)
			}
		})
	}
}

func sum(counts [killTasks]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

package durable

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/sqliteperf/sqliteperf/driver"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(childFile); path != "" {
		child(path, os.Getenv(childCompletes) != "")
	}
	goleak.VerifyTestMain(m)
}

// quick is a configuration that does not make tests wait.
func quick() Config {
	return Config{Poll: 10 * time.Millisecond, Backoff: time.Millisecond, MaxDelay: 10 * time.Millisecond, Lease: minLease,
		Logger: slog.New(slog.DiscardHandler)}
}

func openDB(path string) (*sql.DB, error) {
	return sql.Open("sqlite-perf", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(20000)")
}

// database is a file with WAL.
func database(t testing.TB) *sql.DB {
	t.Helper()
	db, err := openDB(filepath.Join(t.TempDir(), "app.db"))
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

// queue is an open Queue that closes at the end, if the test did not.
func queue(t testing.TB, db *sql.DB, c Config) *Queue {
	t.Helper()
	q, err := Open(context.Background(), db, c)
	must(t, err)
	t.Cleanup(func() {
		q.mu.Lock()
		closed := q.closed
		q.mu.Unlock()
		if !closed {
			must(t, q.Close(context.Background()))
		}
	})
	return q
}

// until polls until a state is reached. Its deadline is no measure of anything.
func until(t testing.TB, what string, reached func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	late := time.After(time.Minute)
	for !reached() {
		select {
		case <-late:
			t.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}

func stats(t testing.TB, q *Queue) Stats {
	t.Helper()
	s, err := q.Stats(context.Background())
	must(t, err)
	return s
}

func enqueue(t testing.TB, q *Queue, args any) int64 {
	t.Helper()
	id, err := q.Enqueue(context.Background(), args)
	must(t, err)
	return id
}

func state(t testing.TB, db *sql.DB, id int64) (s string) {
	t.Helper()
	must(t, db.QueryRow("SELECT state FROM river_job WHERE id = ?", id).Scan(&s))
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wants(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

package sqlmiddleware

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"testing"
	"time"

	"github.com/ngrok/sqlmw"
)

func TestHotPathAllocatesNothing(t *testing.T) {
	conn := driver.ExecerContext(&scripted{func() error { return nil }})
	retry, guard, tags := Retry(RetryConfig{}), Guard(GuardConfig{Forbid: DDL | DeleteAll}), Tags(TagsConfig{})
	for _, query := range []string{"UPDATE t SET a = 1 WHERE id = ?", "SELECT 1; SELECT 2", "BEGIN; COMMIT"} {
		if n := testing.AllocsPerRun(1000, func() { retry.ConnExecContext(background, conn, query, nil) }); n > 0 && query[0] != 'B' {
			t.Errorf("Retry allocates %v times for %s", n, query)
		}
		if n := testing.AllocsPerRun(1000, func() { guard.ConnExecContext(background, conn, query, nil) }); n > 0 {
			t.Errorf("Guard allocates %v times for %s", n, query)
		}
		if n := testing.AllocsPerRun(1000, func() { tags.ConnExecContext(background, conn, query, nil) }); n > 0 {
			t.Errorf("Tags allocates %v times for %s", n, query)
		}
	}
}

// BenchmarkExec compares a statement that is not busy through an interceptor that does nothing and through each.
func BenchmarkExec(b *testing.B) {
	for _, bench := range []struct {
		name        string
		interceptor sqlmw.Interceptor
	}{
		{"raw", sqlmw.NullInterceptor{}},
		{"retry", Retry(RetryConfig{})},
		{"guard kinds", Guard(GuardConfig{Forbid: DDL | DeleteAll})},
		{"guard deadline", Guard(GuardConfig{Deadline: time.Minute})},
		{"tags", Tags(TagsConfig{Static: []Tag{{"application", "shop"}}})},
	} {
		b.Run(bench.name, func(b *testing.B) {
			c := single(b, open(b, file(b), bench.interceptor))
			b.ReportAllocs()
			for b.Loop() {
				must(b, exec(c, "UPDATE t SET a = 1 WHERE id = 0"))
			}
		})
	}
}

// TestManyWriters: connections that all write to one file without a busy_timeout get all their rows in, once.
func TestManyWriters(t *testing.T) {
	path := file(t)
	run(t, open(t, path), "PRAGMA journal_mode=WAL") // else a COMMIT may be busy, which is left alone
	retry := Retry(RetryConfig{Delay: time.Millisecond, MaxRetries: -1, MaxDuration: time.Minute, BudgetRate: -1})
	db := open(t, path+immediate, retry)
	const writers, each = 6, 20
	done := make(chan error, writers)
	for range writers {
		go func() { done <- writeRows(db, each) }()
	}
	for range writers {
		must(t, <-done)
	}
	if n := count(t, path); n != 2+writers*each*2 {
		t.Errorf("%d rows, want %d", n, 2+writers*each*2)
	}
	if s := retry.Stats(); s.GaveUp+s.Exhausted+s.Canceled+s.Left != 0 {
		t.Errorf("%+v", s)
	}
	t.Logf("%+v", retry.Stats())
}

// writeRows writes two rows n times, one by itself and one in a transaction.
func writeRows(db *sql.DB, n int) error {
	for range n {
		if _, err := db.Exec("INSERT INTO t(a) VALUES (?)", 1); err != nil {
			return err
		}
		tx, err := db.Begin()
		if err != nil {
			return err
		}
		_, err = tx.Exec("INSERT INTO t(a) VALUES (2)")
		if err = errors.Join(err, tx.Commit()); err != nil {
			return err
		}
	}
	return nil
}

package sqlmiddleware

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ngrok/sqlmw"
)

const endless = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT "

func TestDeadlineStopsStatements(t *testing.T) {
	for name, use := range map[string]func(c *sql.Conn, ctx context.Context) error{
		"exec": func(c *sql.Conn, ctx context.Context) error {
			_, err := c.ExecContext(ctx, endless+"count(*) FROM c")
			return err
		},
		"query": func(c *sql.Conn, ctx context.Context) error {
			return readAll(c.QueryContext(ctx, endless+"count(*) FROM c"))
		},
		"rows": func(c *sql.Conn, ctx context.Context) error {
			return readAll(c.QueryContext(ctx, endless+"n FROM c"))
		},
		"prepared exec": func(c *sql.Conn, ctx context.Context) error {
			return prepare(c, endless+"count(*) FROM c", func(s *sql.Stmt) error { _, err := s.ExecContext(ctx); return err })
		},
		"prepared query": func(c *sql.Conn, ctx context.Context) error {
			return prepare(c, endless+"n FROM c", func(s *sql.Stmt) error { return readAll(s.QueryContext(ctx)) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t, file(t), Guard(GuardConfig{Deadline: 20 * time.Millisecond}))
			err := use(single(t, db), background)
			if !errors.Is(err, ErrDeadline) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
			later, cancel := context.WithTimeout(background, time.Hour)
			defer cancel()
			if err := use(single(t, db), later); !errors.Is(err, ErrDeadline) {
				t.Errorf("with a later deadline: %v", err)
			}
			canceled, cancel := context.WithCancel(background)
			cancel()
			if err := use(single(t, db), canceled); err != context.Canceled {
				t.Errorf("canceled: %v", err)
			}
			run(t, db, "INSERT INTO t(a) VALUES (3)")
		})
	}
}

func TestEarlierDeadlineIsTheCallers(t *testing.T) {
	c := single(t, open(t, file(t), Guard(GuardConfig{Deadline: time.Hour})))
	ctx, cancel := context.WithTimeout(background, 20*time.Millisecond)
	defer cancel()
	_, err := c.ExecContext(ctx, endless+"count(*) FROM c")
	if err != context.DeadlineExceeded {
		t.Errorf("error %v, want the context's as it is", err)
	}
}

// TestDeadlineBetweenRows reads one row, waits in the bubble's time, and reads the next.
func TestDeadlineBetweenRows(t *testing.T) {
	path := file(t)
	synctest.Test(t, func(t *testing.T) {
		db := open(t, path, Guard(GuardConfig{Deadline: time.Second}))
		defer db.Close()
		for _, wait := range []time.Duration{time.Second - 1, time.Second} {
			rows, err := db.Query("SELECT a FROM t")
			must(t, err)
			first := rows.Next()
			time.Sleep(wait)
			synctest.Wait()
			second, late := rows.Next(), wait == time.Second
			if !first || second == late || errors.Is(rows.Err(), ErrDeadline) != late {
				t.Errorf("after %v: %v, %v and %v", wait, first, second, rows.Err())
			}
			must(t, rows.Close())
		}
	})
}

// observer keeps the contexts that reach the driver.
type observer struct {
	sqlmw.NullInterceptor
	seen []context.Context
}

func (o *observer) ConnExecContext(ctx context.Context, conn driver.ExecerContext, query string, args []driver.NamedValue) (driver.Result, error) {
	o.seen = append(o.seen, ctx)
	return conn.ExecContext(ctx, query, args)
}

func (o *observer) ConnQueryContext(ctx context.Context, conn driver.QueryerContext, query string, args []driver.NamedValue) (context.Context, driver.Rows, error) {
	o.seen = append(o.seen, ctx)
	rows, err := conn.QueryContext(ctx, query, args)
	return ctx, rows, err
}

func TestDeadlinesAreReleased(t *testing.T) {
	seen := &observer{}
	db := open(t, file(t), Guard(GuardConfig{Deadline: time.Hour}), seen)
	rows, err := db.Query("SELECT a FROM t")
	must(t, err)
	rows.Next()
	if err := seen.seen[0].Err(); err != nil {
		t.Errorf("released while rows are read: %v", err)
	}
	must(t, rows.Close())
	run(t, db, "INSERT INTO t(a) VALUES (3)")
	if err := readAll(db.Query("SELECT nothing")); err == nil {
		t.Error("selected nothing")
	}
	for i, ctx := range seen.seen {
		if ctx.Err() != context.Canceled {
			t.Errorf("context %d of %d: %v", i, len(seen.seen), ctx.Err())
		}
	}
}

// TestContextsPassThrough: without a deadline the driver gets the caller's context itself.
func TestContextsPassThrough(t *testing.T) {
	seen := &observer{}
	db := open(t, file(t), Guard(GuardConfig{MaxRows: 1, Forbid: DDL}), Retry(RetryConfig{}), Tags(TagsConfig{Route: true}), seen)
	ctx := context.WithValue(background, seen, 1)
	_, err := db.ExecContext(ctx, "INSERT INTO t(a) VALUES (3)")
	must(t, err)
	must(t, db.QueryRowContext(ctx, "SELECT 1").Scan(new(int)))
	if seen.seen[0] != ctx || seen.seen[1] != ctx {
		t.Error("another context")
	}
}

func TestMaxRows(t *testing.T) {
	for limit, want := range map[int]int{0: 2, 1: 1, 2: 2, 3: 2} {
		db := open(t, file(t), Guard(GuardConfig{MaxRows: limit}))
		for name, query := range map[string]func() (*sql.Rows, error){
			"query":    func() (*sql.Rows, error) { return db.Query("SELECT a FROM t") },
			"prepared": func() (*sql.Rows, error) { return prepareQuery(t, db, "SELECT a FROM t") },
		} {
			rows, err := query()
			must(t, err)
			n := 0
			for rows.Next() {
				n++
			}
			failure, limited := errors.AsType[*RowLimitError](rows.Err())
			if n != want || limited != (limit == 1) || limited && (failure.Max != 1 || !errors.Is(failure, ErrTooManyRows)) {
				t.Errorf("%s, at most %d: %d rows and %v", name, limit, n, rows.Err())
			}
			must(t, rows.Close())
		}
		run(t, db, "INSERT INTO t(a) VALUES (3)")
	}
}

func prepareQuery(t *testing.T, db *sql.DB, query string) (*sql.Rows, error) {
	s, err := db.Prepare(query)
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return s.Query()
}

func TestForbiddenRunsNothing(t *testing.T) {
	path := file(t)
	db := open(t, path, Guard(GuardConfig{Forbid: DDL | DeleteAll | PragmaSet}))
	for query, want := range map[string]ForbiddenError{
		"DELETE FROM t": {DeleteAll, 1},
		"INSERT INTO t(a) VALUES (3); DROP TABLE t": {DDL, 2},
		"; ; SELECT 1; /* x */ delete from t;":      {DeleteAll, 2},
		"DELETE FROM t\x00 WHERE id = 0":            {DeleteAll, 1},
		"EXPLAIN PRAGMA foreign_keys = 1":           {PragmaSet, 1},
	} {
		_, execErr := db.Exec(query)
		_, queryErr := db.Query(query)
		_, prepareErr := db.Prepare(query)
		for _, err := range []error{execErr, queryErr, prepareErr} {
			failure, ok := errors.AsType[*ForbiddenError](err)
			if !ok || *failure != want || !errors.Is(err, ErrForbidden) {
				t.Errorf("%q: %v, want %v", query, err, &want)
			}
		}
	}
	if n := count(t, path); n != 2 {
		t.Errorf("%d rows, want 2", n)
	}
	run(t, db, "DELETE FROM t WHERE id = 1")
	must(t, db.QueryRow("PRAGMA foreign_keys").Scan(new(int)))
}

package sqlmiddleware

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"modernc.org/sqlite"
)

// attempt is one way to write a row, or to begin, that meets a lock.
type attempt struct {
	name  string
	rows  int // written by it
	write func(c *sql.Conn) error
}

var background = context.Background()

var attempts = []attempt{
	{"exec", 1, func(c *sql.Conn) error { return exec(c, "INSERT INTO t(a) VALUES (3)") }},
	{"exec with comment and semicolon", 1, func(c *sql.Conn) error { return exec(c, "; /* ; */ INSERT INTO t(a) VALUES (';') ; ") }},
	{"query", 1, func(c *sql.Conn) error {
		return readAll(c.QueryContext(background, "INSERT INTO t(a) VALUES (3) RETURNING id"))
	}},
	{"prepared exec", 1, func(c *sql.Conn) error {
		return prepare(c, "INSERT INTO t(a) VALUES (?)", func(s *sql.Stmt) error { _, err := s.Exec(3); return err })
	}},
	{"prepared query", 1, func(c *sql.Conn) error {
		return prepare(c, "INSERT INTO t(a) VALUES (?) RETURNING id", func(s *sql.Stmt) error { return readAll(s.Query(3)) })
	}},
	{"begin", 0, func(c *sql.Conn) error { return finish(c.BeginTx(background, nil)) }},
	{"begin by text", 0, func(c *sql.Conn) error { return errors.Join(exec(c, "begin immediate"), exec(c, "commit")) }},
	{"after a transaction", 1, func(c *sql.Conn) error {
		return errors.Join(exec(c, "BEGIN"), exec(c, "COMMIT"), exec(c, "SAVEPOINT a"), exec(c, `RELEASE "A"`), exec(c, "INSERT INTO t(a) VALUES (3)"))
	}},
}

func exec(c *sql.Conn, query string) error {
	_, err := c.ExecContext(background, query)
	return err
}

func prepare(c *sql.Conn, query string, use func(*sql.Stmt) error) error {
	s, err := c.PrepareContext(background, query)
	if err != nil {
		return err
	}
	defer s.Close()
	return use(s)
}

func readAll(rows *sql.Rows, err error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
	}
	return rows.Err()
}

func finish(tx *sql.Tx, err error) error {
	if err != nil {
		return err
	}
	return tx.Commit()
}

// releasing configures a Retry without waits, whose nth retry finds the lock gone.
func releasing(n int, unlock func()) RetryConfig {
	return RetryConfig{Delay: -1, OnRetry: func(_ context.Context, e RetryEvent) {
		if e.Retry == n {
			unlock()
		}
	}}
}

const immediate = "?_txlock=immediate"

func TestBusyStatementsAreTriedAgain(t *testing.T) {
	for _, a := range attempts {
		t.Run(a.name, func(t *testing.T) {
			path := file(t)
			retry := Retry(releasing(3, lock(t, path, "IMMEDIATE")))
			must(t, a.write(single(t, open(t, path+immediate, retry))))
			if s := retry.Stats(); s != (RetryStats{Retries: 3, Recovered: 1}) {
				t.Errorf("%+v", s)
			}
			if n := count(t, path); n != 2+a.rows {
				t.Errorf("%d rows, want %d: executed not once", n, 2+a.rows)
			}
			if n := len(retry.open.open); n != 0 {
				t.Errorf("%d transactions are believed to be open", n)
			}
		})
	}
}

func TestGivingUpChangesNothing(t *testing.T) {
	for _, a := range attempts {
		t.Run(a.name, func(t *testing.T) {
			path := file(t)
			unlock := lock(t, path, "IMMEDIATE")
			retry := Retry(RetryConfig{Delay: -1, MaxRetries: 4})
			c := single(t, open(t, path+immediate, retry))
			err := a.write(c)
			if failure, ok := errors.AsType[*sqlite.Error](err); !ok || failure.Code() != 5 {
				t.Errorf("error %v, want modernc's own", err)
			}
			if s := retry.Stats(); s != (RetryStats{Retries: 4, GaveUp: 1}) {
				t.Errorf("%+v", s)
			}
			unlock()
			if n := count(t, path); n != 2 {
				t.Errorf("%d rows, want 2", n)
			}
			must(t, exec(c, "INSERT INTO t(a) VALUES (4)"))
		})
	}
}

func TestPreparingIsTriedAgain(t *testing.T) {
	path := file(t)
	retry := Retry(releasing(2, lock(t, path, "EXCLUSIVE")))
	c := single(t, open(t, path, retry))
	must(t, prepare(c, "SELECT a FROM t", func(s *sql.Stmt) error { return readAll(s.Query()) }))
	if s := retry.Stats(); s != (RetryStats{Retries: 2, Recovered: 1}) {
		t.Errorf("%+v", s)
	}
}

// TestBusyAtTheEndIsTriedAgain: a statement of its own that is refused when it commits was undone, so it
// may run again, and takes effect once.
func TestBusyAtTheEndIsTriedAgain(t *testing.T) {
	path := file(t)
	reader := single(t, open(t, path))
	must(t, errors.Join(exec(reader, "BEGIN"), exec(reader, "SELECT a FROM t")))
	retry := Retry(releasing(2, func() { must(t, exec(reader, "COMMIT")) }))
	must(t, exec(single(t, open(t, path, retry)), "INSERT INTO t(a) VALUES (3) RETURNING id"))
	if s, n := retry.Stats(), count(t, path); s != (RetryStats{Retries: 2, Recovered: 1}) || n != 3 {
		t.Errorf("%+v and %d rows", s, n)
	}
}

package sqlmiddleware

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ngrok/sqlmw"
)

// TestTransactionsAgreeWithSQLite runs random scripts and asks SQLite after each text whether a transaction is
// open. After a script that failed midway only one direction counts: what is open must be known to be.
func TestTransactionsAgreeWithSQLite(t *testing.T) {
	texts := []string{
		"BEGIN", "BEGIN", "begin immediate", "COMMIT", "END TRANSACTION", "ROLLBACK", "ROLLBACK TRANSACTION", "SAVEPOINT a", "savepoint 'A'",
		"SAVEPOINT b", "RELEASE a", `RELEASE SAVEPOINT "b"`, "ROLLBACK TO a", "ROLLBACK TRANSACTION TO SAVEPOINT b", "SELECT 1", "SELECT 1;",
		"INSERT INTO t(a) VALUES (1)", "; BEGIN", "SELECT 1; SAVEPOINT a; RELEASE a", "BEGIN; COMMIT;", "COMMIT; BEGIN", "/* c */ COMMIT -- d",
		"EXPLAIN BEGIN", "BEGIN nonsense", "SAVEPOINT savepoint", "RELEASE savepoint",
		"BEGIN; SELECT nothing", "COMMIT; SELECT nothing", "INSERT OR ROLLBACK INTO t(id) VALUES (1)",
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		probe := &inner{}
		retry := Retry(RetryConfig{Delay: -1})
		c := single(t, open(t, ":memory:", retry, probe))
		must(t, exec(c, "CREATE TABLE t(id INTEGER PRIMARY KEY, a)"))
		certain := true
		for n := range 25 {
			text := texts[r.IntN(len(texts))]
			err := runAny(c, text, n)
			certain = certain && !(err != nil && strings.Contains(text, ";")) && !strings.Contains(text, "OR ROLLBACK")
			known, open := len(retry.open.open) == 1, probe.inTransaction(t)
			if open && !known || certain && open != known {
				t.Fatalf("after %s (%v): open is %v, known is %v", text, err, open, known)
			}
		}
		must(t, c.Close())
	}
}

// runAny runs a text in one of the ways there are.
func runAny(c *sql.Conn, text string, way int) error {
	switch way % 3 {
	case 0:
		return exec(c, text)
	case 1:
		return readAll(c.QueryContext(background, text))
	}
	return prepare(c, text, func(s *sql.Stmt) error { _, err := s.Exec(); return err })
}

// inner holds on to modernc's connection.
type inner struct {
	sqlmw.NullInterceptor
	conn driver.Conn
}

func (i *inner) ConnectorConnect(ctx context.Context, c driver.Connector) (conn driver.Conn, err error) {
	i.conn, err = c.Connect(ctx)
	return i.conn, err
}

// inTransaction asks SQLite, behind the interceptors' back.
func (i *inner) inTransaction(t *testing.T) bool {
	t.Helper()
	run := func(query string) error {
		_, err := i.conn.(driver.ExecerContext).ExecContext(background, query, nil)
		return err
	}
	if err := run("BEGIN"); err != nil {
		return true
	}
	must(t, run("COMMIT"))
	return false
}

func TestTransactionsEndWithTheirContext(t *testing.T) {
	retry := Retry(RetryConfig{Delay: -1})
	db := open(t, ":memory:", retry)
	db.SetMaxOpenConns(1)
	ctx, cancel := context.WithCancel(background)
	_, err := db.BeginTx(ctx, nil)
	must(t, err)
	cancel()
	must(t, db.Ping()) // waits for the connection, so for the rollback
	if n := len(retry.open.open); n != 0 {
		t.Errorf("%d transactions open", n)
	}
}

func TestOpenTransactionsAreBounded(t *testing.T) {
	var ts transactions
	conns := make([]*int, openKept+10)
	for i := range conns {
		conns[i] = new(int)
		ts.apply(conns[i], control{verb: begins})
	}
	if len(ts.open) != openKept || ts.inside(conns[0]) || !ts.inside(conns[len(conns)-1]) {
		t.Errorf("%d known, want %d with the newest", len(ts.open), openKept)
	}
}

// TestUncomparableConnections: what is no map key is never retried, and never panics.
func TestUncomparableConnections(t *testing.T) {
	var ts transactions
	odd := struct{ f []int }{}
	ts.apply(odd, control{verb: begins})
	ts.note(odd, shape{controls: []control{{verb: ends}}}, errors.New("x"))
	if !ts.inside(odd) || len(ts.open) != 0 {
		t.Error("an unknown connection counts as free")
	}
}

// uncomparable is an interceptor that cannot be compared, as users' may be.
type uncomparable struct {
	sqlmw.NullInterceptor
	_ []int
}

func TestUncomparableInterceptors(t *testing.T) {
	path := file(t)
	unlock := lock(t, path, "IMMEDIATE")
	retry := Retry(RetryConfig{Delay: -1})
	c := single(t, open(t, path, retry, uncomparable{}))
	if err := exec(c, "INSERT INTO t(a) VALUES (3)"); !isBusy(err) {
		t.Errorf("%v, want busy", err)
	}
	unlock()
	must(t, exec(c, "INSERT INTO t(a) VALUES (3)"))
	must(t, finish(c.BeginTx(background, nil)))
}

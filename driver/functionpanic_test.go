package driver

import (
	"context"
	"path/filepath"
	"testing"
)

// recovered calls f and says whether it panicked.
func recovered(f func()) (panicked bool) {
	defer func() { panicked = recover() != nil }()
	f()
	return false
}

// A statement in which a function of the application's panicked lets go of its locks, as the
// application may recover.
func TestFunctionsThatPanicLeaveNoLocks(t *testing.T) {
	everyConfig(t, func(t *testing.T, open opener, dir string) []string {
		dsn := filepath.Join(dir, "app.db")
		db, other, s := open(t, dsn), bare(t, dsn), &transcript{}
		db.SetMaxOpenConns(1)
		exec(t, db, "CREATE TABLE t(v); INSERT INTO t VALUES(1)")
		for range 2 {
			recovered(func() { _, _ = db.Exec("UPDATE t SET v = panics(v)") })
			s.exec(context.Background(), other, "INSERT INTO t VALUES(2)")
			s.exec(context.Background(), db, "INSERT INTO t VALUES(3)")
			s.query(context.Background(), db, "SELECT count(*) FROM t WHERE v <> 1")
		}
		return s.lines
	})
}

func TestKeptStatementsThatPanicAreClosed(t *testing.T) {
	const query = "SELECT panics(1)"
	c := single(t, wrappedWith(Config{StatementCache: 2})(t, ":memory:"))
	for name, run := range map[string]func(*conn){
		"query": func(c *conn) { _, _ = c.QueryContext(context.Background(), query, nil) },
		"exec":  func(c *conn) { _, _ = c.ExecContext(context.Background(), query, nil) },
	} {
		raw(t, c, func(dc any) {
			if !recovered(func() { run(dc.(*conn)) }) {
				t.Errorf("%s does not panic", name)
			}
		})
		if left := prepared(t, c); len(left) > 0 {
			t.Errorf("after %s SQLite still has %q", name, left)
		}
	}
}

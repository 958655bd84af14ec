package driver

import (
	"context"
	"database/sql/driver"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/sqltext"
	"modernc.org/sqlite"
)

// keepable says that text is one statement that reads or changes rows. What changes the schema or
// the connection's settings takes effect while it is compiled, or makes others to be compiled anew.
func keepable(text string) bool {
	switch firstWord(text) {
	case "SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "VALUES":
		return len(text) <= cachedText && whole(text)
	}
	return false
}

// whole says that text is one statement with nothing behind its ";": modernc takes whatever is there
// for more statements, which it compiles at each run.
func whole(text string) bool {
	parts := sqltext.Split(text)
	return len(parts) == 1 && (strings.HasSuffix(strings.TrimSuffix(text, ";"), parts[0]) ||
		strings.HasSuffix(strings.TrimRight(text, " \t\r\n\f"), parts[0]))
}

// harmless says that text leaves kept statements as good as they were. EXPLAIN does not: SQLite changes
// settings while it compiles a PRAGMA, also one to be explained. https://sqlite.org/pragma.html
func harmless(text string) bool {
	switch firstWord(text) {
	case "", "SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "VALUES",
		"BEGIN", "COMMIT", "END", "SAVEPOINT", "RELEASE":
		return len(sqltext.Split(text)) <= 1
	}
	return false
}

// pass closes the statements kept before query goes past them, if it may change what they were
// compiled for.
func (s *session) pass(query string) {
	if s.cache != nil && !harmless(query) {
		s.cache.clear()
	}
}

// PrepareContext prepares query, which compiles it.
func (s *session) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	s.pass(query)
	return s.innerConn.PrepareContext(ctx, query)
}

// Prepare is PrepareContext without a context.
func (s *session) Prepare(query string) (driver.Stmt, error) {
	s.pass(query)
	return s.innerConn.Prepare(query)
}

// ColumnInfo tells of the columns of query, which it compiles.
func (s *session) ColumnInfo(query string) ([]sqlite.ColumnInfo, error) {
	s.pass(query)
	return s.innerConn.ColumnInfo(query)
}

// Query is for callers that hold the connection by sql.Conn.Raw.
func (s *session) Query(query string, args []driver.Value) (driver.Rows, error) {
	s.pass(query)
	return s.innerConn.Query(query, args)
}

// Exec is for callers that hold the connection by sql.Conn.Raw.
func (s *session) Exec(query string, args []driver.Value) (driver.Result, error) {
	s.pass(query)
	return s.innerConn.Exec(query, args)
}

// ColumnInfo tells of the columns of query.
func (c *conn) ColumnInfo(query string) ([]sqlite.ColumnInfo, error) {
	return c.session.ColumnInfo(query)
}

// Deserialize replaces the database, and with it what kept statements were compiled for.
func (c *conn) Deserialize(buf []byte) error {
	c.session.forget()
	return c.innerConn.Deserialize(buf)
}

// NewRestore replaces the database step by step, and with it what kept statements were compiled for.
func (c *conn) NewRestore(srcURI string) (*sqlite.Backup, error) {
	c.session.forget()
	return c.innerConn.NewRestore(srcURI)
}

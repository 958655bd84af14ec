package driver

import (
	"context"
	"database/sql/driver"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// innerStmt is everything modernc's prepared statement can do.
type innerStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// stmt records the executions of a prepared statement.
type stmt struct {
	innerStmt
	conn      *conn
	query     string
	statement uintptr // SQLite's, 0 if unknown
}

func (c *conn) wrapStmt(inner driver.Stmt, query string, err error) (driver.Stmt, error) {
	base, ok := inner.(innerStmt)
	if err != nil || !ok {
		return inner, err
	}
	return &stmt{innerStmt: base, conn: c, query: query, statement: c.session.handle.prepared(base)}, nil
}

// Close closes the statement, whose counters are gone with it.
func (s *stmt) Close() error {
	s.statement = 0
	return s.innerStmt.Close()
}

// QueryContext runs the statement, whose result it wraps.
func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	call := s.conn.begin(ctx, s.query, args, capture.ModePreparedQuery)
	if s.conn.chain != nil {
		return call.chained(func() (driver.Rows, error) { return s.innerStmt.QueryContext(ctx, args) })
	}
	inner, lease, err := s.conn.session.queryPrepared(ctx, s.innerStmt, s.statement, args)
	return call.rows(inner, lease, err)
}

// ExecContext runs the statement.
func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	call := s.conn.begin(ctx, s.query, args, capture.ModePreparedExec)
	if s.conn.chain != nil {
		return call.chainedExec(func() (driver.Result, error) { return s.innerStmt.ExecContext(ctx, args) })
	}
	result, cost, err := s.conn.session.execPrepared(ctx, s.innerStmt, s.statement, args)
	call.exec(result, cost, err)
	return result, err
}

// Query is for callers that hold the statement by sql.Conn.Raw.
func (s *stmt) Query(args []driver.Value) (driver.Rows, error) {
	call := s.conn.begin(context.Background(), s.query, nil, capture.ModePreparedQuery)
	if s.conn.chain != nil {
		return call.chained(func() (driver.Rows, error) { return s.innerStmt.Query(args) })
	}
	inner, err := s.innerStmt.Query(args)
	return call.rows(inner, lease{}, err)
}

// Exec is for callers that hold the statement by sql.Conn.Raw.
func (s *stmt) Exec(args []driver.Value) (driver.Result, error) {
	call := s.conn.begin(context.Background(), s.query, nil, capture.ModePreparedExec)
	if s.conn.chain != nil {
		return call.chainedExec(func() (driver.Result, error) { return s.innerStmt.Exec(args) })
	}
	result, err := s.innerStmt.Exec(args)
	call.exec(result, spent{}, err)
	return result, err
}

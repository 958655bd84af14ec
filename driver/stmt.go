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
	conn  *conn
	query string
}

func (c *conn) wrapStmt(inner driver.Stmt, query string, err error) (driver.Stmt, error) {
	base, ok := inner.(innerStmt)
	if err != nil || !ok {
		return inner, err
	}
	return &stmt{innerStmt: base, conn: c, query: query}, nil
}

// QueryContext runs the statement, whose result it wraps.
func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	scope := s.conn.scope(ctx)
	if scope.Muted() {
		return s.innerStmt.QueryContext(ctx, args)
	}
	call := s.conn.begin(s.query, args, scope, capture.ModePreparedQuery)
	inner, err := s.innerStmt.QueryContext(ctx, args)
	return call.rows(inner, err)
}

// ExecContext runs the statement.
func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	scope := s.conn.scope(ctx)
	if scope.Muted() {
		return s.innerStmt.ExecContext(ctx, args)
	}
	call := s.conn.begin(s.query, args, scope, capture.ModePreparedExec)
	result, err := s.innerStmt.ExecContext(ctx, args)
	call.exec(result, err)
	return result, err
}

// Query is for callers that hold the statement by sql.Conn.Raw.
func (s *stmt) Query(args []driver.Value) (driver.Rows, error) {
	call := s.conn.begin(s.query, nil, s.conn.scope(context.Background()), capture.ModePreparedQuery)
	inner, err := s.innerStmt.Query(args)
	return call.rows(inner, err)
}

// Exec is for callers that hold the statement by sql.Conn.Raw.
func (s *stmt) Exec(args []driver.Value) (driver.Result, error) {
	call := s.conn.begin(s.query, nil, s.conn.scope(context.Background()), capture.ModePreparedExec)
	result, err := s.innerStmt.Exec(args)
	call.exec(result, err)
	return result, err
}

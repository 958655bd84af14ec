package driver

import (
	"context"
	"database/sql/driver"
	"slices"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// chainConn is the connection that interceptors wrap. It notes what a call cost and what it opened,
// for the outer connection cannot see through them.
type chainConn struct{ *session }

// under is what interceptors left open on a session, and what the call in progress cost.
type under struct {
	spent spent
	empty bool // there was nothing to execute, so there is no result
	stmts []*chainStmt
	rows  []*chainRows
	tx    *chainTx
}

func (u *under) executed(result driver.Result, cost spent, err error) {
	u.spent, u.empty = cost, err == nil && result == nil
}

func (c *chainConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	result, cost, err := c.exec(ctx, query, args)
	c.under.executed(result, cost, err)
	return result, err
}

func (c *chainConn) Exec(query string, args []driver.Value) (driver.Result, error) {
	result, err := c.session.Exec(query, args)
	c.under.executed(result, spent{}, err)
	return result, err
}

func (c *chainConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.opened(c.query(ctx, query, args))
}

func (c *chainConn) Query(query string, args []driver.Value) (driver.Rows, error) {
	inner, err := c.session.Query(query, args)
	return c.opened(inner, lease{}, err)
}

func (c *chainConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	return c.prepared(c.session.PrepareContext(ctx, query))
}

func (c *chainConn) Prepare(query string) (driver.Stmt, error) {
	return c.prepared(c.session.Prepare(query))
}

func (c *chainConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	return c.begun(c.innerConn.BeginTx(ctx, opts))
}

func (c *chainConn) Begin() (driver.Tx, error) { return c.begun(c.innerConn.Begin()) }

func (c *chainConn) opened(inner driver.Rows, l lease, err error) (driver.Rows, error) {
	base, ok := inner.(innerRows)
	if err != nil || !ok {
		return inner, err
	}
	r := &chainRows{innerRows: base, session: c.session, lease: l}
	c.under.rows = append(c.under.rows, r)
	return r, nil
}

func (c *chainConn) prepared(inner driver.Stmt, err error) (driver.Stmt, error) {
	base, ok := inner.(innerStmt)
	if err != nil || !ok {
		return inner, err
	}
	s := &chainStmt{innerStmt: base, conn: c, statement: c.handle.prepared(base)}
	c.under.stmts = append(c.under.stmts, s)
	return s, nil
}

func (c *chainConn) begun(inner driver.Tx, err error) (driver.Tx, error) {
	if err != nil {
		return inner, err
	}
	c.under.tx = &chainTx{Tx: inner, session: c.session}
	return c.under.tx, nil
}

// chainRows are the rows that interceptors wrap.
type chainRows struct {
	innerRows
	session *session
	lease   lease
	cost    spent
	failed  bool
	closed  bool
}

func (r *chainRows) Next(dest []driver.Value) error {
	err := r.innerRows.Next(dest)
	r.failed = r.failed || broken(err)
	return err
}

func (r *chainRows) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	r.session.under.rows = without(r.session.under.rows, r)
	r.cost = r.session.cost(r.lease)
	err := r.innerRows.Close()
	if releasing := r.session.release(r.lease, err != nil || r.failed); err == nil {
		err = releasing
	}
	return err
}

// chainStmt is the prepared statement that interceptors wrap.
type chainStmt struct {
	innerStmt
	conn      *chainConn
	statement uintptr
}

func (s *chainStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	result, cost, err := s.conn.execPrepared(ctx, s.innerStmt, s.statement, args)
	s.conn.under.executed(result, cost, err)
	return result, err
}

func (s *chainStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.conn.opened(s.conn.queryPrepared(ctx, s.innerStmt, s.statement, args))
}

func (s *chainStmt) Query(args []driver.Value) (driver.Rows, error) {
	inner, err := s.innerStmt.Query(args)
	return s.conn.opened(inner, lease{}, err)
}

func (s *chainStmt) Close() error {
	s.conn.under.stmts = without(s.conn.under.stmts, s)
	s.statement = 0
	return s.innerStmt.Close()
}

// chainTx is the transaction that interceptors wrap.
type chainTx struct {
	driver.Tx
	session *session
}

func (t *chainTx) Commit() error {
	t.session.under.tx = nil
	start := capture.Now()
	err := t.Tx.Commit()
	t.session.under.spent = t.session.committed(start, err)
	return err
}

func (t *chainTx) Rollback() error {
	t.session.under.tx = nil
	return t.Tx.Rollback()
}

func without[T comparable](list []T, gone T) []T {
	return slices.DeleteFunc(list, func(one T) bool { return one == gone })
}

package driver

import (
	"context"
	"database/sql/driver"

	"github.com/ngrok/sqlmw"
)

// hostile is an interceptor that calls do before and after each of its methods goes on.
type hostile struct {
	sqlmw.NullInterceptor
	do func(method string)
}

// methodsOf are all that an interceptor can intercept.
var methodsOf = []string{
	"ConnBeginTx", "ConnPrepareContext", "ConnPing", "ConnExecContext", "ConnQueryContext", "ConnectorConnect", "ResultLastInsertId",
	"ResultRowsAffected", "RowsNext", "RowsClose", "StmtExecContext", "StmtQueryContext", "StmtClose", "TxCommit", "TxRollback",
}

// around calls do with the name of the method and where it stands.
func around[T any](h hostile, method string, next func() T) T {
	h.do(method + " before")
	result := next()
	h.do(method + " after")
	return result
}

type two[A, B any] struct {
	a A
	b B
}

type three[A, B, C any] struct {
	a A
	b B
	c C
}

func pair[A, B any](a A, b B) two[A, B] { return two[A, B]{a, b} }

func triple[A, B, C any](a A, b B, c C) three[A, B, C] { return three[A, B, C]{a, b, c} }

func (h hostile) ConnBeginTx(ctx context.Context, conn driver.ConnBeginTx, opts driver.TxOptions) (context.Context, driver.Tx, error) {
	r := around(h, "ConnBeginTx", func() three[context.Context, driver.Tx, error] {
		return triple(h.NullInterceptor.ConnBeginTx(ctx, conn, opts))
	})
	return r.a, r.b, r.c
}

func (h hostile) ConnPrepareContext(ctx context.Context, conn driver.ConnPrepareContext, query string) (context.Context, driver.Stmt, error) {
	r := around(h, "ConnPrepareContext", func() three[context.Context, driver.Stmt, error] {
		return triple(h.NullInterceptor.ConnPrepareContext(ctx, conn, query))
	})
	return r.a, r.b, r.c
}

func (h hostile) ConnPing(ctx context.Context, conn driver.Pinger) error {
	return around(h, "ConnPing", func() error { return conn.Ping(ctx) })
}

func (h hostile) ConnExecContext(ctx context.Context, conn driver.ExecerContext, query string, args []driver.NamedValue) (driver.Result, error) {
	r := around(h, "ConnExecContext", func() two[driver.Result, error] { return pair(conn.ExecContext(ctx, query, args)) })
	return r.a, r.b
}

func (h hostile) ConnQueryContext(ctx context.Context, conn driver.QueryerContext, query string, args []driver.NamedValue) (context.Context, driver.Rows, error) {
	r := around(h, "ConnQueryContext", func() three[context.Context, driver.Rows, error] {
		return triple(h.NullInterceptor.ConnQueryContext(ctx, conn, query, args))
	})
	return r.a, r.b, r.c
}

func (h hostile) ConnectorConnect(ctx context.Context, c driver.Connector) (driver.Conn, error) {
	r := around(h, "ConnectorConnect", func() two[driver.Conn, error] { return pair(c.Connect(ctx)) })
	return r.a, r.b
}

func (h hostile) ResultLastInsertId(result driver.Result) (int64, error) {
	r := around(h, "ResultLastInsertId", func() two[int64, error] { return pair(result.LastInsertId()) })
	return r.a, r.b
}

func (h hostile) ResultRowsAffected(result driver.Result) (int64, error) {
	r := around(h, "ResultRowsAffected", func() two[int64, error] { return pair(result.RowsAffected()) })
	return r.a, r.b
}

func (h hostile) RowsNext(_ context.Context, rows driver.Rows, dest []driver.Value) error {
	return around(h, "RowsNext", func() error { return rows.Next(dest) })
}

func (h hostile) RowsClose(_ context.Context, rows driver.Rows) error {
	return around(h, "RowsClose", rows.Close)
}

func (h hostile) StmtExecContext(ctx context.Context, st driver.StmtExecContext, _ string, args []driver.NamedValue) (driver.Result, error) {
	r := around(h, "StmtExecContext", func() two[driver.Result, error] { return pair(st.ExecContext(ctx, args)) })
	return r.a, r.b
}

func (h hostile) StmtQueryContext(ctx context.Context, st driver.StmtQueryContext, query string, args []driver.NamedValue) (context.Context, driver.Rows, error) {
	r := around(h, "StmtQueryContext", func() three[context.Context, driver.Rows, error] {
		return triple(h.NullInterceptor.StmtQueryContext(ctx, st, query, args))
	})
	return r.a, r.b, r.c
}

func (h hostile) StmtClose(_ context.Context, st driver.Stmt) error {
	return around(h, "StmtClose", st.Close)
}

func (h hostile) TxCommit(_ context.Context, tx driver.Tx) error {
	return around(h, "TxCommit", tx.Commit)
}

func (h hostile) TxRollback(_ context.Context, tx driver.Tx) error {
	return around(h, "TxRollback", tx.Rollback)
}

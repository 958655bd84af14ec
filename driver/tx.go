package driver

import (
	"context"
	"database/sql/driver"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// tx records one transaction when it ends. Rollback after the context's end runs on another
// goroutine than the statements did, but never beside them: database/sql waits for those first.
type tx struct {
	driver.Tx
	conn       *conn
	scope      *capture.Scope
	start      capture.Instant
	id         uint64
	statements int64
}

// BeginTx begins a transaction that owns the statements run on the connection until its end,
// also those run without a context of their own.
func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	start := capture.Now()
	inner, err := c.innerConn.BeginTx(ctx, opts)
	return c.wrapTx(ctx, inner, start, err)
}

// Begin is BeginTx without a context.
func (c *conn) Begin() (driver.Tx, error) {
	start := capture.Now()
	inner, err := c.innerConn.Begin()
	return c.wrapTx(context.Background(), inner, start, err)
}

// wrapTx records a BEGIN that failed, such as one that waited for a lock in vain, as a transaction
// rolled back.
func (c *conn) wrapTx(ctx context.Context, inner driver.Tx, start capture.Instant, err error) (driver.Tx, error) {
	if unseen(err) {
		return inner, err
	}
	t := &tx{Tx: inner, conn: c, scope: capture.ScopeOf(ctx), start: start, id: transactions.Add(1)}
	if err != nil {
		t.record(capture.ModeRollback, err)
		return inner, err
	}
	c.tx = t
	return t, nil
}

// Commit commits the transaction and records it.
func (t *tx) Commit() error {
	err := t.Tx.Commit()
	t.record(capture.ModeCommit, err)
	return err
}

// Rollback rolls the transaction back and records it.
func (t *tx) Rollback() error {
	err := t.Tx.Rollback()
	t.record(capture.ModeRollback, err)
	return err
}

func (t *tx) record(mode capture.Mode, err error) {
	if t.conn.tx == t {
		t.conn.tx = nil
	}
	if t.scope.Muted() {
		return
	}
	total := capture.Since(t.start)
	t.conn.ring.Record(capture.Event{
		Kind: capture.KindTransaction, Mode: mode, Error: classify(err), Start: t.start, First: total, Total: total,
		Rows: t.statements, Source: t.conn.source, Scope: t.scope, Conn: uint32(t.conn.id), Tx: t.id,
	})
}

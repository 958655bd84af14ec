package driver

import (
	"context"
	"database/sql/driver"
	"errors"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// tx records one transaction when it ends, whether database/sql began it or the application by
// text. Rollback after the context's end runs on another goroutine than the statements did, but
// never beside them: database/sql waits for those first.
type tx struct {
	driver.Tx // nil for one begun by text
	conn      *conn
	ctx       context.Context // of BeginTx: its end is why it is rolled back
	scope     *capture.Scope
	site      *capture.Site
	trace     *capture.Trace
	start     capture.Instant
	id        uint64
	cost      spent
	began     capture.Begin
	done      bool
	left      bool // begun by text, and its connection returned to the pool: others may run in it

	statements int64
	reads      int64 // before the first write
	wrote      bool
	upgraded   bool
}

// BeginTx begins a transaction that owns the statements run on the connection until its end,
// also those run without a context of their own.
func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	t := c.newTx(ctx, c.beginKind(opts))
	if c.chain != nil {
		return t.chained(func() (driver.Tx, error) { return c.chain.BeginTx(ctx, opts) })
	}
	inner, err := c.innerConn.BeginTx(ctx, opts)
	return t.begin(inner, err)
}

// Begin is BeginTx without a context.
func (c *conn) Begin() (driver.Tx, error) {
	t := c.newTx(context.Background(), c.beginKind(driver.TxOptions{}))
	if c.chain != nil {
		return t.chained(func() (driver.Tx, error) { return c.chain.Begin() })
	}
	inner, err := c.innerConn.Begin()
	return t.begin(inner, err)
}

// newTx begins to measure a transaction.
func (c *conn) newTx(ctx context.Context, began capture.Begin) *tx {
	t := &tx{conn: c, ctx: ctx, scope: c.scope(ctx), trace: capture.TraceIn(ctx), id: transactions.Add(1), began: began}
	if !c.config.NoCallers && !t.scope.Muted() {
		t.site = c.caller(nil)
	}
	if t.start = capture.Now(); !t.scope.Muted() {
		c.pool.Use(t.start)
	}
	return t
}

// begin notes that the transaction is open. A BEGIN that failed, such as one that waited for a lock
// in vain, is a transaction rolled back.
func (t *tx) begin(inner driver.Tx, err error) (driver.Tx, error) {
	if unseen(err) {
		return inner, err
	}
	t.cost = t.conn.session.locks()
	if err != nil {
		t.record(capture.ModeRollback, capture.EndNoBegin, err)
		return inner, err
	}
	t.Tx, t.conn.tx = inner, t
	return t, nil
}

// Commit commits the transaction and records it. modernc rolls back one that cannot be committed.
func (t *tx) Commit() error {
	left, err := t.run(t.Tx.Commit)
	if err == nil && !left {
		t.open().record(capture.ModeCommit, capture.EndCommit, nil)
	} else {
		t.open().record(capture.ModeRollback, capture.EndNoCommit, err)
	}
	return err
}

// Rollback rolls the transaction back and records it.
func (t *tx) Rollback() error {
	_, err := t.run(t.Tx.Rollback)
	t.open().record(capture.ModeRollback, reasonOf(t.ctx), err)
	return err
}

// run ends the transaction and adds what that cost. left says that interceptors left it open, so
// that it was rolled back whatever they returned.
func (t *tx) run(end func() error) (left bool, err error) {
	s := t.conn.session
	if t.conn.chain != nil {
		left, err = t.conn.endChained(end)
	} else {
		start := capture.Now()
		err = end()
		s.under.spent = s.committed(start, err)
	}
	t.cost.Retries += s.under.spent.Retries
	t.cost.LockWait += s.under.spent.LockWait
	return left, err
}

// reasonOf is why a transaction is rolled back: database/sql does so by itself when its context ends.
func reasonOf(ctx context.Context) capture.End {
	if ctx == nil {
		return capture.EndCalled
	}
	switch err := ctx.Err(); {
	case errors.Is(err, context.DeadlineExceeded):
		return capture.EndDeadline
	case err != nil:
		return capture.EndCancelled
	}
	return capture.EndCalled
}

// ran counts a statement. One that writes after others only read turns the transaction from a
// reader into a writer, which cannot wait for another writer without giving up what it read.
// https://sqlite.org/lang_transaction.html#deferred_immediate_and_exclusive_transactions
func (t *tx) ran(s *capture.Statement) {
	switch {
	case s.Control != capture.ControlNone && s.Control != capture.ControlScript:
		return
	case s.ReadOnly && !t.wrote:
		t.reads++
	case s.Writes && !t.wrote:
		t.wrote = true
		t.upgraded = t.reads > 0 && t.began != capture.BeginImmediate && t.began != capture.BeginExclusive
	}
	t.statements++
}

// record records the transaction, once.
func (t *tx) record(mode capture.Mode, reason capture.End, err error) {
	if t.conn.tx == t {
		t.conn.tx = nil
	}
	if t.done || t.scope.Muted() {
		return
	}
	t.done = true
	end := capture.Now()
	t.conn.pool.Used(end)
	total := time.Duration(end - t.start)
	within(&t.cost.Work, total)
	ev := capture.Event{
		Kind: capture.KindTransaction, Mode: mode, Error: classify(err), Begin: t.began, End: reason,
		Start: t.start, First: total, Total: total, Rows: t.statements,
		Source: t.conn.source, Scope: t.scope, Site: t.site, Trace: t.trace, Conn: t.conn.pool.ID, Tx: t.id, Work: t.cost.Work,
	}
	if t.upgraded {
		ev.Flags |= capture.FlagUpgraded
	}
	if t.scope != nil && t.scope.Ended(t.start) {
		ev.Flags |= capture.FlagLate
	}
	t.conn.send(&ev)
}

// beginKind is how modernc begins a transaction with these options.
// https://pkg.go.dev/modernc.org/sqlite#Driver.Open, _txlock
func (c *conn) beginKind(opts driver.TxOptions) capture.Begin {
	if opts.ReadOnly {
		return capture.BeginReadOnly
	}
	return c.txlock
}

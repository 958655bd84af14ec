package driver

import (
	"context"
	"database/sql/driver"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// call is one execution between its begin and its record. Calls without rows live on the stack.
type call struct {
	capture.OpenRows
	conn   *conn
	tx     *tx
	trace  *capture.Trace
	params capture.Params
	mode   capture.Mode
	flags  capture.Flags
	muted  bool
}

func (c *conn) begin(ctx context.Context, query string, args []driver.NamedValue, mode capture.Mode) call {
	scope := c.scope(ctx)
	if scope.Muted() {
		k := call{conn: c, muted: true}
		if c.tx != nil {
			k.Statement = c.statements.find(query) // for it may end the transaction
		}
		return k
	}
	statement := c.statements.find(query)
	k := call{conn: c, tx: c.tx, trace: c.trace(ctx), mode: mode}
	k.OpenRows = capture.OpenRows{Statement: statement, Scope: scope, Conn: c.pool.ID}
	if len(args) > 0 {
		k.params = c.paramsOf(query, statement, args)
	}
	if !c.config.NoCallers {
		k.Site = c.caller(statement)
	}
	c.ring.Expect()
	k.Start = capture.Now()
	c.pool.Use(k.Start)
	if scope != nil && scope.Ended(k.Start) {
		k.flags = capture.FlagLate
	}
	return k
}

// exec records an execution that returns no rows.
func (c *call) exec(result driver.Result, cost spent, err error) {
	if c.muted {
		c.unrecorded(err)
	}
	if c.muted || unseen(err) {
		return
	}
	total := c.took()
	var affected int64
	if err == nil && result != nil && c.Statement.Changes {
		affected, _ = result.RowsAffected()
	}
	c.record(&capture.Event{Error: classify(err), First: total, Total: total, Affected: affected}, cost, err)
}

// took ends the call: it is how long it took.
func (c *call) took() time.Duration {
	end := capture.Now()
	c.conn.pool.Used(end)
	return time.Duration(end - c.Start)
}

// rows records a failed query at once and a good one when its rows are closed. modernc has made
// the first step when Query returns, so that is the time of the first row.
func (c *call) rows(inner driver.Rows, l lease, err error) (driver.Rows, error) {
	if err == nil {
		if base, ok := inner.(innerRows); ok && (!c.muted || l.entry != nil || c.Statement != nil) {
			return c.open(base, l), nil
		}
	}
	c.none(err)
	return inner, err
}

// none records a query that returned no rows.
func (c *call) none(err error) {
	if c.muted {
		c.unrecorded(err)
	} else if !unseen(err) {
		total := c.took()
		c.record(&capture.Event{Error: classify(err), First: total, Total: total}, c.failed(err), err)
	}
}

// open wraps the rows of a query that began well.
func (c *call) open(base innerRows, l lease) *rows {
	r := &rows{innerRows: base, call: *c, lease: l}
	if !c.muted {
		r.first = capture.Since(c.Start)
		c.conn.pool.Begin(&r.call.OpenRows)
	}
	return r
}

// failed is the wait for locks of a query that failed for them. Of other failures nothing is known:
// they may have come before the first step, and SQLite tells only of the last.
func (c *call) failed(err error) spent {
	switch classify(err) {
	case capture.ErrorBusy, capture.ErrorLocked, capture.ErrorInterrupted:
		return c.conn.session.locks()
	}
	return spent{}
}

// record completes ev with what was known when the call began and sends it.
func (c *call) record(ev *capture.Event, cost spent, err error) {
	ev.Mode, ev.Start, ev.Statement, ev.Scope = c.mode, c.Start, c.Statement, c.Scope
	ev.Source, ev.Conn, ev.Site, ev.Trace = c.conn.source, c.Conn, c.Site, c.trace
	ev.Params, ev.Work, ev.Flags = c.params, cost.Work, c.flags|cost.flags
	within(&ev.Work, ev.Total)
	if c.Statement.Control == capture.ControlScript {
		ev.Work, ev.Flags = capture.Work{LockWait: ev.LockWait, Retries: ev.Retries}, ev.Flags&^capture.FlagCounted // known of one only
	}
	if ev.Site == nil && ev.Total >= slowCall && !c.conn.config.NoCallers {
		ev.Site = walkCallers(c.conn.config.CallerSkip)
	}
	if c.tx != nil {
		ev.Tx = c.tx.id
		c.tx.ran(c.Statement)
	}
	if c.Scope != nil {
		c.Scope.Add(ev.Total)
	}
	c.conn.send(ev)
	c.follow(err)
}

// follow has the connection look at its transaction if the call may have begun or ended one.
func (c *call) follow(err error) {
	if c.Statement.Control != capture.ControlNone || err != nil && c.conn.tx != nil {
		c.conn.follow(c, err)
	}
}

// unrecorded ends a muted call, which may have ended a transaction that is recorded.
func (c *call) unrecorded(err error) {
	if c.conn.tx != nil && c.Statement != nil {
		c.follow(err)
	}
}

// within bounds the wait for locks by the time that all of it took: whose context ended gave up
// before the schedule was over, and what did not run at all has the retries of the call before.
func within(w *capture.Work, total time.Duration) {
	if int64(w.LockWait) <= total.Microseconds() {
		return
	}
	w.LockWait = uint32(total.Microseconds())
	for w.Retries > 0 && lockWait(uint32(w.Retries)) > w.LockWait {
		w.Retries--
	}
	if w.Retries == 0 {
		w.LockWait = 0
	}
}

// send hands an event to whoever is to get it.
func (c *conn) send(ev *capture.Event) {
	if c.config.Sink != nil {
		sendTo(c.config.Sink, *ev)
		return
	}
	c.ring.Add(ev)
}

// sendTo hands an event to the application's sink. Its panic is not the query's.
func sendTo(sink Sink, ev capture.Event) {
	defer func() { _ = recover() }()
	sink.Record(ev)
}

// unseen says that database/sql will try another road or connection: nothing was executed.
func unseen(err error) bool { return err == driver.ErrSkip || err == driver.ErrBadConn }

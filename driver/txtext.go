package driver

import "github.com/sqliteperf/sqliteperf/internal/capture"

// This is about transactions that the application begins or ends by text.

// kinds are what a text can begin.
var kinds = map[capture.Control]capture.Begin{
	capture.ControlBegin: capture.BeginDeferred, capture.ControlBeginImmediate: capture.BeginImmediate,
	capture.ControlBeginExclusive: capture.BeginExclusive, capture.ControlSavepoint: capture.BeginSavepoint,
}

// follow looks whether a text began or ended a transaction, or SQLite ended it by itself after an
// error. Without SQLite's word for it nothing is concluded.
func (c *conn) follow(by *call, err error) {
	if !c.session.handle.known() {
		return
	}
	switch open := !c.session.handle.autocommit(); {
	case open && c.tx == nil:
		t := &tx{conn: c, scope: by.Scope, site: by.Site, trace: by.trace, start: by.Start,
			id: transactions.Add(1), began: kinds[by.Statement.Control]}
		c.tx = t
	case !open && c.tx != nil && err != nil:
		c.tx.record(capture.ModeRollback, capture.EndEngine, err)
	case !open && c.tx != nil && by.Statement.Control == capture.ControlRollback:
		c.tx.record(capture.ModeRollback, capture.EndCalled, nil)
	case !open && c.tx != nil:
		c.tx.record(capture.ModeCommit, capture.EndCommit, nil)
	}
}

// open is t, or the transaction that the application began by text after it had ended t by text.
func (t *tx) open() *tx {
	if now := t.conn.tx; now != nil {
		return now
	}
	return t
}

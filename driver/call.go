package driver

import (
	"database/sql"
	"database/sql/driver"
	"math/rand/v2"
	"slices"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// call is one execution between its begin and its record. It lives on the stack.
type call struct {
	conn      *conn
	statement *capture.Statement
	scope     *capture.Scope
	tx        *tx
	start     capture.Instant
	mode      capture.Mode
}

func (c *conn) begin(query string, args []driver.NamedValue, scope *capture.Scope, mode capture.Mode) call {
	statement := c.statements.find(query)
	if c.config.Parameters == ParametersValues && len(args) > 0 && query == statement.Text {
		statement.Samples.Offer(rand.Uint64N, func() []any { return copyArgs(args) })
	}
	return call{conn: c, statement: statement, scope: scope, tx: c.tx, start: capture.Now(), mode: mode}
}

// exec records an execution that returns no rows.
func (c *call) exec(result driver.Result, err error) {
	if unseen(err) {
		return
	}
	var affected int64
	if err == nil && result != nil && c.statement.Changes {
		affected, _ = result.RowsAffected()
	}
	total := capture.Since(c.start)
	c.record(capture.Event{Error: classify(err), First: total, Total: total, Affected: affected})
}

// rows records a failed query at once and a good one when its rows are closed. modernc has made
// the first step when Query returns, so that is the time of the first row.
func (c *call) rows(inner driver.Rows, err error) (driver.Rows, error) {
	if err == nil {
		if base, ok := inner.(innerRows); ok {
			return &rows{innerRows: base, call: *c, first: capture.Since(c.start)}, nil
		}
	}
	if !unseen(err) {
		total := capture.Since(c.start)
		c.record(capture.Event{Error: classify(err), First: total, Total: total})
	}
	return inner, err
}

// record completes ev with what was known when the call began and sends it.
func (c *call) record(ev capture.Event) {
	ev.Mode, ev.Start, ev.Statement, ev.Scope = c.mode, c.start, c.statement, c.scope
	ev.Source, ev.Conn = c.conn.source, uint32(c.conn.id)
	if c.tx != nil {
		ev.Tx = c.tx.id
		c.tx.statements++
	}
	if c.scope != nil {
		c.scope.Add(ev.Total)
	}
	c.conn.ring.Record(ev)
}

// unseen says that database/sql will try another road or connection: nothing was executed.
func unseen(err error) bool { return err == driver.ErrSkip || err == driver.ErrBadConn }

// sampleBytes bounds one kept value; a longer one makes the whole list unfit for replay.
const sampleBytes = 4096

// listBytes bounds one kept list, counting 16 bytes for each value besides its text.
const listBytes = 64 << 10

// copyArgs copies bound values so that they outlive the call, or returns nil if one is too long, or
// all together are.
func copyArgs(args []driver.NamedValue) []any {
	list, left := make([]any, len(args)), listBytes
	for i, arg := range args {
		size := 0
		switch v := arg.Value.(type) {
		case []byte:
			size, list[i] = len(v), slices.Clone(v)
		case string:
			size, list[i] = len(v), v
		default:
			list[i] = v
		}
		if left -= 16 + size; size > sampleBytes || left < 0 {
			return nil
		}
		if arg.Name != "" {
			list[i] = sql.Named(arg.Name, list[i])
		}
	}
	return list
}

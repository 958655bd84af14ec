package driver

import (
	"database/sql/driver"
	"io"
	"slices"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// This is the outer connection's side of calls that go through interceptors.

// chained runs a query through the interceptors and wraps its rows.
func (c *call) chained(query func() (driver.Rows, error)) (opened driver.Rows, err error) {
	u := &c.conn.session.under
	before := slices.Clone(u.rows)
	err = guard(func() (err error) { opened, err = query(); return err })
	under := newest(before, u.rows)
	if err != nil {
		c.conn.session.closeRows(before)
		if !c.muted && !unseen(err) {
			total := c.took()
			c.record(&capture.Event{Error: classify(err), First: total, Total: total}, c.failed(err), err)
		}
		return nil, err
	}
	base, ok := opened.(innerRows)
	if !ok {
		return opened, nil
	}
	l := lease{}
	if under != nil {
		l = under.lease
	}
	r := c.open(base, l)
	r.under = under
	if r.under == nil {
		r.under = &chainRows{closed: true, session: c.conn.session} // an interceptor's own rows
	}
	return r, nil
}

// newest is what was opened last since before, nil if nothing was.
func newest(before, now []*chainRows) *chainRows {
	if n := len(now); n > 0 && !slices.Contains(before, now[n-1]) {
		return now[n-1]
	}
	return nil
}

// closeRows closes rows that interceptors opened and left behind, but those that were open before.
func (s *session) closeRows(before []*chainRows) {
	for _, r := range slices.Clone(s.under.rows) {
		if !slices.Contains(before, r) {
			r.Close()
		}
	}
}

// chainedExec runs an execution through the interceptors.
func (c *call) chainedExec(exec func() (driver.Result, error)) (result driver.Result, err error) {
	s := c.conn.session
	before := slices.Clone(s.under.rows)
	s.under.spent = spent{}
	err = guard(func() (err error) { result, err = exec(); return err })
	if err != nil {
		s.closeRows(before)
		result = nil
	}
	_ = guard(func() error { c.exec(result, s.under.spent, err); return nil })
	return result, err
}

// chainedPrepare prepares a statement through the interceptors.
func (c *conn) chainedPrepare(query string, prepare func() (driver.Stmt, error)) (st driver.Stmt, err error) {
	s := c.session
	before := slices.Clone(s.under.stmts)
	if err = guard(func() (err error) { st, err = prepare(); return err }); err != nil {
		for _, left := range slices.Clone(s.under.stmts) {
			if !slices.Contains(before, left) {
				left.Close()
			}
		}
		return nil, err
	}
	var under *chainStmt
	if n := len(s.under.stmts); n > len(before) {
		under = s.under.stmts[n-1]
	}
	wrapped, err := c.wrapStmt(st, query, nil)
	if w, ok := wrapped.(*stmt); ok {
		return &chainedStmt{stmt: w, under: under}, err
	}
	return wrapped, err
}

// chainedStmt closes what an interceptor's panic would leave open.
type chainedStmt struct {
	*stmt
	under *chainStmt
}

// Close closes the statement through the interceptors.
func (s *chainedStmt) Close() error {
	err := guard(s.innerStmt.Close)
	if s.under != nil && slices.Contains(s.conn.session.under.stmts, s.under) && isPanic(err) {
		s.under.Close()
	}
	return err
}

func isPanic(err error) bool { _, ok := err.(*PanicError); return ok }

// endChained closes the rows through the interceptors, or without them if one panics.
func (r *rows) endChained() (spent, error) {
	err := guard(r.innerRows.Close)
	if !r.under.closed {
		r.under.Close()
	}
	return r.under.cost, err
}

// chained begins the transaction through the interceptors.
func (t *tx) chained(begin func() (driver.Tx, error)) (driver.Tx, error) {
	var inner driver.Tx
	err := guard(func() (err error) { inner, err = begin(); return err })
	if err != nil {
		t.conn.abandonTx()
		inner = nil
	}
	return t.begin(inner, err)
}

// endChained ends the transaction through the interceptors. One they left open is rolled back:
// database/sql takes it for ended whatever they return.
func (c *conn) endChained(end func() error) error {
	err := guard(end)
	c.abandonTx()
	return err
}

func (c *conn) abandonTx() {
	if left := c.session.under.tx; left != nil {
		left.Rollback()
	}
}

// broken says that err is one of reading rows, not their end.
func broken(err error) bool { return err != nil && err != io.EOF }

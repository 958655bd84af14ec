package driver

import (
	"database/sql/driver"
	"io"
	"slices"
)

// This is the outer connection's side of calls that go through interceptors.

// chained runs a query through the interceptors and wraps its rows.
func (c *call) chained(query func() (driver.Rows, error)) (opened driver.Rows, err error) {
	s := c.conn.session
	before := s.under.marked()
	err = guard(func() (err error) { opened, err = query(); return err })
	under := newest(before.rows, s.under.rows)
	if err != nil {
		s.closeSince(before, err)
		c.none(err)
		return nil, err
	}
	if _, more := opened.(driver.RowsNextResultSet); more {
		return opened, nil // an interceptor's own; ours have but one
	}
	l := lease{}
	if under != nil {
		l = under.lease
	}
	r := c.open(complete(opened), l)
	r.under = under
	if r.under == nil {
		r.under = &chainRows{closed: true, session: s} // an interceptor's own rows
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

// marked is what is open now.
func (u *under) marked() under {
	return under{rows: slices.Clone(u.rows), stmts: slices.Clone(u.stmts)}
}

// closeSince closes rows that interceptors opened since before and left behind when they failed, and
// after a panic statements too.
func (s *session) closeSince(before under, err error) {
	for _, r := range slices.Clone(s.under.rows) {
		if !slices.Contains(before.rows, r) {
			r.Close()
		}
	}
	if !isPanic(err) {
		return
	}
	for _, st := range slices.Clone(s.under.stmts) {
		if !slices.Contains(before.stmts, st) {
			st.Close()
		}
	}
}

// chainedExec runs an execution through the interceptors.
func (c *call) chainedExec(exec func() (driver.Result, error)) (result driver.Result, err error) {
	s := c.conn.session
	before := s.under.marked()
	s.under.spent, s.under.empty = spent{}, false
	err = guard(func() (err error) { result, err = exec(); return err })
	switch {
	case err != nil:
		s.closeSince(before, err)
		result = nil
	case s.under.empty:
		result = nil // as it came from below
	default:
		result = guardedResult{result}
	}
	c.exec(result, s.under.spent, err)
	return result, err
}

// chainedPrepare prepares a statement through the interceptors.
func (c *conn) chainedPrepare(query string, prepare func() (driver.Stmt, error)) (st driver.Stmt, err error) {
	s := c.session
	before := s.under.marked()
	if err = guard(func() (err error) { st, err = prepare(); return err }); err != nil {
		s.closeSince(before, err)
		return nil, err
	}
	var under *chainStmt
	if n := len(s.under.stmts); n > len(before.stmts) {
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
	cost := r.under.cost
	if r.under.innerRows != nil {
		r.addCommit(&cost)
	}
	return cost, err
}

// chained begins the transaction through the interceptors.
func (t *tx) chained(begin func() (driver.Tx, error)) (driver.Tx, error) {
	var inner driver.Tx
	before := t.conn.session.under.tx
	err := guard(func() (err error) { inner, err = begin(); return err })
	if err != nil {
		if t.conn.session.under.tx != before {
			t.conn.abandonTx()
		}
		inner = nil
	}
	return t.begin(inner, err)
}

// endChained ends the transaction through the interceptors. One they left open is rolled back:
// database/sql takes it for ended whatever they return.
func (c *conn) endChained(end func() error) (left bool, err error) {
	c.session.under.spent = spent{}
	err = guard(end)
	left = c.session.under.tx != nil
	c.abandonTx()
	return left, err
}

func (c *conn) abandonTx() {
	if left := c.session.under.tx; left != nil {
		left.Rollback()
	}
}

// broken says that err is one of reading rows, not their end.
func broken(err error) bool { return err != nil && err != io.EOF }

package driver

import (
	"context"
	"database/sql/driver"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// session is modernc's connection with what only it can see: SQLite's counters, and statements
// kept prepared. Interceptors, if there are any, run above it.
type session struct {
	innerConn
	handle handle
	cache  *stmtCache // nil unless configured; it needs the handle
	count  bool
	under  under         // what interceptors opened
	pool   *capture.Conn // nil until the connection is ready
}

// newSession returns nil if opened is not the connection known here.
func newSession(opened driver.Conn, config Config) *session {
	base, ok := opened.(innerConn)
	if !ok {
		return nil
	}
	s := &session{innerConn: base, handle: handleOf(base, knownLayout())}
	s.count = s.handle.known() && !config.NoCounters
	if config.StatementCache > 0 && s.handle.known() {
		s.cache = newStmtCache(config.StatementCache)
	}
	return s
}

// spent is what a call cost SQLite, as far as it can be known.
type spent struct {
	capture.Work
	flags capture.Flags
}

// lease is what a query holds until its rows are closed.
type lease struct {
	entry     *entry       // of the statement cache, nil if the statement is the query's own
	statement uintptr      // SQLite's, 0 if unknown
	before    counters     // when the query began
	first     capture.Work // the wait for locks of the first step
}

// exec is ExecContext of modernc's connection, which prepares, executes and closes likewise.
func (s *session) exec(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, spent, error) {
	if s.cache != nil {
		return s.execCached(ctx, query, args)
	}
	return s.execOnce(ctx, query, args)
}

// execOnce is exec without the cache. The statement is closed also if one of the application's SQL
// functions panics in it: it would keep its locks.
func (s *session) execOnce(ctx context.Context, query string, args []driver.NamedValue) (result driver.Result, cost spent, err error) {
	if !s.count {
		result, err = s.innerConn.ExecContext(ctx, query, args)
		return result, spent{}, err
	}
	prepared, err := s.innerConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, spent{}, err
	}
	st, ok := prepared.(innerStmt)
	if !ok {
		prepared.Close()
		result, err = s.innerConn.ExecContext(ctx, query, args)
		return result, spent{}, err
	}
	defer func() {
		if closing := st.Close(); closing != nil && err == nil {
			err = closing
		}
	}()
	return s.execSince(ctx, counters{}, st, s.handle.prepared(st), args)
}

// execPrepared executes st, whose handle is statement, and counts.
func (s *session) execPrepared(ctx context.Context, st innerStmt, statement uintptr, args []driver.NamedValue) (driver.Result, spent, error) {
	var before counters
	if s.count && statement != 0 {
		before = s.handle.counters(statement)
	}
	return s.execSince(ctx, before, st, statement, args)
}

// execSince is execPrepared of a statement that had counted so much before.
func (s *session) execSince(ctx context.Context, before counters, st innerStmt, statement uintptr, args []driver.NamedValue) (driver.Result, spent, error) {
	result, err := st.ExecContext(ctx, args)
	if !s.count {
		return result, spent{}, err
	}
	var cost spent
	s.handle.addLocks(&cost.Work)
	if statement != 0 {
		s.handle.counters(statement).addTo(&cost.Work, before)
		cost.flags = capture.FlagCounted
	}
	return result, cost, err
}

// query is QueryContext of modernc's connection.
func (s *session) query(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, lease, error) {
	if s.cache != nil {
		return s.queryCached(ctx, query, args)
	}
	return s.queryOnce(ctx, query, args)
}

// queryOnce is query without the cache.
func (s *session) queryOnce(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, lease, error) {
	opened, err := s.innerConn.QueryContext(ctx, query, args)
	if err != nil || !s.count {
		return opened, lease{}, err
	}
	return opened, s.running(opened), nil
}

// running is the lease of rows whose statement is their own.
func (s *session) running(opened driver.Rows) (l lease) {
	if r, ok := opened.(innerRows); ok && s.count {
		l.statement = s.handle.running(r)
		s.handle.addLocks(&l.first)
	}
	return l
}

// queryPrepared queries with st, whose handle is statement.
func (s *session) queryPrepared(ctx context.Context, st innerStmt, statement uintptr, args []driver.NamedValue) (driver.Rows, lease, error) {
	l := lease{statement: statement}
	if s.count && statement != 0 {
		l.before = s.handle.counters(statement)
	}
	opened, err := st.QueryContext(ctx, args)
	if s.count && err == nil {
		s.handle.addLocks(&l.first)
	}
	return opened, l, err
}

// cost is what was spent since the lease began. SQLite's statement must still be there.
func (s *session) cost(l lease) (cost spent) {
	if l.entry != nil && l.entry.uses > 1 {
		cost.flags = capture.FlagCached
	}
	if !s.count {
		return cost
	}
	cost.Work = l.first
	if l.statement != 0 {
		s.handle.counters(l.statement).addTo(&cost.Work, l.before)
		cost.flags |= capture.FlagCounted
	}
	return cost
}

// locks is the wait for locks of the last step, of BEGIN and COMMIT and of calls that failed.
func (s *session) locks() (cost spent) {
	if s.count {
		s.handle.addLocks(&cost.Work)
	}
	return cost
}

// committed is the wait for locks of a COMMIT that began at start. modernc rolls back after one that
// failed, which is then the last step; it gave up when busy_timeout was over.
func (s *session) committed(start capture.Instant, err error) (cost spent) {
	if classify(err) != capture.ErrorBusy || !s.count {
		return s.locks()
	}
	s.handle.addTimeout(&cost.Work)
	within(&cost.Work, capture.Since(start))
	return cost
}

// forget closes the statements kept.
func (s *session) forget() {
	if s.cache != nil {
		s.cache.clear()
	}
}

// Close closes the statements kept, then the connection, whose handle is no longer looked at: what
// is still open on it may be closed later. Statements cannot be closed after modernc's connection,
// which the application may have closed itself, having it from Unwrap.
func (s *session) Close() error {
	if handleOf(s.innerConn, s.handle.layout).db != 0 {
		s.forget()
	}
	s.cache, s.handle, s.count = nil, handle{}, false
	return s.innerConn.Close()
}

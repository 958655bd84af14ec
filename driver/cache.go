package driver

import (
	"container/list"
	"context"
	"database/sql/driver"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/sqltext"
)

// stmtCache keeps the prepared statements of the texts that a connection ran last. SQLite itself
// compiles a kept statement anew when the schema has changed under it.
// https://sqlite.org/c3ref/prepare.html
type stmtCache struct {
	limit  int
	byText map[string]*list.Element // of *entry
	used   list.List                // the most recently used first
	hook   uintptr                  // the pre-update hook that all were compiled under, 0 for none
}

// entry is a statement kept. While rows are open on it, it is lent out and nobody else can use it.
type entry struct {
	cache     *stmtCache
	text      string
	st        innerStmt
	statement uintptr // SQLite's
	uses      int
	lent      bool
	dropped   bool // no longer in the cache: to be closed when it comes back
}

func newStmtCache(limit int) *stmtCache {
	return &stmtCache{limit: limit, byText: map[string]*list.Element{}}
}

// take lends out the statement of text, if it is here and idle.
func (c *stmtCache) take(text string) *entry {
	at := c.byText[text]
	if at == nil || at.Value.(*entry).lent {
		return nil
	}
	c.used.MoveToFront(at)
	e := at.Value.(*entry)
	e.lent, e.uses = true, e.uses+1
	return e
}

// add takes in a new statement, lent out to the caller. One whose text is here already, lent out to
// somebody else, is not kept; nor is any if all that are here are lent out.
func (c *stmtCache) add(text string, st innerStmt, statement uintptr) *entry {
	e := &entry{cache: c, text: text, st: st, statement: statement, uses: 1, lent: true}
	if c.byText[text] != nil || !c.makeRoom() {
		e.dropped = true
		return e
	}
	c.byText[text] = c.used.PushFront(e)
	return e
}

// makeRoom closes the idle statement used longest ago, if the cache is full.
func (c *stmtCache) makeRoom() bool {
	if c.used.Len() < c.limit {
		return true
	}
	for at := c.used.Back(); at != nil; at = at.Prev() {
		if e := at.Value.(*entry); !e.lent {
			c.drop(e)
			return true
		}
	}
	return false
}

// give takes a statement back. One that failed is closed: the next call starts afresh.
func (c *stmtCache) give(e *entry, failed bool) error {
	e.lent = false
	if e.dropped {
		return e.st.Close()
	}
	if failed {
		c.drop(e)
	}
	return nil
}

// drop closes a statement, now or when it comes back. An error of closing is that of its last run.
func (c *stmtCache) drop(e *entry) {
	if at := c.byText[e.text]; at != nil && at.Value.(*entry) == e {
		delete(c.byText, e.text)
		c.used.Remove(at)
	}
	if e.dropped = true; !e.lent {
		e.st.Close()
	}
}

// clear closes all statements.
func (c *stmtCache) clear() {
	for at := c.used.Front(); at != nil; at = c.used.Front() {
		c.drop(at.Value.(*entry))
	}
}

// keepable says that text is one statement that reads or changes rows. What changes the schema or
// the connection's settings takes effect while it is compiled, or makes others to be compiled anew.
func keepable(text string) bool {
	switch firstWord(text) {
	case "SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "VALUES":
		return len(text) <= cachedText && whole(text)
	}
	return false
}

// whole says that text is one statement with nothing behind its ";": modernc takes whatever is there
// for more statements, which it compiles at each run.
func whole(text string) bool {
	parts := sqltext.Split(text)
	return len(parts) == 1 && (strings.HasSuffix(strings.TrimSuffix(text, ";"), parts[0]) ||
		strings.HasSuffix(strings.TrimRight(text, " \t\r\n\f"), parts[0]))
}

// harmless says that text leaves kept statements as good as they were.
func harmless(text string) bool {
	switch firstWord(text) {
	case "", "SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "VALUES", "EXPLAIN",
		"BEGIN", "COMMIT", "END", "SAVEPOINT", "RELEASE":
		return len(sqltext.Split(text)) <= 1
	}
	return false
}

// acquire finds or prepares the statement of query. e is nil if the query cannot be kept.
func (s *session) acquire(ctx context.Context, query string) (e *entry, err error) {
	if s.watched() {
		return nil, nil
	}
	if e = s.cache.take(query); e != nil {
		s.looked(true)
		return e, nil
	}
	if !keepable(query) {
		if !harmless(query) {
			s.cache.clear()
		}
		return nil, nil
	}
	s.looked(false)
	prepared, err := s.innerConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	st, ok := prepared.(innerStmt)
	if !ok {
		return nil, prepared.Close()
	}
	return s.cache.add(query, st, s.handle.prepared(st)), nil
}

// watched says that an authorizer is to be asked at each call. It also closes what was compiled
// without the pre-update hook that there is now, or with one that is gone.
func (s *session) watched() bool {
	authorizer, preUpdate := s.handle.hooks()
	if authorizer != 0 || preUpdate != s.cache.hook {
		s.cache.clear()
		s.cache.hook = preUpdate
	}
	return authorizer != 0
}

// looked counts a look into the cache.
func (s *session) looked(hit bool) {
	if s.pool != nil {
		s.pool.Looked(hit)
	}
}

func (s *session) execCached(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, spent, error) {
	e, err := s.acquire(ctx, query)
	if err != nil {
		return nil, spent{}, err
	}
	if e == nil {
		return s.execOnce(ctx, query, args)
	}
	result, cost, err := s.execPrepared(ctx, e.st, e.statement, args)
	if e.uses > 1 {
		cost.flags |= capture.FlagCached
	}
	if closing := s.cache.give(e, err != nil); closing != nil && err == nil {
		err = closing
	}
	return result, cost, err
}

func (s *session) queryCached(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, lease, error) {
	e, err := s.acquire(ctx, query)
	if err != nil {
		return nil, lease{}, err
	}
	if e == nil {
		return s.queryOnce(ctx, query, args)
	}
	opened, l, err := s.queryPrepared(ctx, e.st, e.statement, args)
	if err != nil {
		s.cache.give(e, true)
		return opened, l, err
	}
	l.entry = e
	return opened, l, nil
}

// release ends a lease, after its rows were closed.
func (s *session) release(l lease, failed bool) error {
	if l.entry == nil {
		return nil
	}
	return l.entry.cache.give(l.entry, failed)
}

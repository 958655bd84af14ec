package driver

import (
	"container/list"
	"context"
	"database/sql/driver"

	"github.com/sqliteperf/sqliteperf/internal/capture"
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
		s.pass(query)
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

func (s *session) execCached(ctx context.Context, query string, args []driver.NamedValue) (result driver.Result, cost spent, err error) {
	e, err := s.acquire(ctx, query)
	if err != nil {
		return nil, spent{}, err
	}
	if e == nil {
		return s.execOnce(ctx, query, args)
	}
	failed := true // until it returns: one of the application's SQL functions may panic in it
	defer func() {
		if closing := s.cache.give(e, failed); closing != nil && err == nil {
			err = closing
		}
	}()
	result, cost, err = s.execPrepared(ctx, e.st, e.statement, args)
	failed = err != nil
	if e.uses > 1 {
		cost.flags |= capture.FlagCached
	}
	return result, cost, err
}

func (s *session) queryCached(ctx context.Context, query string, args []driver.NamedValue) (opened driver.Rows, l lease, err error) {
	e, err := s.acquire(ctx, query)
	if err != nil {
		return nil, lease{}, err
	}
	if e == nil {
		return s.queryOnce(ctx, query, args)
	}
	defer func() {
		if l.entry == nil { // it failed, or a function of the application's panicked in it
			s.cache.give(e, true)
		}
	}()
	if opened, l, err = s.queryPrepared(ctx, e.st, e.statement, args); err == nil {
		l.entry = e
	}
	return opened, l, err
}

// release ends a lease, after its rows were closed.
func (s *session) release(l lease, failed bool) error {
	if l.entry == nil {
		return nil
	}
	return l.entry.cache.give(l.entry, failed)
}

package capture

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Conn is what others may know of one open connection: whether it is lent out, and which rows are
// open on it. Its owner writes; anybody may read, through Source.
type Conn struct {
	ID   uint32 // numbered from 1 in order of opening
	home *openConns

	turns    atomic.Uint64 // checkouts and returns together: odd while lent out
	handOffs atomic.Uint64
	held     atomic.Int64
	hits     atomic.Uint64
	misses   atomic.Uint64

	// The owner's, of this checkout:
	since Instant // its first use, 0 before
	last  Instant // the end of its last use
	uses  int     // calls and transactions

	first atomic.Pointer[OpenRows] // most connections have one query open at a time
	mu    sync.Mutex
	more  []*OpenRows
}

// OpenRows is a query whose rows are not closed yet. It does not change while it is open. Open rows
// keep the write-ahead log from being reset. https://sqlite.org/wal.html#avoiding_excessively_large_wal_files
type OpenRows struct {
	Statement *Statement
	Site      *Site  // nil if unknown
	Scope     *Scope // nil if unattributed
	Start     Instant
	Conn      uint32
}

// openConns are the connections to one database.
type openConns struct {
	mu     sync.Mutex
	list   map[*Conn]struct{}
	closed Pool // of connections that are closed, and how many were opened
}

var conns atomic.Uint32

// Open adds a connection, which is lent out at once, to a source that SourceOf returned.
func (s *Source) Open() *Conn {
	c := &Conn{ID: conns.Add(1), home: s.open}
	c.Out()
	s.open.mu.Lock()
	defer s.open.mu.Unlock()
	s.open.list[c] = struct{}{}
	s.open.closed.Opened++
	return c
}

// Close removes the connection. What it counted stays with the source.
func (c *Conn) Close() {
	c.home.mu.Lock()
	defer c.home.mu.Unlock()
	if _, open := c.home.list[c]; open {
		delete(c.home.list, c)
		c.addTo(&c.home.closed)
	}
}

// Out notes that the pool lends the connection out.
func (c *Conn) Out() {
	if c.turns.Load()%2 == 0 {
		c.turns.Add(1)
		c.since, c.uses = 0, 0
	}
}

// handOff is the time within which a returned connection is in use again if somebody waited for
// it: a goroutine is woken in a few microseconds.
const handOff = Instant(20 * time.Microsecond)

// Use notes that a call began at start. The first of a checkout begins the time it is held.
func (c *Conn) Use(start Instant) {
	if c.since != 0 {
		return
	}
	if c.last != 0 && start-c.last < handOff {
		c.handOffs.Add(1)
	}
	c.since = start
}

// Used notes that a call, or a transaction, ended.
func (c *Conn) Used(end Instant) {
	c.last = end
	c.uses++
}

// In notes that the connection is returned to the pool. After a single call or transaction, which is
// what the methods of sql.DB make, that is when it ended; only who holds a connection for more may
// hold it longer, and only then the clock is read.
func (c *Conn) In() {
	if c.turns.Load()%2 == 0 {
		return
	}
	c.turns.Add(1)
	if c.since == 0 {
		return
	}
	if c.uses != 1 { // also of a call that was not to be counted
		c.last = Now()
	}
	c.held.Add(int64(c.last - c.since))
}

// Looked counts a look into the connection's statement cache.
func (c *Conn) Looked(hit bool) {
	if hit {
		c.hits.Add(1)
	} else {
		c.misses.Add(1)
	}
}

// Begin adds rows to those that are open.
func (c *Conn) Begin(r *OpenRows) {
	if c.first.CompareAndSwap(nil, r) {
		return
	}
	c.mu.Lock()
	c.more = append(c.more, r)
	c.mu.Unlock()
}

// End removes rows that Begin added.
func (c *Conn) End(r *OpenRows) {
	if c.first.CompareAndSwap(r, nil) {
		return
	}
	c.mu.Lock()
	c.more = slices.DeleteFunc(c.more, func(open *OpenRows) bool { return open == r })
	c.mu.Unlock()
}

// OpenRows lists the queries whose rows are open, the oldest first.
func (s *Source) OpenRows() []*OpenRows {
	if s.open == nil {
		return nil
	}
	s.open.mu.Lock()
	defer s.open.mu.Unlock()
	var list []*OpenRows
	for c := range s.open.list {
		list = c.appendOpen(list)
	}
	slices.SortFunc(list, func(a, b *OpenRows) int { return cmp.Compare(a.Start, b.Start) })
	return list
}

func (c *Conn) appendOpen(list []*OpenRows) []*OpenRows {
	if r := c.first.Load(); r != nil {
		list = append(list, r)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return append(list, c.more...)
}

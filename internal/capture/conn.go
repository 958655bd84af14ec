package capture

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Conn is what others may know of one open connection: whether it is lent out, and which rows are
// open on it. Its owner writes; anybody may read, through Source.
type Conn struct {
	ID     uint32 // numbered from 1 in order of opening
	source *Source

	turns    atomic.Uint64 // checkouts and returns together: odd while lent out
	handOffs atomic.Uint64
	held     atomic.Int64
	hits     atomic.Uint64
	misses   atomic.Uint64

	since    Instant // first use of this checkout, 0 before; the owner's
	returned Instant // the owner's

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

var conns atomic.Uint32

// Open adds a connection, which is lent out at once, to the source.
func (s *Source) Open() *Conn {
	c := &Conn{ID: conns.Add(1), source: s}
	c.Out()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns == nil {
		s.conns = map[*Conn]struct{}{}
	}
	s.conns[c] = struct{}{}
	s.closed.Opened++
	return c
}

// Close removes the connection. What it counted stays with the source.
func (c *Conn) Close() {
	s := c.source
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, open := s.conns[c]; open {
		delete(s.conns, c)
		c.addTo(&s.closed)
	}
}

// Out notes that the pool lends the connection out.
func (c *Conn) Out() {
	if c.turns.Load()%2 == 0 {
		c.turns.Add(1)
		c.since = 0
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
	c.since = start
	if c.returned != 0 && start-c.returned < handOff {
		c.handOffs.Add(1)
	}
}

// In notes that the connection is returned to the pool.
func (c *Conn) In(now Instant) {
	if c.turns.Load()%2 == 0 {
		return
	}
	c.turns.Add(1)
	if c.since != 0 {
		c.held.Add(int64(now - c.since))
	}
	c.returned = now
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

// Pool is what the connections to one database did since the process started.
type Pool struct {
	Open   int // connections open now
	InUse  int // of those, lent out
	Opened uint64

	Checkouts uint64
	// HandOffs are checkouts whose first statement came within 20 µs of the connection's return: an
	// upper bound of the calls that waited for it, since one goroutine in a loop is as quick.
	HandOffs uint64
	Held     time.Duration // from first use to return, of the checkouts that ended

	CacheHits, CacheMisses uint64 // looks into statement caches
}

func (c *Conn) addTo(p *Pool) {
	p.Checkouts += (c.turns.Load() + 1) / 2
	p.HandOffs += c.handOffs.Load()
	p.Held += time.Duration(c.held.Load())
	p.CacheHits += c.hits.Load()
	p.CacheMisses += c.misses.Load()
}

// Pool sums up the connections opened to the source.
func (s *Source) Pool() Pool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.closed
	p.Open = len(s.conns)
	for c := range s.conns {
		if c.turns.Load()%2 == 1 {
			p.InUse++
		}
		c.addTo(&p)
	}
	return p
}

// OpenRows lists the queries whose rows are open, the oldest first.
func (s *Source) OpenRows() []*OpenRows {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*OpenRows
	for c := range s.conns {
		if r := c.first.Load(); r != nil {
			list = append(list, r)
		}
		c.mu.Lock()
		list = append(list, c.more...)
		c.mu.Unlock()
	}
	slices.SortFunc(list, func(a, b *OpenRows) int { return int(a.Start - b.Start) })
	return list
}

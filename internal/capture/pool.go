package capture

import "time"

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
	if s.open == nil {
		return Pool{}
	}
	s.open.mu.Lock()
	defer s.open.mu.Unlock()
	p := s.open.closed
	p.Open = len(s.open.list)
	for c := range s.open.list {
		if c.turns.Load()%2 == 1 {
			p.InUse++
		}
		c.addTo(&p)
	}
	return p
}

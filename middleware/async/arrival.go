package async

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// arrivalsKept is how many arrivals each of the four shards of a pool's meter keeps.
const arrivalsKept = 1024

// Arrival is one task as a pool saw it: enough to work out what other settings would have made of it.
type Arrival struct {
	At      capture.Instant // when it was submitted
	Wait    time.Duration   // queue wait
	Service time.Duration   // how long it ran
}

// arrived keeps a, in place of the oldest if there are limit.
func (s *shard) arrived(limit int, a Arrival) {
	if len(s.arrivals) < limit {
		s.arrivals = append(s.arrivals, a)
		return
	}
	s.arrivals[s.oldest] = a
	if s.oldest++; s.oldest == limit {
		s.oldest = 0
	}
}

// recorded copies the arrivals, ordered by time. It leaves out those of a time of which another shard has
// already forgotten some, so that the rest is complete.
func (m *meter) recorded() []Arrival {
	var all []Arrival
	since := capture.Instant(math.MinInt64)
	for i := range m.shards {
		s := &m.shards[i]
		s.mu.Lock()
		all = append(all, s.arrivals...)
		if len(s.arrivals) == m.arrivals {
			since = max(since, s.arrivals[s.oldest].At)
		}
		s.mu.Unlock()
	}
	all = slices.DeleteFunc(all, func(a Arrival) bool { return a.At < since })
	slices.SortFunc(all, func(a, b Arrival) int { return cmp.Compare(a.At, b.At) })
	return all
}

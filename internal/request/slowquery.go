package request

import "time"

// slowQuery is N5: a statement of half a second, or of 100 ms and five times what is usual of it. What ran between its rows is not its
// time. What is usual is the median of the last ten to twenty minutes, of twenty calls at least.
type slowQuery struct{}

func (slowQuery) detect(w *watching) {
	c := &w.config.Slow
	var worst [fingerprints + 1]time.Duration
	for i := range w.steps {
		s := &w.steps[i]
		if s.took() < min(c.QueryLeast, c.Query) || w.groups[s.group].statement == nil {
			continue
		}
		own := w.own(i)
		if own >= min(c.Query, w.slowFor(s.group)) {
			worst[s.group] = max(worst[s.group], own)
		}
	}
	for i := range w.groups {
		if own := worst[i]; own > 0 {
			g := &w.groups[i]
			w.say(signal{code: SlowQuery, level: Warning, about: g.statement.Digest, Evidence: Evidence{
				Repeated: g.statement, Site: g.site, database: g.source, Count: g.count, Rows: g.rows, Sum: own,
				Value: milliseconds(own), Threshold: milliseconds(min(c.Query, w.slowFor(uint8(i)))), Unit: "ms",
			}})
		}
	}
}

// slowFor is from when on a statement is slow for what is usual of it.
func (w *watching) slowFor(group uint8) time.Duration {
	c := &w.config.Slow
	usual, calls := w.usage.usual(w.groups[group].statement.Digest)
	if calls < c.QueryCalls {
		return c.Query
	}
	return max(c.QueryLeast, time.Duration(c.QueryTimes*float64(usual)))
}

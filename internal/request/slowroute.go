package request

import "time"

// slowRoute is N12: one request in twenty of a route takes longer than the objective, or twice as long as in the 24 hours before. The
// baseline is there two hours after the start.
type slowRoute struct{}

func (slowRoute) detect(w *watching) {
	c := &w.config.Slow
	v, n := w.route.recent.quantile(0.95)
	p95, usual := time.Duration(v), w.route.baseline.p95
	limit := c.Objective
	if w.route.baseline.n >= c.Requests {
		limit = min(limit, max(c.Least, time.Duration(c.Baseline*float64(usual))))
	}
	if n < c.Requests || p95 <= limit {
		return
	}
	w.say(signal{code: SlowRoute, level: Warning, settled: true, Evidence: Evidence{
		Sum: p95, Value: milliseconds(p95), Threshold: milliseconds(limit), Unit: "ms",
	}})
}

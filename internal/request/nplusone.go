package request

import (
	"cmp"
	"time"
)

// nPlusOne is N1: a query for each row of another one. Each costs its way through database/sql (5 to 20 µs), and the request takes
// longer with each row that is added. One query with IN or a join costs one way.
//
// It fires when the same fingerprint runs at least five times in a request, each after the one before has ended (a parallel fan-out
// does not), with at least two lists of arguments (else it is a duplicate), after another query, and costs something. What is no
// loop over rows looks the same at first: a page that always asks six things. So an issue opens only once the
// executions were as many as the rows of the query before in nine of ten requests, or follow the data over 20 requests (N1g, see samples). Queries that
// read page by page, or in batches by IN, are loops with a reason; statements that write are for transactions.
type nPlusOne struct{}

// NPlusOneConfig has the thresholds of N1 and N1g.
type NPlusOneConfig struct {
	Runs        int           // executions in one request; default 5: fewer cost less than a join's planning
	Sequential  float64       // share that begin after the one before; default 0.8: a pool hands some out early
	Sum         time.Duration // of the executions; default 50ms, half of what is felt as immediate (Nielsen 1993)
	Share       float64       // or this share of the request; default 0.1
	Many        int           // or so many executions; default 20: the data decides how many there will be
	Samples     int           // requests by which growth is judged; default 20
	Correlation float64       // of rows and executions; default 0.7: half of the variance is the rows'
	Spread      float64       // or the most against the median; default 3
	Linked      float64       // share of requests with as many executions as rows that confirms without growth; default 0.9
	Critical    float64       // share of the route's median from which growth is critical; default 0.3
}

func (c NPlusOneConfig) withDefaults() NPlusOneConfig {
	c.Runs, c.Sequential, c.Sum = cmp.Or(c.Runs, 5), cmp.Or(c.Sequential, 0.8), cmp.Or(c.Sum, 50*time.Millisecond)
	c.Share, c.Many, c.Samples = cmp.Or(c.Share, 0.1), cmp.Or(c.Many, 20), min(cmp.Or(c.Samples, 20), samplesKept)
	c.Correlation, c.Spread = cmp.Or(c.Correlation, 0.7), cmp.Or(c.Spread, 3)
	c.Linked, c.Critical = cmp.Or(c.Linked, 0.9), cmp.Or(c.Critical, 0.3)
	return c
}

func (nPlusOne) detect(w *watching) {
	c := &w.config.NPlusOne
	for i := range w.groups {
		g := &w.groups[i]
		runs := g.count - g.failed
		if !g.reads() || runs < c.Runs || w.usage.coverage(g.statement.Digest) < w.config.Coverage || w.usage.batched(g) {
			continue
		}
		if g.sum < c.Sum && share(g.sum, w.Total) < c.Share && runs < c.Many {
			continue
		}
		if w.sequential(i) < c.Sequential || !w.varied(i) {
			continue
		}
		source := w.sourceOf(i)
		if source < 0 {
			continue
		}
		from := &w.groups[source]
		w.say(signal{code: NPlusOne, level: Warning, about: g.statement.Digest, suspect: true, Evidence: Evidence{
			Source: from.statement, Repeated: g.statement, Site: g.site, Count: runs, Rows: from.rows, Sum: g.sum,
			Linked: from.rows == int64(runs), database: g.source, Value: float64(runs), Threshold: float64(c.Runs), Unit: "executions",
		}})
	}
}

// sequential is the share of a group's executions that began after the one before had ended.
func (w *watching) sequential(group int) float64 {
	var last *step
	pairs, after := 0, 0
	for i := range w.steps {
		s := &w.steps[i]
		if int(s.group) != group || s.failed {
			continue
		}
		if last != nil {
			pairs++
			if s.start >= last.end {
				after++
			}
		}
		if last == nil || s.end > last.end {
			last = s
		}
	}
	return share(after, pairs)
}

// varied says whether a group ran with two lists of arguments. What is not known counts as another: without hashes of values, only
// statements that have none are surely the same.
func (w *watching) varied(group int) bool {
	var args uint32
	for i := range w.steps {
		s := &w.steps[i]
		switch {
		case int(s.group) != group || s.failed:
		case s.args == 0 || args != 0 && s.args != args:
			return true
		default:
			args = s.args
		}
	}
	return false
}

// sourceOf is the query that ran before a group's first execution and whose rows it was run for: the last with as many rows, or
// else the last of all. It is -1 if there is none.
func (w *watching) sourceOf(group int) int {
	last, linked := -1, -1
	for i := range w.steps {
		s := &w.steps[i]
		if int(s.group) == group {
			break
		}
		g := &w.groups[s.group]
		if !g.reads() {
			continue
		}
		if last = int(s.group); g.rows == int64(w.groups[group].count-w.groups[group].failed) {
			linked = last
		}
	}
	if linked >= 0 {
		return linked
	}
	return last
}

// sample notes, for each issue that may be a loop over rows, how often it ran in this request and for how many rows.
func (t *Tracker) sample(w *watching) {
	for k, is := range w.route.issues {
		if k.code == NPlusOne && is.evidence.Source != nil {
			is.sample(w)
		}
	}
	for i := range w.signals {
		if s := &w.signals[i]; s.code == NPlusOne && w.route.issues[subject{s.code, s.about}] == nil {
			if is := t.issue(w.route, subject{s.code, s.about}); is != nil {
				is.samples.add(s.Rows, int64(s.Count))
			}
		}
	}
}

func (is *issue) sample(w *watching) {
	var runs, rows int64
	for i := range w.groups {
		switch g := &w.groups[i]; {
		case g.statement == nil:
		case g.statement.Digest == is.about:
			runs = int64(g.count - g.failed)
		case g.statement.Digest == is.evidence.Source.Digest:
			rows = g.rows
		}
	}
	if runs > 0 {
		is.samples.add(rows, runs)
	}
}

// judge says what is known of an issue by now.
func (is *issue) judge(c *Config, r *route) {
	e := &is.evidence
	if e.P50 = r.p50(); e.P50 > 0 {
		e.Share = share(is.sum/time.Duration(max(is.total, 1)), e.P50)
	}
	if is.code != NPlusOne {
		return
	}
	e.Growth, e.Grows = is.samples.grows(c)
	e.Samples = is.samples.kept()
	e.Median, e.Most = is.samples.spread()
	e.Linked = float64(is.linked) >= c.NPlusOne.Linked*float64(is.total)
	is.suspect = !e.Linked && !e.Grows
	if is.level = Warning; e.Grows && e.Share >= c.NPlusOne.Critical {
		is.level = Critical
	}
}

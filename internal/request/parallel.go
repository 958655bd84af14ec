package request

import (
	"cmp"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// SlowConfig has the thresholds of what takes long: N4, N5, N10, N12.
type SlowConfig struct {
	Query        time.Duration // that is slow whatever is usual; default 500ms: with the network, a second is gone
	QueryLeast   time.Duration // below which none is slow; default 100ms: what is felt as immediate (Nielsen 1993)
	QueryTimes   float64       // of the statement's median that is slow; default 5
	QueryCalls   uint64        // that a median rests on; default 20
	Parallel     time.Duration // of one query that is worth a goroutine; default 30ms
	ParallelSave time.Duration // by running them at once; default 100ms
	ParallelPart float64       // and as a share of the request; default 0.1
	Call         time.Duration // of one outgoing call that is worth a goroutine; default 100ms

	Window    time.Duration // over which routes are judged; default 5m
	Requests  uint64        // in it; default 100: below, p95 is the fifth largest of less
	Objective time.Duration // of a route's p95; default 1s: until then nobody's thoughts wander (Nielsen 1993)
	Baseline  float64       // of its p95 over 24 hours that is slow; default 2
	Least     time.Duration // p95 below which a route is never slow; default 10ms: nobody notices
}

func (c SlowConfig) withDefaults() SlowConfig {
	c.Query, c.QueryLeast = cmp.Or(c.Query, 500*time.Millisecond), cmp.Or(c.QueryLeast, 100*time.Millisecond)
	c.QueryTimes, c.QueryCalls = cmp.Or(c.QueryTimes, 5), cmp.Or(c.QueryCalls, 20)
	c.Parallel, c.ParallelSave = cmp.Or(c.Parallel, 30*time.Millisecond), cmp.Or(c.ParallelSave, 100*time.Millisecond)
	c.ParallelPart, c.Call = cmp.Or(c.ParallelPart, 0.1), cmp.Or(c.Call, 100*time.Millisecond)
	c.Window, c.Requests, c.Objective = cmp.Or(c.Window, 5*time.Minute), cmp.Or(c.Requests, 100), cmp.Or(c.Objective, time.Second)
	c.Baseline, c.Least = cmp.Or(c.Baseline, 2), cmp.Or(c.Least, 10*time.Millisecond)
	return c
}

// parallelizable is N4: queries of different fingerprints, one after the other, each of 30 ms or more, that would save 100 ms and a tenth
// of the request if they ran at once: in WAL mode readers do not wait for each other. Whether one needs what another returned cannot be
// seen, so it is a hint. Within a transaction there is one connection, and nothing runs at once.
type parallelizable struct{}

func (parallelizable) detect(w *watching) {
	for from := 0; from < len(w.steps); {
		to := from
		for to < len(w.steps) && w.joins(from, to) {
			to++
		}
		if to-from >= 2 {
			w.sayParallel(w.steps[from:to])
		}
		from = max(to, from+1)
	}
}

// joins says whether the step at to goes on with the row of queries that began at from.
func (w *watching) joins(from, to int) bool {
	s := &w.steps[to]
	if !w.groups[s.group].reads() || s.tx != 0 || s.failed || s.took() < w.config.Slow.Parallel {
		return false
	}
	for i := from; i < to; i++ {
		if w.steps[i].group == s.group || w.steps[i].end > s.start {
			return false
		}
	}
	return true
}

func (w *watching) sayParallel(row []step) {
	c := &w.config.Slow
	var sum, most time.Duration
	var list []*capture.Statement
	var about uint64
	for _, s := range row {
		sum, most = sum+s.took(), max(most, s.took())
		list = append(list, w.groups[s.group].statement)
		about += w.groups[s.group].statement.Digest
	}
	saved := sum - most
	if saved < c.ParallelSave || share(saved, w.Total) < c.ParallelPart {
		return
	}
	first := &w.groups[row[0].group]
	w.say(signal{code: Parallelizable, about: about, Evidence: Evidence{
		Statements: list, Repeated: first.statement, Site: first.site, database: first.source, Count: len(row), Sum: sum,
		Value: milliseconds(saved), Threshold: milliseconds(c.ParallelSave), Unit: "ms",
	}})
}

func milliseconds(d time.Duration) float64 { return float64(d) / 1e6 }

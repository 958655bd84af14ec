package advisor

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
	"github.com/sqliteperf/sqliteperf/internal/history"
	"github.com/sqliteperf/sqliteperf/internal/sketch"
)

// topQueries is how many statements Stats lists; the rest are one "(other)" entry.
const topQueries = 50

// Stats sums up the last d, the open interval included. d is rounded up to whole intervals.
func (a *Advisor) Stats(ctx context.Context, d time.Duration) (*Stats, error) {
	now := time.Now()
	open := a.open.Load()
	s := &summing{names: a.watchedDatabases(), totals: digest.Totals{}}
	if err := a.store.Scan(ctx, now.Add(-d), open.bound(), func(r history.Record) error {
		s.add(r.Start, r.End, r.Summaries)
		return nil
	}); err != nil {
		return nil, fmt.Errorf("stats: %w", err)
	}
	open.each(now, s.add)
	return a.stats(ctx, s, now, d)
}

func (a *Advisor) stats(ctx context.Context, s *summing, now time.Time, d time.Duration) (*Stats, error) {
	out := &Stats{
		Schema: "sqlite-perf/stats/v1", Generated: now.UTC(), Capture: a.config.recorder.Counts(),
		Range:   Range{From: now.Add(-d).UTC(), To: now.UTC(), Seconds: d.Seconds(), Interval: a.config.Interval.Seconds()},
		Totals:  s.sum(),
		Series:  s.series,
		Queries: s.queries(a.adviceByDigest()), Requests: s.requests(),
		Transactions: s.transactions(), Coverage: s.coverage(),
		Databases: describeDatabases(s.names),
	}
	markers, err := a.markers(ctx, now.Add(-d))
	out.Markers = markers
	return out, err
}

// markers are the changes since a time, from the audit trail.
func (a *Advisor) markers(ctx context.Context, since time.Time) ([]marker, error) {
	entries, err := a.store.Entries(ctx, 200)
	list := []marker{}
	for _, e := range entries {
		if (e.Action == string(Applied) || e.Action == string(Undone)) && e.At.After(since) {
			list = append(list, marker{e.At.Unix(), e.Action, e.Subject, e.Detail})
		}
	}
	slices.Reverse(list)
	return list, err
}

// adviceByDigest lists the IDs of open and applied advice for each statement, by database and digest.
func (a *Advisor) adviceByDigest() map[string][]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	ids := map[string][]string{}
	for _, r := range a.recs {
		if r.State == Rejected || r.State == Inconclusive {
			continue
		}
		for _, d := range r.Digests {
			ids[r.Database+"/"+d] = append(ids[r.Database+"/"+d], r.ID)
		}
	}
	return ids
}

// summing collects the intervals of a range.
type summing struct {
	names   []*watched
	totals  digest.Totals
	series  Series
	seconds float64
}

// add takes in one interval.
func (s *summing) add(start, end time.Time, summaries []*digest.Summary) {
	seconds := end.Sub(start).Seconds()
	if seconds <= 0 {
		return
	}
	s.seconds += seconds
	s.totals.Add(summaries)
	var t Totals
	var h sketch.Histogram
	for _, sum := range summaries {
		t.count(sum)
		if sum.Kind == capture.KindStatement {
			h.Merge(&sum.Time)
		}
	}
	c := &s.series
	c.Time = append(c.Time, end.Unix())
	c.Queries = append(c.Queries, float64(t.Queries)/seconds)
	c.Writes = append(c.Writes, float64(t.Writes)/seconds)
	c.Requests = append(c.Requests, float64(t.Requests)/seconds)
	c.Errors, c.Busy = append(c.Errors, t.Errors), append(c.Busy, t.Busy)
	c.P50 = append(c.P50, quantileMS(&h, 0.50))
	c.P95 = append(c.P95, quantileMS(&h, 0.95))
	c.P99 = append(c.P99, quantileMS(&h, 0.99))
}

// count adds one summary to the totals.
func (t *Totals) count(s *digest.Summary) {
	switch s.Kind {
	case capture.KindTransaction:
		t.Transactions += s.Calls
	case capture.KindRequest:
		t.Requests += s.Calls
	case capture.KindStatement:
		t.Queries += s.Calls
		t.Errors += s.Errors
		t.Busy += s.Busy
		t.Rows += s.Rows
		t.Attributed += float64(s.Attributed)
		if s.Statement != nil && !s.Statement.ReadOnly {
			t.Writes += s.Calls
		}
	}
}

func (s *summing) sum() Totals {
	var t Totals
	var h sketch.Histogram
	for _, sum := range s.totals {
		t.count(sum)
		if sum.Kind == capture.KindStatement {
			h.Merge(&sum.Time)
		}
	}
	if t.Queries > 0 {
		t.Attributed /= float64(t.Queries)
	}
	l := latency(&h, 0, 0)
	t.P50, t.P95, t.P99 = l.P50, l.P95, l.P99
	if s.seconds > 0 {
		t.PerSecond = float64(t.Queries) / s.seconds
		t.WritesPS, t.RequestsPS = float64(t.Writes)/s.seconds, float64(t.Requests)/s.seconds
	}
	return t
}

// latency reads percentiles; without calls all are zero.
func latency(h *sketch.Histogram, total time.Duration, calls uint64) Latency {
	at := func(q float64) float64 {
		v, _ := h.Quantile(q)
		return float64(v) / 1e6
	}
	l := Latency{P50: at(0.50), P95: at(0.95), P99: at(0.99)}
	if calls > 0 {
		l.Mean = ms(total) / float64(calls)
	}
	return l
}

func (s *summing) queries(advice map[string][]string) []QueryStats {
	list, other := []QueryStats{}, &digest.Summary{}
	var all float64
	for _, sum := range s.totals.Sorted() {
		if sum.Kind != capture.KindStatement {
			continue
		}
		all += ms(sum.Total)
		if sum.Statement == nil || len(list) == topQueries {
			digest.Merge(other, sum)
			continue
		}
		list = append(list, s.query(sum, advice))
	}
	if other.Calls > 0 {
		list = append(list, QueryStats{
			Fingerprint: digest.OtherName, Calls: other.Calls, Total: ms(other.Total),
			Latency: latency(&other.Time, other.Total, other.Calls), Rows: other.Rows, Affected: other.Affected,
			Errors: other.Errors, Busy: other.Busy, Routes: []RouteCalls{}, Advice: []string{},
			Work: workStats(&other.Work), Classes: errorClasses(other.Classes), Late: other.Late,
			Parameters: []string{}, Callers: []CallerStats{},
		})
	}
	for i := range list {
		list[i].Share = list[i].Total / max(all, 1e-9)
		list[i].PerSecond = float64(list[i].Calls) / max(s.seconds, 1e-9)
	}
	return list
}

func (s *summing) query(sum *digest.Summary, advice map[string][]string) QueryStats {
	id := fmt.Sprintf("%016x", sum.Digest)
	q := QueryStats{
		Digest: id, Database: nameOf(s.names, sum.Database), Fingerprint: sum.Statement.Fingerprint,
		Summary: sum.Statement.Summary, Calls: sum.Calls, Total: ms(sum.Total),
		Latency: latency(&sum.Time, sum.Total, sum.Calls), Rows: sum.Rows, Affected: sum.Affected,
		Errors: sum.Errors, Busy: sum.Busy, ReadOnly: sum.Statement.ReadOnly,
		Routes: []RouteCalls{}, Advice: advice[nameOf(s.names, sum.Database)+"/"+id],
		Work: workStats(&sum.Work), Classes: errorClasses(sum.Classes), Late: sum.Late,
		Parameters: parameterClasses(sum.Params), Callers: callerStats(sum.Callers),
	}
	for _, route := range sum.Routes {
		q.Routes = append(q.Routes, RouteCalls{route.Name, route.Calls})
	}
	if q.Advice == nil {
		q.Advice = []string{}
	}
	return q
}

func (s *summing) requests() []RouteStats {
	list := []RouteStats{}
	for _, sum := range s.totals.Sorted() {
		if sum.Kind != capture.KindRequest || sum.Calls == 0 {
			continue
		}
		list = append(list, RouteStats{
			Route: sum.Name, Calls: sum.Calls, PerSecond: float64(sum.Calls) / max(s.seconds, 1e-9), Errors: sum.Errors,
			Latency:    latency(&sum.Time, sum.Total, sum.Calls),
			Statements: float64(sum.Rows) / float64(sum.Calls),
			SQLShare:   float64(sum.SQL) / float64(max(sum.Total, 1)),
		})
	}
	return list
}

func describeDatabases(list []*watched) []DatabaseInfo {
	infos := []DatabaseInfo{}
	for _, w := range list {
		p := w.db.Stats()
		infos = append(infos, DatabaseInfo{
			Name: w.name, Path: w.source.Path, Size: fileSize(w.source.Path), WAL: fileSize(w.source.Path + "-wal"),
			Settings: w.pragmas,
			Pool: PoolInfo{MaxOpen: p.MaxOpenConnections, Open: p.OpenConnections, InUse: p.InUse, Idle: p.Idle,
				WaitCount: p.WaitCount, WaitMS: ms(p.WaitDuration)},
			Connections: connectionStats(w.source.Pool()), OpenRows: openRows(w.source),
		})
	}
	slices.SortFunc(infos, func(a, b DatabaseInfo) int { return cmp.Compare(a.Name, b.Name) })
	return infos
}

func fileSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

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
	"github.com/sqliteperf/sqliteperf/internal/sqlite"
)

// Stats is what happened within a range of time.
type Stats struct {
	Schema    string         `json:"schema"`
	Generated time.Time      `json:"generated"`
	Range     Range          `json:"range"`
	Capture   capture.Counts `json:"capture"`
	Totals    Totals         `json:"totals"`
	Series    Series         `json:"series"`
	Queries   []QueryStats   `json:"queries"`
	Requests  []RouteStats   `json:"requests"`
	Databases []DatabaseInfo `json:"databases"`
	Markers   []marker       `json:"markers"`
}

// Range is a span of time and the length of the intervals it is made of.
type Range struct {
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Seconds  float64   `json:"seconds"`
	Interval float64   `json:"interval_seconds"`
}

// Totals sums up a range. Percentiles are over all statements.
type Totals struct {
	Queries      uint64  `json:"queries"`
	Writes       uint64  `json:"writes"`
	Transactions uint64  `json:"transactions"`
	Requests     uint64  `json:"requests"`
	Errors       uint64  `json:"errors"`
	Busy         uint64  `json:"busy"`
	Rows         int64   `json:"rows"`
	PerSecond    float64 `json:"queries_per_second"`
	WritesPS     float64 `json:"writes_per_second"`
	RequestsPS   float64 `json:"requests_per_second"`
	P50          float64 `json:"p50_ms"`
	P95          float64 `json:"p95_ms"`
	P99          float64 `json:"p99_ms"`
	Attributed   float64 `json:"attributed"` // share of statements that ran for a known request
}

// Series are columns of equal length: one value per interval.
type Series struct {
	Time     []int64    `json:"t"` // end of the interval, Unix seconds
	Queries  []float64  `json:"queries_per_second"`
	Writes   []float64  `json:"writes_per_second"`
	Requests []float64  `json:"requests_per_second"`
	Errors   []uint64   `json:"errors"`
	Busy     []uint64   `json:"busy"`
	P50      []*float64 `json:"p50_ms"` // null in an interval without statements
	P95      []*float64 `json:"p95_ms"`
	P99      []*float64 `json:"p99_ms"`
}

// Latency is how long calls took: of each the mean, and percentiles within 1.1 %.
type Latency struct {
	Mean float64 `json:"mean_ms"`
	P50  float64 `json:"p50_ms"`
	P95  float64 `json:"p95_ms"`
	P99  float64 `json:"p99_ms"`
}

// QueryStats is one statement's part in a range.
type QueryStats struct {
	Digest      string       `json:"digest"`
	Database    string       `json:"database"`
	Fingerprint string       `json:"fingerprint"`
	Summary     string       `json:"summary"`
	Calls       uint64       `json:"calls"`
	PerSecond   float64      `json:"calls_per_second"`
	Total       float64      `json:"total_ms"`
	Share       float64      `json:"share"` // of the time of all statements
	Latency                  // of one call
	Rows        int64        `json:"rows"`
	Affected    int64        `json:"affected"`
	Errors      uint64       `json:"errors"`
	Busy        uint64       `json:"busy"`
	ReadOnly    bool         `json:"read_only"`
	Routes      []RouteCalls `json:"routes"`
	Advice      []string     `json:"recommendations"`
}

// RouteCalls is how often a route ran a statement.
type RouteCalls struct {
	Route string `json:"route"`
	Calls uint64 `json:"calls"`
}

// RouteStats is one route's part in a range.
type RouteStats struct {
	Route      string  `json:"route"`
	Calls      uint64  `json:"calls"`
	PerSecond  float64 `json:"calls_per_second"`
	Errors     uint64  `json:"errors"`
	Latency            // of one request
	Statements float64 `json:"statements_per_request"`
	SQLShare   float64 `json:"sql_share"` // of the requests' time; above 1 if statements ran in parallel
}

// DatabaseInfo is a watched database as it is now.
type DatabaseInfo struct {
	Name     string          `json:"name"`
	Path     string          `json:"path"`
	Size     int64           `json:"size_bytes"`
	WAL      int64           `json:"wal_bytes"`
	Settings []sqlite.Pragma `json:"pragmas"`
	Pool     PoolInfo        `json:"pool"`
}

// PoolInfo is database/sql's connection pool: waits are pool waits since the process started.
type PoolInfo struct {
	MaxOpen   int     `json:"max_open"` // 0: no limit
	Open      int     `json:"open"`
	InUse     int     `json:"in_use"`
	Idle      int     `json:"idle"`
	WaitCount int64   `json:"wait_count"`
	WaitMS    float64 `json:"wait_ms"`
}

// marker is a change on the time axis.
type marker struct {
	Time   int64  `json:"t"` // Unix seconds
	Action string `json:"action"`
	ID     string `json:"id"`
	Title  string `json:"title"`
}

// topQueries is how many statements Stats lists; the rest are one "(other)" entry.
const topQueries = 50

// Stats sums up the last d, the open interval included. d is rounded up to whole intervals.
func (a *Advisor) Stats(ctx context.Context, d time.Duration) (*Stats, error) {
	now := time.Now()
	open := a.open.Load()
	s := &summing{names: a.watchedDatabases(), totals: digest.Totals{}}
	if err := a.store.Scan(ctx, now.Add(-d), now, func(r history.Record) error {
		s.add(r.Start, r.End, r.Summaries)
		return nil
	}); err != nil {
		return nil, fmt.Errorf("stats: %w", err)
	}
	s.add(open.start, now, open.summaries)
	return a.stats(ctx, s, now, d)
}

func (a *Advisor) stats(ctx context.Context, s *summing, now time.Time, d time.Duration) (*Stats, error) {
	out := &Stats{
		Schema: "sqlite-perf/stats/v1", Generated: now.UTC(), Capture: a.config.recorder.Counts(),
		Range:   Range{From: now.Add(-d).UTC(), To: now.UTC(), Seconds: d.Seconds(), Interval: a.config.Interval.Seconds()},
		Totals:  s.sum(),
		Series:  s.series,
		Queries: s.queries(a.adviceByDigest()), Requests: s.requests(),
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

// adviceByDigest lists the IDs of open and applied advice for each statement.
func (a *Advisor) adviceByDigest() map[string][]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	ids := map[string][]string{}
	for _, r := range a.recs {
		if r.State == Rejected || r.State == Inconclusive {
			continue
		}
		for _, d := range r.Digests {
			ids[d] = append(ids[d], r.ID)
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
	list, other := []QueryStats{}, QueryStats{Fingerprint: digest.OtherName}
	var all float64
	for _, sum := range s.totals.Sorted() {
		if sum.Kind != capture.KindStatement {
			continue
		}
		all += ms(sum.Total)
		if sum.Statement == nil || len(list) == topQueries {
			other.Calls += sum.Calls
			other.Total += ms(sum.Total)
			continue
		}
		list = append(list, s.query(sum, advice))
	}
	if other.Calls > 0 {
		other.Mean = other.Total / float64(other.Calls)
		other.Routes, other.Advice = []RouteCalls{}, []string{}
		list = append(list, other)
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
		Routes: []RouteCalls{}, Advice: advice[id],
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

package advisor

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
	"github.com/sqliteperf/sqliteperf/internal/sqlite"
	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// TestWaits: Erlang's C formula, by values from tables.
func TestWaits(t *testing.T) {
	for _, c := range []struct {
		a    float64
		n    int
		want float64
	}{{0, 1, 0}, {0.5, 1, 0.5}, {1, 2, 1.0 / 3}, {2, 3, 4.0 / 9}, {10, 12, 0.4494}, {2, 2, 1}, {5, 2, 1}} {
		if got := waits(c.a, c.n); math.Abs(got-c.want) > 1e-4 {
			t.Errorf("of %v calls on %d: %v, want %v", c.a, c.n, got, c.want)
		}
	}
}

// TestReaders: as many as keep waits seldom, at least two, at most as many as processors.
func TestReaders(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(8))
	for _, c := range []struct {
		reads   float64
		service time.Duration
		want    int
	}{{0, 0, 2}, {10, time.Millisecond, 2}, {1000, time.Millisecond, 5}, {2000, time.Millisecond, 7}, {1e6, time.Second, 8}} {
		if got := readersFor(c.reads, c.service); got != c.want {
			t.Errorf("%v reads a second of %v: %d readers, want %d", c.reads, c.service, got, c.want)
		}
	}
	runtime.GOMAXPROCS(1)
	if got := readersFor(1e6, time.Second); got != 2 {
		t.Errorf("%d readers on one processor", got)
	}
}

// busyPool is a pool with waits: 1,000 checkouts of 1 ms.
func busyPool(change ...func(*traffic)) *traffic {
	t := &traffic{
		window: time.Hour, running: time.Minute,
		statements: []*digest.Summary{
			ran("SELECT * FROM orders WHERE id = 7", 6000),
			ran("UPDATE orders SET total = 1 WHERE id = 7", 4000, func(s *digest.Summary) { s.Digest = 1 }),
		},
		connections: capture.Pool{Open: 1, Opened: 4, Checkouts: 1000, Held: time.Second, HandOffs: 300},
		pool:        sql.DBStats{MaxOpenConnections: 1, OpenConnections: 1, WaitCount: 500, WaitDuration: 500 * time.Millisecond},
	}
	for _, f := range change {
		f(t)
	}
	return t
}

func open(n int) func(*traffic) {
	return func(t *traffic) {
		t.pool.MaxOpenConnections, t.pool.OpenConnections, t.connections.Open = n, max(n, 4), max(n, 4)
	}
}

func locked(t *traffic) {
	t.statements[1].Work.LockWait = t.statements[1].Total / 2
}

// churning closes half of what it opens.
func churning(t *traffic) {
	t.pool, t.connections.Opened = sql.DBStats{OpenConnections: 4, MaxIdleClosed: 500}, 504
	t.connections.Open = 4
}

// TestPoolRules: what each rule on pools triggers on, before any experiment, and what it is silent on.
func TestPoolRules(t *testing.T) {
	if runtime.GOMAXPROCS(0) < 4 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	}
	path := create(t, orders)
	work := readWorkload(t, "SELECT * FROM orders WHERE id = 7\nUPDATE orders SET total = 1 WHERE id = 7")
	for _, c := range []struct {
		name string
		rule rule
		live map[string]string
		seen *traffic
		want string
	}{
		{"closed as idle", poolChurn{}, large(), busyPool(churning), "Keep connections open"},
		{"closed for their age", poolChurn{}, large(), busyPool(churning, func(t *traffic) { t.pool.MaxIdleClosed, t.pool.MaxLifetimeClosed = 0, 500 }), "Keep connections open"},
		{"seldom", poolChurn{}, large(), busyPool(churning, func(t *traffic) { t.connections.Checkouts = 100_000 }), ""},
		{"a start", poolChurn{}, large(), busyPool(churning, func(t *traffic) { t.pool.MaxIdleClosed, t.connections.Opened = 20, 24 }), ""},
		{"of a file", poolChurn{}, nil, nil, ""},

		{"one connection", singlePool{}, large(), busyPool(), "Read through 2 connections beside the one that writes"},
		{"without WAL", singlePool{}, large("journal_mode", "delete"), busyPool(), ""},
		{"reads alone", singlePool{}, large(), busyPool(func(t *traffic) { t.statements = t.statements[:1] }), ""},
		{"nobody waits", singlePool{}, large(), busyPool(func(t *traffic) { t.pool.WaitCount = 20 }), ""},
		{"waits nobody notices", singlePool{}, large(), busyPool(func(t *traffic) { t.pool.WaitDuration = time.Millisecond }), ""},
		{"several connections", singlePool{}, large(), busyPool(open(4)), ""},
		{"split already", singlePool{}, large(), busyPool(func(t *traffic) { t.connections.Open = 5 }), ""},
		{"of a file", singlePool{}, nil, nil, ""},

		{"two are too few", poolStarved{}, large(), busyPool(open(2), func(t *traffic) { t.statements[0].Calls = 160_000 }), "Allow 4 connections"},
		{"held too long", poolStarved{}, large(), busyPool(open(8)), "Hold connections for less time"},
		{"reads through one", poolStarved{}, large(), busyPool(func(t *traffic) { t.statements = t.statements[:1] }), "Allow 2 connections"},
		{"PO02's", poolStarved{}, large(), busyPool(), ""},
		{"nobody waits", poolStarved{}, large(), busyPool(open(4), func(t *traffic) { t.pool.WaitCount = 20 }), ""},
		{"no bound", poolStarved{}, large(), busyPool(open(0)), ""},

		{"lock waits", manyWriters{}, large(), busyPool(open(0), locked), "Write through one connection"},
		{"failures", manyWriters{}, large(), busyPool(open(8), func(t *traffic) { t.statements[1].Busy = 40 }), "Write through one connection"},
		{"no waits", manyWriters{}, large(), busyPool(open(0)), ""},
		{"few failures", manyWriters{}, large(), busyPool(open(0), func(t *traffic) { t.statements[1].Busy = 3 }), ""},
		{"few writes", manyWriters{}, large(), busyPool(open(0), locked, func(t *traffic) { t.statements[1].Calls = 10 }), ""},
		{"one connection", manyWriters{}, large(), busyPool(locked), ""},
		{"split already", manyWriters{}, large(), busyPool(open(4), locked, func(t *traffic) { t.connections.Open = 9 }), ""},
	} {
		t.Run(c.rule.code()+" "+c.name, func(t *testing.T) {
			p := lookAt(t, path, work, c.live, c.seen, Options{NoProof: true})
			list, err := c.rule.check(t.Context(), p)
			must(t, err)
			wellFormed(t, c.rule, list)
			if got := titles(list); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestDemand: rates, service times and callers, by the traffic.
func TestDemand(t *testing.T) {
	d := busyPool(locked).demand() // over the hundred seconds from the first call to the last
	if d.reads != 60 || d.writes != 40 || d.readTime != 100*time.Microsecond || d.writeTime != 50*time.Microsecond || d.lockWait != d.writeTotal/2 {
		t.Errorf("%+v", d)
	}
	if d.callers != 2 { // one served, and one who waits as long as a service takes
		t.Errorf("%d callers", d.callers)
	}
	together := busyPool(func(t *traffic) {
		t.transactions = []*digest.Summary{{Calls: 1000, Rows: 4000, Total: 3 * time.Second}}
	}).demand()
	if together.perTx != 4 || together.hold != 2600*time.Microsecond {
		t.Errorf("%+v", together)
	}
	if d.perTx != 0 || d.hold != 0 {
		t.Errorf("without transactions: %+v", d)
	}
	long := busyPool(func(t *traffic) { t.pool.WaitDuration = 50 * time.Second })
	if n := long.demand().callers; n != mostCallers {
		t.Errorf("%d callers who wait for long", n)
	}
	if got := (&traffic{}).demand(); got.callers != leastCallers || got.reads != 0 {
		t.Errorf("of nothing: %+v", got)
	}
}

// TestPoolVerdicts: what decides an experiment.
func TestPoolVerdicts(t *testing.T) {
	of := func(v float64) trial.Interval { return trial.Interval{Value: v, Low: v - 0.05, High: v + 0.05} }
	for _, c := range []struct {
		name          string
		speedup       trial.Interval
		samples       int
		before, after float64 // 99th percentile
		present, then sqlite.Round
		want          State
	}{
		{"more calls", of(2), 8, 5, 5, sqlite.Round{}, sqlite.Round{}, Proved},
		{"more calls that wait longer", of(2), 8, 5, 9, sqlite.Round{}, sqlite.Round{}, Inconclusive},
		{"more calls that fail", of(2), 8, 5, 5, sqlite.Round{}, sqlite.Round{Busy: 0.1}, Rejected},
		{"fewer", of(0.7), 8, 5, 1, sqlite.Round{}, sqlite.Round{}, Rejected},
		{"as many", of(1), 8, 5, 5, sqlite.Round{}, sqlite.Round{}, Rejected},
		{"shorter waits", of(1), 8, 5, 3, sqlite.Round{}, sqlite.Round{}, Proved},
		{"no failures left", of(1), 8, 5, 5, sqlite.Round{Busy: 0.1}, sqlite.Round{}, Proved},
		{"noise", trial.Interval{Value: 1, Low: 0.5, High: 2}, 8, 5, 3, sqlite.Round{}, sqlite.Round{}, Inconclusive},
		{"more, perhaps", trial.Interval{Value: 1.2, Low: 0.95, High: 1.5}, 8, 5, 5, sqlite.Round{}, sqlite.Round{}, Inconclusive},
		{"too little", of(2), 5, 5, 3, sqlite.Round{}, sqlite.Round{}, Inconclusive},
	} {
		p99 := func(v float64) trial.Latency { return trial.Latency{P50: of(v)} }
		got, reasons := judgePools(sqlite.Contended{Present: c.present, Proposed: c.then, Comparison: trial.Comparison{
			Samples: c.samples, Speedup: c.speedup, Before: p99(c.before), After: p99(c.after),
		}})
		if got != c.want || len(reasons) != 1 {
			t.Errorf("%s: %s, %q", c.name, got, reasons)
		}
	}
}

// TestPoolExperiment: both configurations are run on a copy, and the verdict comes with their figures,
// whatever it is.
func TestPoolExperiment(t *testing.T) {
	path := create(t, orders)
	work := readWorkload(t, "SELECT * FROM orders WHERE id = 7\nUPDATE orders SET total = 1 WHERE id = 7")
	before := contents(t, path)
	p := lookAt(t, path, work, map[string]string{"journal_mode": "wal", "synchronous": "1", "busy_timeout": "1000"}, busyPool(open(0), locked), Options{})
	list, err := manyWriters{}.check(t.Context(), p)
	must(t, err)
	wellFormed(t, manyWriters{}, list)
	r := list[0]
	if r.Basis != "experiment" || r.Evidence == nil || r.State != r.Evidence.Verdict || r.Evidence.Samples < trial.MinSamples || len(r.Evidence.Reasons) != 1 {
		t.Fatalf("%+v, %v", r, p.skipped)
	}
	figures := map[string]float64{}
	for _, f := range r.Facts {
		figures[f.Name] = f.Value
	}
	for _, name := range []string{"present: calls", "proposed: calls", "present: p50", "proposed: p99", "lock wait"} {
		if figures[name] <= 0 {
			t.Errorf("%s: %v", name, figures[name])
		}
	}
	if after := contents(t, path); len(after) != len(before) {
		t.Errorf("the original has %q", after)
	}

	ctx, cancel := context.WithCancel(t.Context())
	p.report = func(string, string, float64) { cancel() }
	if _, err := (manyWriters{}).check(ctx, p); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	never := lookAt(t, path, readWorkload(t, "SELECT * FROM orders WHERE id = 7\nINSERT INTO orders(id) VALUES(70000)"), large(), busyPool(open(0), locked), Options{})
	list, err = manyWriters{}.check(t.Context(), never)
	if err != nil || len(list) != 1 || list[0].Basis != "rule" || len(never.skipped) != 1 {
		t.Errorf("without writes that can be repeated: %+v, %v, %v", list, never.skipped, err)
	}
}

// TestMix: statements are drawn as often as they were called, rare ones once.
func TestMix(t *testing.T) {
	var queries []*query
	for i, n := range []float64{9000, 900, 100, 1} {
		queries = append(queries, &query{Query: Query{Calls: n, ReadOnly: i != 1}, calls: []trial.Call{{SQL: string(rune('a' + i))}}})
	}
	counts := map[string]int{}
	for _, c := range mix(queries, func(q *query) bool { return q.ReadOnly }) {
		counts[c.SQL]++
	}
	if counts["a"] != 395 || counts["c"] != 4 || counts["d"] != 1 || len(counts) != 3 {
		t.Errorf("%v", counts)
	}
	if list := mix(nil, nil); list != nil {
		t.Errorf("of nothing: %v", list)
	}
}

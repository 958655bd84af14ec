package driver

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"modernc.org/sqlite"
)

// benchRounds is odd, so that a median is one of the rounds. A round of each road takes some 4 ms:
// long for the clock, short for the machine's moods, which both sides of a pair then share.
const benchRounds = 301

// benchRoads are the calls whose cost over the bare driver is promised. prepare returns one call.
var benchRoads = []struct {
	name    string
	calls   int     // per round and side
	allocs  float64 // promised at most over the bare driver
	prepare func(testing.TB, *sql.DB) func()
}{
	{"SELECT by rowid", 800, 1, func(t testing.TB, db *sql.DB) func() {
		return func() { scanOne(t, db.QueryRow("SELECT v FROM t WHERE id = ?", 500)) }
	}},
	{"prepared SELECT by rowid", 1600, 1, func(t testing.TB, db *sql.DB) func() {
		st, err := db.Prepare("SELECT v FROM t WHERE id = ?")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { st.Close() })
		return func() { scanOne(t, st.QueryRow(500)) }
	}},
	{"UPDATE by rowid", 800, 0, func(t testing.TB, db *sql.DB) func() {
		return func() {
			if _, err := db.Exec("UPDATE t SET n = ? WHERE id = ?", 7, 500); err != nil {
				t.Fatal(err)
			}
		}
	}},
	{"scan of 1000 rows", 8, 1, func(t testing.TB, db *sql.DB) func() {
		return func() { scanAll(t, db, "SELECT id, n, v FROM t") }
	}},
}

func scanOne(t testing.TB, row *sql.Row) {
	var v string
	if err := row.Scan(&v); err != nil {
		t.Fatal(err)
	}
}

func scanAll(t testing.TB, db *sql.DB, query string) {
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var id, n int
	var v string
	for rows.Next() {
		if err := rows.Scan(&id, &n, &v); err != nil {
			t.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

// benchPair returns the same table of 1000 rows in memory behind the bare driver and behind ours,
// whose events a goroutine drains as an advisor does.
func benchPair(t testing.TB) (raw, wrapped *sql.DB) {
	t.Helper()
	base, err := sqlite.NewConnector(":memory:")
	if err != nil {
		t.Fatal(err)
	}
	recorder := capture.NewRecorder()
	raw, wrapped = sql.OpenDB(base), sql.OpenDB(NewConnector(":memory:", Config{recorder: recorder}))
	for _, db := range []*sql.DB{raw, wrapped} {
		t.Cleanup(func() { db.Close() })
		db.SetMaxOpenConns(1)
		for _, query := range []string{
			"CREATE TABLE t(id INTEGER PRIMARY KEY, n INT, v TEXT)",
			"WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM c WHERE i < 1000) " +
				"INSERT INTO t SELECT i, i % 10, 'value ' || i FROM c",
		} {
			if _, err := db.Exec(query); err != nil {
				t.Fatal(err)
			}
		}
	}
	drainUntilCleanup(t, recorder)
	return raw, wrapped
}

func drainUntilCleanup(t testing.TB, recorder *capture.Recorder) {
	reader, err := recorder.Attach()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-ctx.Done():
				return
			case <-reader.Wake():
				reader.Drain(func([]capture.Event) {})
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		if c := recorder.Counts(); c.Dropped > c.Recorded/100 {
			t.Logf("%d of %d events dropped: dropping is cheaper than recording", c.Dropped, c.Recorded)
		}
	})
}

// BenchmarkPaired times the bare driver and ours in turn, in random order within each round, and
// reports medians: per call of each side, of the rounds' differences and of their ratios.
// Contexts are context.Background, databases in memory, and the events are drained meanwhile.
func BenchmarkPaired(b *testing.B) {
	var table strings.Builder
	columns := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(columns, "\tbare\twrapped\tdifference\tratio\tallocs bare\tallocs wrapped\t")
	for _, road := range benchRoads {
		b.Run(strings.ReplaceAll(road.name, " ", "_"), func(b *testing.B) {
			rawDB, wrappedDB := benchPair(b)
			raw, wrapped := road.prepare(b, rawDB), road.prepare(b, wrappedDB)
			m := pairedRounds(road.calls, raw, wrapped)
			m.rawAllocs, m.wrappedAllocs = testing.AllocsPerRun(1000, raw), testing.AllocsPerRun(1000, wrapped)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(m.raw, "bare-ns/op")
			b.ReportMetric(m.wrapped, "wrapped-ns/op")
			b.ReportMetric(m.difference, "difference-ns/op")
			b.ReportMetric(m.ratio, "ratio")
			b.ReportMetric(m.rawAllocs, "bare-allocs/op")
			b.ReportMetric(m.wrappedAllocs, "wrapped-allocs/op")
			fmt.Fprintf(columns, "%s\t%.2f µs\t%.2f µs\t%+.2f µs\t%.3f×\t%.0f\t%.0f\t\n", road.name,
				m.raw/1e3, m.wrapped/1e3, m.difference/1e3, m.ratio, m.rawAllocs, m.wrappedAllocs)
		})
	}
	columns.Flush()
	fmt.Printf("medians of %d paired rounds\n%s", benchRounds, table.String())
}

// paired is what one road costs per call, in nanoseconds and allocations.
type paired struct {
	raw, wrapped, difference, ratio float64
	rawAllocs, wrappedAllocs        float64
}

func pairedRounds(calls int, raw, wrapped func()) paired {
	perCall := func(f func()) float64 {
		start := time.Now()
		for range calls {
			f()
		}
		return float64(time.Since(start).Nanoseconds()) / float64(calls)
	}
	perCall(raw)
	perCall(wrapped)
	random := rand.New(rand.NewPCG(1, 2))
	var raws, wrappeds, differences, ratios []float64
	for range benchRounds {
		var r, w float64
		if random.IntN(2) == 0 {
			r = perCall(raw)
			w = perCall(wrapped)
		} else {
			w = perCall(wrapped)
			r = perCall(raw)
		}
		raws, wrappeds = append(raws, r), append(wrappeds, w)
		differences, ratios = append(differences, w-r), append(ratios, w/r)
	}
	return paired{raw: median(raws), wrapped: median(wrappeds), difference: median(differences), ratio: median(ratios)}
}

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}

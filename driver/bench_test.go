package driver

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/XSAM/otelsql"
	"github.com/ngrok/sqlmw"
	"github.com/sqliteperf/sqliteperf/internal/capture"
	metric "go.opentelemetry.io/otel/metric/noop"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	trace "go.opentelemetry.io/otel/trace/noop"
	"modernc.org/sqlite"
)

// benchRounds is odd, so that a median is one of the rounds. A round of each road takes some 4 ms:
// long for the clock, short for the machine's moods, which all of a round then share.
const benchRounds = 301

// benchRoads are the calls whose cost over the bare driver is promised. prepare returns one call.
var benchRoads = []struct {
	name    string
	calls   int     // per round and side
	allocs  float64 // promised at most over the bare driver
	prepare func(testing.TB, *sql.DB) func()
}{
	{"SELECT by rowid", 400, 1, func(t testing.TB, db *sql.DB) func() {
		return func() { scanOne(t, db.QueryRow("SELECT v FROM t WHERE id = ?", 500)) }
	}},
	{"prepared SELECT by rowid", 800, 1, func(t testing.TB, db *sql.DB) func() {
		st, err := db.Prepare("SELECT v FROM t WHERE id = ?")
		must(t, err)
		t.Cleanup(func() { st.Close() })
		return func() { scanOne(t, st.QueryRow(500)) }
	}},
	{"SELECT by rowid in a request", 200, 1, func(t testing.TB, db *sql.DB) func() {
		ctx, cancel := context.WithCancel(capture.WithScope(context.Background(), capture.NewScope()))
		t.Cleanup(cancel)
		for i := range 3 { // routers, authentication and the like leave values
			ctx = context.WithValue(ctx, benchKey(i), i)
		}
		return func() { scanOne(t, db.QueryRowContext(ctx, "SELECT v FROM t WHERE id = ?", 500)) }
	}},
	{"UPDATE by rowid", 400, 0, func(t testing.TB, db *sql.DB) func() {
		return func() {
			_, err := db.Exec("UPDATE t SET n = ? WHERE id = ?", 7, 500)
			must(t, err)
		}
	}},
	{"10 INSERTs in a transaction", 40, 1, func(t testing.TB, db *sql.DB) func() {
		return func() { insertTen(t, db) }
	}},
	{"scan of 1000 rows", 4, 1, func(t testing.TB, db *sql.DB) func() {
		return func() { scanAll(t, db, "SELECT id, n, v FROM t WHERE id <= 1000") }
	}},
}

type benchKey int

func insertTen(t testing.TB, db *sql.DB) {
	tx, err := db.Begin()
	must(t, err)
	for i := range 10 {
		_, err := tx.Exec("REPLACE INTO t(id, n, v) VALUES(?, ?, 'value')", 2000+i, i)
		must(t, err)
	}
	must(t, tx.Commit())
}

func scanOne(t testing.TB, row *sql.Row) {
	var v string
	must(t, row.Scan(&v))
}

func scanAll(t testing.TB, db *sql.DB, query string) {
	rows, err := db.Query(query)
	must(t, err)
	defer rows.Close()
	var id, n int
	var v string
	for rows.Next() {
		must(t, rows.Scan(&id, &n, &v))
	}
	must(t, rows.Err())
}

// benchSides are the bare driver, its wrappers, and ours as it can be configured.
var benchSides = []struct {
	name string
	open func(testing.TB) *sql.DB
}{
	{"modernc.org/sqlite", func(t testing.TB) *sql.DB { return sql.OpenDB(bareConnector(t)) }},
	{"sqlmw, no-op", func(t testing.TB) *sql.DB {
		top, err := sqlmw.Driver(&chainBare{bareConnector(t)}, sqlmw.NullInterceptor{}).(driver.DriverContext).OpenConnector("")
		must(t, err)
		return sql.OpenDB(top)
	}},
	{"otelsql, no-op providers", func(t testing.TB) *sql.DB {
		return otelsql.OpenDB(bareConnector(t), otelsql.WithTracerProvider(trace.NewTracerProvider()), otelsql.WithMeterProvider(metric.NewMeterProvider()))
	}},
	{"otelsql, sampling", func(t testing.TB) *sql.DB {
		return otelsql.OpenDB(bareConnector(t), otelsql.WithTracerProvider(sdk.NewTracerProvider()), otelsql.WithMeterProvider(metric.NewMeterProvider()))
	}},
	{"sqlite-perf", oursWith(Config{})},
	{"sqlite-perf, NoCounters", oursWith(Config{NoCounters: true})},
	{"sqlite-perf, NoCallers", oursWith(Config{NoCallers: true})},
	{"sqlite-perf, one interceptor", oursWith(Config{Interceptors: []sqlmw.Interceptor{sqlmw.NullInterceptor{}}})},
	{"sqlite-perf, StatementCache", oursWith(Config{StatementCache: 100})},
}

func bareConnector(t testing.TB) driver.Connector {
	base, err := sqlite.NewConnector(":memory:")
	must(t, err)
	return base
}

// chainBare is a driver of one connector, for sqlmw to wrap.
type chainBare struct{ driver.Connector }

func (d *chainBare) Open(string) (driver.Conn, error)               { return d.Connect(context.Background()) }
func (d *chainBare) OpenConnector(string) (driver.Connector, error) { return d.Connector, nil }

func oursWith(c Config) func(testing.TB) *sql.DB {
	return func(t testing.TB) *sql.DB {
		c := c
		c.recorder = capture.NewRecorder()
		drainUntilCleanup(t, c.recorder)
		return Open(":memory:", c)
	}
}

// openSide opens one side's database: a table of 1000 rows in memory.
func openSide(t testing.TB, open func(testing.TB) *sql.DB) *sql.DB {
	t.Helper()
	db := open(t)
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	for _, query := range []string{
		"CREATE TABLE t(id INTEGER PRIMARY KEY, n INT, v TEXT)",
		"WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM c WHERE i < 1000) " +
			"INSERT INTO t SELECT i, i % 10, 'value ' || i FROM c",
	} {
		_, err := db.Exec(query)
		must(t, err)
	}
	return db
}

// drainUntilCleanup drains events in a goroutine, as an advisor does.
func drainUntilCleanup(t testing.TB, recorder *capture.Recorder) {
	reader, err := recorder.Attach()
	must(t, err)
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

// BenchmarkPaired times the bare driver, its wrappers and ours by turns, in random order within each
// round, and reports medians: per call of each side, of the rounds' differences from the bare driver
// and of their ratios. Databases are in memory, and our events are drained meanwhile.
func BenchmarkPaired(b *testing.B) {
	var table strings.Builder
	columns := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, road := range benchRoads {
		b.Run(strings.ReplaceAll(road.name, " ", "_"), func(b *testing.B) {
			var sides []func()
			for _, side := range benchSides {
				sides = append(sides, road.prepare(b, openSide(b, side.open)))
			}
			b.ReportMetric(0, "ns/op")
			fmt.Fprintf(columns, "%s\tmedian\tdifference\tratio\tallocations\t\n", road.name)
			for i, m := range pairedRounds(road.calls, sides) {
				allocs := testing.AllocsPerRun(1000, sides[i])
				fmt.Fprintf(columns, "%s\t%.2f µs\t%+.2f µs\t%.3f×\t%.0f\t\n", benchSides[i].name, m.time/1e3, m.difference/1e3, m.ratio, allocs)
			}
		})
	}
	columns.Flush()
	fmt.Printf("medians of %d paired rounds\n%s", benchRounds, table.String())
}

// paired is what one side costs per call, in nanoseconds.
type paired struct{ time, difference, ratio float64 }

// pairedRounds measures the sides by turns; the first is what the others are compared with.
func pairedRounds(calls int, sides []func()) []paired {
	times, differences, ratios := make([][]float64, len(sides)), make([][]float64, len(sides)), make([][]float64, len(sides))
	random := rand.New(rand.NewPCG(1, 2))
	for round := range benchRounds + 1 {
		took := make([]float64, len(sides))
		for _, i := range random.Perm(len(sides)) {
			start := time.Now()
			for range calls {
				sides[i]()
			}
			took[i] = float64(time.Since(start).Nanoseconds()) / float64(calls)
		}
		for i, t := range took {
			if round > 0 { // the first warms up
				times[i], differences[i], ratios[i] = append(times[i], t), append(differences[i], t-took[0]), append(ratios[i], t/took[0])
			}
		}
	}
	var list []paired
	for i := range sides {
		list = append(list, paired{median(times[i]), median(differences[i]), median(ratios[i])})
	}
	return list
}

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}

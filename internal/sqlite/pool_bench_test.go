package sqlite

import (
	"net/url"
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// BenchmarkReopen measures what the rule on churn rests on: a call on a connection that is opened for
// it against one on an idle connection.
func BenchmarkReopen(b *testing.B) {
	path := create(b, "PRAGMA journal_mode = wal", rows)
	keep := bare(b, path) // another connection, so that closing the last one does not checkpoint
	run(b, keep, "SELECT 1 FROM t")
	for _, pool := range []struct {
		name string
		idle int
	}{{"idle", 1}, {"reopened", -1}} {
		b.Run(pool.name, func(b *testing.B) {
			db, err := open(path, url.Values{}, time.Second)
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			db.SetMaxIdleConns(pool.idle)
			var s string
			for b.Loop() {
				if err := db.QueryRow("SELECT s FROM t WHERE id = 7").Scan(&s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSort measures what the rule on temp_store rests on: a sort that outgrows the page cache.
func BenchmarkSort(b *testing.B) {
	path := create(b, `CREATE TABLE t(id INTEGER PRIMARY KEY, s TEXT);
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400000)
		INSERT INTO t SELECT i, hex(randomblob(20)) FROM n`)
	for _, store := range []string{"file", "memory"} {
		b.Run(store, func(b *testing.B) {
			db := bare(b, path)
			run(b, db, "PRAGMA temp_store = "+store)
			var n int
			for b.Loop() {
				if err := db.QueryRow("SELECT count(*) FROM (SELECT s FROM t ORDER BY s LIMIT -1 OFFSET 1)").Scan(&n); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkCache measures what the rules on cache_size and mmap_size rest on: fifty rows of a range of
// a file that the default cache does not hold.
func BenchmarkCache(b *testing.B) {
	path := create(b, `CREATE TABLE t(id INTEGER PRIMARY KEY, s TEXT);
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)
		INSERT INTO t SELECT i, hex(randomblob(140)) FROM n`)
	for _, c := range []struct{ name, pragma string }{
		{"2MB", "PRAGMA cache_size = -2000"}, {"64MB", "PRAGMA cache_size = -65536"},
		{"256MB", "PRAGMA cache_size = -262144"}, {"mmap", "PRAGMA mmap_size = 268435456"},
	} {
		b.Run(c.name, func(b *testing.B) {
			db := bare(b, path)
			run(b, db, c.pragma, "SELECT count(s) FROM t")
			var n int
			for i := 0; b.Loop(); i++ {
				at := i * 7919 % 300000
				if err := db.QueryRow("SELECT sum(length(s)) FROM (SELECT s FROM t WHERE id > ? LIMIT 50)", at).Scan(&n); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPools measures what the rules on pools rest on: nine callers without a pause, of whose calls
// two in five are transactions that write, through one connection, through as many as they ask for, and
// through a writer and two readers. Scans leave no moment without a reader, so that the log is never
// reset and each commit tries a checkpoint: a split is no gain there.
func BenchmarkPools(b *testing.B) {
	settings := url.Values{"_pragma": {"journal_mode(wal)", "synchronous(1)"}}
	pools := []struct {
		name string
		Pools
	}{{"one", Pools{MaxOpen: 1, MaxIdle: 1}}, {"unbounded", Pools{MaxIdle: 9}}, {"split", Pools{MaxOpen: 1, MaxIdle: 1, Readers: 2}}}
	for i, read := range []string{"point", "scan"} {
		path := create(b, "PRAGMA journal_mode = wal", rows)
		for _, p := range pools {
			b.Run(read+"/"+p.name, func(b *testing.B) {
				p.Settings, p.Busy = settings, 5*time.Second
				runner := &contender{path: path, pools: p.Pools, load: Load{
					Reads: someReads[i : i+1], Writes: someWrites[:1], WriteShare: 0.4, PerTx: 3, Callers: 9, Each: 150 * time.Millisecond,
				}}
				for b.Loop() {
					if _, err := runner.Run(b.Context(), trial.Call{}); err != nil {
						b.Fatal(err)
					}
				}
				m := median(runner.rounds)
				b.ReportMetric(m.PerSecond, "calls/s")
				b.ReportMetric(float64(m.P99.Microseconds())/1e3, "p99-ms")
			})
		}
	}
}

// BenchmarkReaderKeepsLog measures what the rule on the write-ahead log rests on: its size after 3,000
// commits, with and without rows left open.
func BenchmarkReaderKeepsLog(b *testing.B) {
	for _, open := range []bool{false, true} {
		b.Run(map[bool]string{false: "closed", true: "open"}[open], func(b *testing.B) {
			var bytes int64
			for b.Loop() {
				path := create(b, "PRAGMA journal_mode = wal", rows)
				reader, writer := bare(b, path), bare(b, path)
				left, err := reader.Query("SELECT * FROM t")
				if err != nil || !left.Next() {
					b.Fatal(err)
				}
				if !open {
					left.Close()
				}
				run(b, writer, "PRAGMA synchronous = off")
				for range 3000 {
					run(b, writer, "UPDATE t SET k = k + 1 WHERE id % 500 = 0")
				}
				bytes = size(path + "-wal")
				left.Close()
			}
			b.ReportMetric(float64(bytes)/1e6, "wal-MB")
		})
	}
}

package sqlite

import (
	"net/url"
	"testing"
	"time"
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

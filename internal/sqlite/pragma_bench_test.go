package sqlite

import (
	"net/url"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkAutocommitInsert measures what the rules on journal_mode and synchronous rest on: one
// small insert per transaction on a file.
func BenchmarkAutocommitInsert(b *testing.B) {
	for _, mode := range []struct{ name, journal, synchronous string }{
		{"delete-full", "DELETE", "FULL"},
		{"wal-full", "WAL", "FULL"},
		{"wal-normal", "WAL", "NORMAL"},
	} {
		b.Run(mode.name, func(b *testing.B) {
			db, err := open(filepath.Join(b.TempDir(), "insert.db"),
				url.Values{"_journal_mode": {mode.journal}, "_synchronous": {mode.synchronous}}, time.Second)
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			db.SetMaxOpenConns(1)
			if _, err := db.Exec("CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b INTEGER)"); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := db.Exec("INSERT INTO t(a, b) VALUES ('some text', 42)"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

package sqlite

import (
	"path/filepath"
	"testing"

	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// TestVariant has what the original has, in pages of the size asked for.
func TestVariant(t *testing.T) {
	s := shadowOf(t, create(t, "PRAGMA journal_mode = wal", rows))
	for _, size := range []int64{0, 1024, 4096, 16384} {
		v, err := s.Variant(t.Context(), size)
		must(t, err)
		got, err := v.Replayer.Number(t.Context(), "PRAGMA page_size")
		must(t, err)
		n, err := v.Replayer.Count(t.Context(), "t")
		if err != nil || n != 5000 || size != 0 && got != size || v.Bytes == 0 || v.Took == 0 {
			t.Errorf("pages of %d: %d rows in pages of %d, %v, %+v", size, n, got, err, v)
		}
		must(t, v.Close())
	}
}

// TestCommitter commits beside the copies, with the settings asked for.
func TestCommitter(t *testing.T) {
	s := shadowOf(t, create(t, rows))
	for _, d := range []Durability{{"delete", "full"}, {"wal", "normal"}} {
		c, err := s.Committer(t.Context(), d.Journal, d)
		must(t, err)
		out, err := c.Run(t.Context(), trial.Call{})
		if err != nil || out.Wall <= 0 || out.Wall != out.CPU {
			t.Errorf("%+v, %v", out, err)
		}
		db := bare(t, filepath.Join(s.dir, "commit-"+d.Journal+".db"))
		var mode string
		var n int
		must(t, db.QueryRow("PRAGMA journal_mode").Scan(&mode))
		must(t, db.QueryRow("SELECT count(*) FROM t").Scan(&n))
		if mode != d.Journal || n != commitsPerRun {
			t.Errorf("%d rows in mode %s", n, mode)
		}
		must(t, db.Close())
	}
	if !s.SameDisk(&DB{path: filepath.Join(s.dir, "x")}) {
		t.Error("a directory is on another disk than itself")
	}
}

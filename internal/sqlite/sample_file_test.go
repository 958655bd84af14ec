package sqlite

import (
	"os"
	"path/filepath"
	"testing"
)

// TestSampleOfShadow is a file among the copies, which goes away with it.
func TestSampleOfShadow(t *testing.T) {
	db := opened(t, create(t, rows))
	of, err := db.Schema(t.Context())
	must(t, err)
	s, err := db.Shadow(t.Context(), t.TempDir(), 1<<30)
	must(t, err)
	defer s.Close()
	part, err := s.Sample(t.Context(), of)
	must(t, err)
	if n := size(filepath.Join(s.dir, "sample.db")); n < 10_000 {
		t.Errorf("the sample's file has %d bytes", n)
	}
	if kept := part.Kept(of.Table("t")); kept < 0.2 || kept > 1 {
		t.Errorf("%v of the rows are in the sample", kept)
	}
	must(t, part.Close())
	if _, err := os.Stat(filepath.Join(s.dir, "sample.db")); !os.IsNotExist(err) {
		t.Errorf("the sample is still there: %v", err)
	}
}

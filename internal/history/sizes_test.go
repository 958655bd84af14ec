package history

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// TestSizes: one an hour is kept for each database, and all of them until the retention ends.
func TestSizes(t *testing.T) {
	s := open(t, Config{Retention: 24 * time.Hour})
	src, other := app(), &capture.Source{ID: 4, Path: "/data/other.db"}
	for i := range 100 { // every half hour
		size := Size{At: noon.Add(time.Duration(i) * 30 * time.Minute), Bytes: int64(i), Pages: 2, FreePages: 1, WAL: 3}
		if err := s.AppendSize(t.Context(), src, size); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.AppendSize(t.Context(), other, Size{At: noon.Add(time.Minute), Bytes: 7}); err != nil {
		t.Fatal(err)
	}
	list, err := s.Sizes(t.Context(), src, noon)
	if err != nil || len(list) != 50 || list[1] != (Size{At: noon.Add(time.Hour).Local(), Bytes: 2, Pages: 2, FreePages: 1, WAL: 3}) {
		t.Fatalf("%d sizes, %v: %+v", len(list), err, list)
	}
	if list, err = s.Sizes(t.Context(), src, noon.Add(48*time.Hour)); err != nil || len(list) != 2 {
		t.Errorf("%d of two days later, %v", len(list), err)
	}
	fill(t, s, noon.Add(-48*time.Hour), 1, time.Second, batch(src, 1, 1, 1)) // forgotten, but not its database
	prune(t, s, noon.Add(49*time.Hour))
	list, err = s.Sizes(t.Context(), src, noon)
	if err != nil || len(list) != 25 || !list[0].At.Equal(noon.Add(25*time.Hour)) {
		t.Errorf("%d after pruning, %v", len(list), err)
	}
	if list, err = s.Sizes(t.Context(), other, noon); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestSizesOfAnOlderHistory: the table comes with the upgrade, once.
func TestSizesOfAnOlderHistory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "old.db")
	s, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, s, noon, 3, time.Second, batch(app(), 2, 1, 1))
	for _, text := range []string{"DROP TABLE size", "PRAGMA user_version = 2"} {
		if _, err := s.db.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s := open(t, Config{Path: path})
		if err := s.AppendSize(t.Context(), app(), Size{At: noon}); err != nil {
			t.Fatal(err)
		}
		list, err := s.Sizes(t.Context(), app(), noon)
		if err != nil || len(list) != 1 || len(all(t, s)) != 3 {
			t.Errorf("%+v, %v", list, err)
		}
		var tables []string
		rows, err := s.db.Query("SELECT name FROM sqlite_schema WHERE name = 'size'")
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			tables = append(tables, "size")
		}
		rows.Close()
		if !slices.Equal(tables, []string{"size"}) || rows.Err() != nil {
			t.Errorf("tables %q, %v", tables, rows.Err())
		}
	}
}

package history

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sqliteperf/sqliteperf/internal/digest"
)

func size(t *testing.T, s *Store) int64 {
	t.Helper()
	bytes, err := s.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

func prune(t *testing.T, s *Store, now time.Time) {
	t.Helper()
	if err := s.Prune(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func count(t *testing.T, s *Store, table string) (n int) {
	t.Helper()
	if err := s.db.QueryRow("SELECT count(*) FROM " + table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPruneShrinksTheFile(t *testing.T) {
	s := open(t, Config{MaxBytes: 512 << 10})
	fill(t, s, noon, 100, time.Second, batch(app(), 50, 100, 1))
	if _, err := s.Audit(t.Context(), Entry{Actor: "ann", Action: "apply"}); err != nil {
		t.Fatal(err)
	}
	before := size(t, s)
	prune(t, s, noon)
	after := size(t, s)
	t.Logf("%d bytes before, %d after", before, after)
	if before <= 1<<20 || after > 512<<10 || after < 256<<10 {
		t.Errorf("%d bytes before, %d after, want at most %d and most of them used", before, after, 512<<10)
	}
	records := all(t, s)
	if last := records[len(records)-1].Start; !last.Equal(noon.Add(99 * time.Second)) {
		t.Errorf("the last interval left began at %v", last)
	}
	if count(t, s, "audit") != 1 {
		t.Error("the audit trail was pruned")
	}
	fill(t, s, noon.Add(time.Hour), 1, time.Second, batch(app(), 3, 1, 1))
}

// TestPruneOfManyStatements: what fills the file are fingerprints that came once.
func TestPruneOfManyStatements(t *testing.T) {
	s := open(t, Config{MaxBytes: 256 << 10})
	for i := range 30 {
		summaries := batch(app(), 50, 1, 1)
		for n, sum := range summaries {
			sum.Digest = uint64(1000*i + n)
			sum.Name = fmt.Sprintf("%0500d", sum.Digest)
		}
		fill(t, s, noon.Add(time.Duration(i)*time.Second), 1, time.Second, summaries)
	}
	prune(t, s, noon)
	if n := size(t, s); n > 256<<10 {
		t.Errorf("%d bytes, want at most %d", n, 256<<10)
	}
	if left, used := count(t, s, "statement"), 53*count(t, s, "interval"); left != used || left == 0 {
		t.Errorf("%d statements left, %d in use", left, used)
	}
}

func TestPruneBelowTheMinimum(t *testing.T) {
	s := open(t, Config{MaxBytes: 1})
	fill(t, s, noon, 5, time.Second, batch(app(), 5, 1, 1))
	prune(t, s, noon)
	t.Logf("an empty history has %d bytes", size(t, s))
	if n := len(all(t, s)) + count(t, s, "statement") + count(t, s, "source"); n != 0 {
		t.Errorf("%d rows left", n)
	}
	if n := size(t, s); n > 64<<10 {
		t.Errorf("an empty history has %d bytes, documented are 64 KiB", n)
	}
}

func TestPruneForgetsAfterTheRetention(t *testing.T) {
	s := open(t, Config{Retention: 10 * time.Minute})
	fill(t, s, noon, 20, time.Minute, batch(app(), 5, 1, 1))
	prune(t, s, noon.Add(20*time.Minute))
	if records := all(t, s); len(records) != 11 || !records[0].End.Equal(noon.Add(10*time.Minute)) {
		t.Errorf("%d intervals left from %v on, want 11", len(records), records[0].Interval)
	}
}

func TestOldIntervalsBecomeCoarser(t *testing.T) {
	path := filepath.Join(t.TempDir(), "advisor.db")
	s := open(t, Config{Path: path})
	want := digest.Totals{}
	start := noon.Add(-30 * time.Second) // slots do not depend on when recording began
	for i := range 30 {
		summaries := batch(app(), 3, 20, uint64(i))
		want.Add(summaries)
		fill(t, s, start.Add(time.Duration(i)*10*time.Second), 1, 10*time.Second, summaries)
	}
	tests := []struct {
		age  time.Duration
		want []time.Duration // starts after noon
	}{
		{0, nil},
		{2 * time.Hour, []time.Duration{-30 * time.Second, 0, 1 * time.Minute, 2 * time.Minute, 3 * time.Minute, 4 * time.Minute}},
		{25 * time.Hour, []time.Duration{-30 * time.Second, 0}},
		{8 * 24 * time.Hour, []time.Duration{-30 * time.Second, 0}},
	}
	for _, tt := range tests {
		prune(t, s, noon.Add(tt.age))
		var starts []time.Duration
		var recorded uint64
		got := digest.Totals{}
		records := all(t, s)
		for _, r := range records {
			starts = append(starts, r.Start.Sub(noon))
			recorded += r.Counts.Recorded
			got.Add(r.Summaries)
		}
		if tt.want != nil && !slices.Equal(starts, tt.want) {
			t.Errorf("after %v intervals begin at noon + %v, want %v", tt.age, starts, tt.want)
		}
		if last := records[len(records)-1].End; recorded != 300 || !last.Equal(noon.Add(270*time.Second)) {
			t.Errorf("after %v %d events until %v", tt.age, recorded, last)
		}
		if diff := cmp.Diff(want.Sorted(), got.Sorted(), compare); diff != "" {
			t.Errorf("after %v:\n%s", tt.age, diff)
		}
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestFullDiskLeavesTheStoreUsable(t *testing.T) {
	s := open(t, Config{})
	s.db.SetMaxOpenConns(1) // max_page_count belongs to a connection
	fill(t, s, noon, 1, time.Second, batch(app(), 2, 1, 1))
	if _, err := s.db.Exec("PRAGMA max_page_count = 40"); err != nil {
		t.Fatal(err)
	}
	large := batch(app(), 500, 20, 1)
	if err := s.Append(t.Context(), Interval{Start: noon.Add(time.Minute)}, large); err == nil {
		t.Fatal("appended to a full disk")
	} else {
		t.Log(err)
	}
	if n := len(all(t, s)); n != 1 {
		t.Errorf("%d intervals after the failed one, want 1", n)
	}
	fill(t, s, noon.Add(time.Second), 1, time.Second, batch(app(), 2, 1, 1))
	if _, err := s.db.Exec("PRAGMA max_page_count = 4000"); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(t.Context(), Interval{Start: noon.Add(time.Minute)}, large); err != nil {
		t.Error(err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

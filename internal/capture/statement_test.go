package capture

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

// offer offers lists of one number, from 0 to n-1, of which unfit ones are nil.
func offer(s *Samples, random func(uint64) uint64, n int, unfit func(int) bool) {
	for i := range n {
		s.Offer(random, func() []any {
			if unfit(i) {
				return nil
			}
			return []any{i}
		})
	}
}

func all(int) bool { return false }

func TestSamplesKeepsFewListsAsTheyAre(t *testing.T) {
	var s Samples
	offer(&s, func(uint64) uint64 { t.Error("drew before it was full"); return 0 }, samplesKept, all)
	for i, list := range s.List() {
		if list[0] != i {
			t.Errorf("list %d is %v", i, list)
		}
	}
	if n := len(s.List()); n != samplesKept {
		t.Errorf("kept %d lists, want %d", n, samplesKept)
	}
}

func TestSamplesCopiesOnlyWhatItKeeps(t *testing.T) {
	var s Samples
	offer(&s, nil, samplesKept, all)
	s.Offer(func(n uint64) uint64 { return n - 1 }, func() []any { t.Error("copied a list it does not keep"); return nil })
	if n := len(s.List()); n != samplesKept {
		t.Errorf("kept %d lists, want %d", n, samplesKept)
	}
}

func TestSamplesLeavesOutUnfitLists(t *testing.T) {
	var s Samples
	offer(&s, rand.New(rand.NewPCG(1, 2)).Uint64N, 1000, func(i int) bool { return i%2 == 0 })
	for _, list := range s.List() {
		if list == nil || list[0].(int)%2 == 0 {
			t.Errorf("kept %v", list)
		}
	}
	if n := len(s.List()); n == 0 || n > samplesKept {
		t.Errorf("kept %d lists", n)
	}
}

// TestSamplesKeepsEachListEquallyLikely counts over many runs how often each of 128 lists is kept,
// also when every third is unfit. A count is binomial; five deviations are no accident.
func TestSamplesKeepsEachListEquallyLikely(t *testing.T) {
	const runs, offered = 4000, 4 * samplesKept
	for name, unfit := range map[string]func(int) bool{
		"all are fit":      all,
		"a third is unfit": func(i int) bool { return i%3 == 0 },
		"the first unfit":  func(i int) bool { return i < offered/2 },
	} {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(3, 4))
			var kept [offered]int
			for range runs {
				var s Samples
				offer(&s, random.Uint64N, offered, unfit)
				for _, list := range s.List() {
					kept[list[0].(int)]++
				}
			}
			const mean, deviation = runs / 4, 27.4 // √(runs · ¼ · ¾)
			for i, n := range kept {
				if unfit(i) && n == 0 {
					continue
				}
				if d := float64(n - mean); unfit(i) || d > 5*deviation || d < -5*deviation {
					t.Errorf("list %d was kept %d times, want about %d", i, n, mean)
				}
			}
		})
	}
}

func TestSourceOfIsOnePerFile(t *testing.T) {
	for name, test := range map[string]struct {
		path, dsn           string
		otherPath, otherDSN string
		same                bool
	}{
		"same file, other dsn":  {"/a/x.db", "x.db", "/a/x.db", "file:x.db", true},
		"other file, same name": {"/a/y.db", "y.db", "/b/y.db", "y.db", false},
		"same memory":           {"", "file:m?mode=memory", "", "file:m?mode=memory", true},
		"other memory":          {"", "file:n?mode=memory", "", "file:o?mode=memory", false},
		"memory like a file":    {"", "/a/z.db", "/a/z.db", "/a/z.db", false},
	} {
		t.Run(name, func(t *testing.T) {
			one, other := SourceOf(test.path, test.dsn), SourceOf(test.otherPath, test.otherDSN)
			if (one == other) != test.same || (one.ID == other.ID) != test.same {
				t.Errorf("%+v and %+v", one, other)
			}
			if one.Path != test.path || one.DSN != test.dsn {
				t.Errorf("%+v, want path %q of the first dsn %q", one, test.path, test.dsn)
			}
		})
	}
}

func TestSourceOfIsSafeForManyGoroutines(t *testing.T) {
	var asking sync.WaitGroup
	found := make([]*Source, 16)
	for i := range found {
		asking.Go(func() { found[i] = SourceOf("/c/shared.db", "") })
	}
	asking.Wait()
	for _, s := range found {
		if s != found[0] {
			t.Errorf("%p and %p are the same file", s, found[0])
		}
	}
}

func TestSourceName(t *testing.T) {
	for path, want := range map[string]string{"/data/app.db": "app.db", "": ":memory:"} {
		if got := (&Source{Path: path}).Name(); got != want {
			t.Errorf("the database at %q is called %q, want %q", path, got, want)
		}
	}
}

func TestDatabasesInMemoryAreBounded(t *testing.T) {
	seen := map[*Source]bool{}
	for i := range 3 * memorySources {
		seen[SourceOf("", fmt.Sprintf("file:%d?mode=memory", i))] = true
	}
	if len(seen) > memorySources+1 {
		t.Errorf("%d sources of %d databases in memory", len(seen), 3*memorySources)
	}
	if a, b := SourceOf("/a.db", "a.db"), SourceOf("/b.db", "b.db"); a == b {
		t.Error("two files are one")
	}
}

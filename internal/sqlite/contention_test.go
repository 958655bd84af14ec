package sqlite

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"net/url"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// shadowOf copies the database until the test ends, and then nothing may be left.
func shadowOf(t *testing.T, path string) *Shadow {
	t.Helper()
	dir := t.TempDir()
	s, err := opened(t, path).Shadow(t.Context(), dir, 1<<30)
	must(t, err)
	t.Cleanup(func() {
		must(t, s.Close())
		if left := files(t, dir); len(left) != 0 {
			t.Errorf("%d entries are left", len(left))
		}
	})
	return s
}

func calls(texts ...string) (list []trial.Call) {
	for _, text := range texts {
		list = append(list, trial.Call{SQL: text})
	}
	return list
}

var (
	someReads  = calls("SELECT * FROM t WHERE id = 7", "SELECT count(*) FROM t WHERE k = 3")
	someWrites = calls("UPDATE t SET k = k + 1 WHERE id = 9", "INSERT INTO t(k) VALUES(1)")
	someLoad   = Load{Reads: someReads, Writes: someWrites, WriteShare: 0.3, Callers: 4, Each: 5 * time.Millisecond, Rounds: trial.MinSamples}
	onePool    = Pools{Settings: url.Values{"_pragma": {"journal_mode(wal)", "synchronous(1)"}}, Busy: time.Second, MaxIdle: 2}
	split      = Pools{Settings: onePool.Settings, Busy: time.Second, MaxOpen: 1, MaxIdle: 1, Readers: 2}
)

// TestContend: callers ask both configurations, their writes are committed to a copy of its own, and the
// other copies and the original stay as they are.
func TestContend(t *testing.T) {
	path := create(t, rows)
	original := files(t, filepath.Dir(path))
	s := shadowOf(t, path)
	got, err := s.Contend(t.Context(), someLoad, onePool, split, rand.New(rand.NewPCG(1, 2)))
	must(t, err)
	if got.Comparison.Samples != someLoad.Rounds || got.Comparison.Difference == "" {
		t.Errorf("%+v", got.Comparison)
	}
	for name, r := range map[string]Round{"present": got.Present, "proposed": got.Proposed} {
		if r.PerSecond <= 0 || r.P50 <= 0 || r.P99 < r.P50 || r.Opened < 1 {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if n := got.Proposed.Opened; n > 3 {
		t.Errorf("a writer and two readers were %v connections", n)
	}
	if !maps.Equal(original, files(t, filepath.Dir(path))) {
		t.Error("the original changed")
	}
	for name, r := range map[string]*Replayer{"before": s.Before, "after": s.After} {
		if n, err := r.Count(t.Context(), "t"); err != nil || n != 5000 {
			t.Errorf("the copy %s has %d rows, %v", name, n, err)
		}
	}
	if left := slices.Sorted(maps.Keys(files(t, s.dir))); slices.Contains(left, "variant.db") || slices.Contains(left, "variant.db-wal") {
		t.Errorf("%q are left", left)
	}
}

// TestContendWithout what can be repeated, or cannot be compiled, says so.
func TestContendWithout(t *testing.T) {
	s := shadowOf(t, create(t, rows))
	for name, change := range map[string]func(*Load){
		"writes with their keys": func(l *Load) { l.Writes = calls("INSERT INTO t(id) VALUES(70000)") },
		"no reads":               func(l *Load) { l.Reads = nil },
		"unknown functions":      func(l *Load) { l.Reads = calls("SELECT launch()") },
	} {
		load := someLoad
		change(&load)
		if _, err := s.Contend(t.Context(), load, onePool, split, rand.New(rand.NewPCG(1, 2))); !errors.Is(err, ErrNothingToRepeat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	together := someLoad
	together.PerTx, together.Hold = 3, time.Microsecond
	if got, err := s.Contend(t.Context(), together, onePool, split, rand.New(rand.NewPCG(1, 2))); err != nil || got.Proposed.PerSecond <= 0 {
		t.Errorf("in transactions: %+v, %v", got, err)
	}
	keyed := someLoad
	keyed.Writes = append(calls("INSERT INTO t(id) VALUES(70000)", "INSERT INTO t(id, k) SELECT max(id) + 1, 1 FROM t"), someWrites...)
	if _, err := s.Contend(t.Context(), keyed, onePool, split, rand.New(rand.NewPCG(1, 2))); err != nil {
		t.Errorf("with a write among others that cannot be repeated: %v", err)
	}
	only := someLoad
	only.Writes, only.WriteShare = nil, 0
	if _, err := s.Contend(t.Context(), only, onePool, split, rand.New(rand.NewPCG(1, 2))); err != nil {
		t.Errorf("reads alone: %v", err)
	}
}

// TestContendEnds with the context, whatever the callers do.
func TestContendEnds(t *testing.T) {
	s := shadowOf(t, create(t, rows))
	load := someLoad
	load.Reads, load.Each = calls("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"), time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := s.Contend(ctx, load, onePool, split, rand.New(rand.NewPCG(1, 2))); err == nil {
		t.Error("no error")
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v to end", took)
	}
}

// TestRoundsFail where a statement fails for another reason than a lock or a constraint.
func TestRoundsFail(t *testing.T) {
	s := shadowOf(t, create(t, rows))
	v, err := s.Variant(t.Context(), 0)
	must(t, err)
	defer v.Close()
	load := someLoad
	load.WriteShare = 1
	for text, want := range map[string]error{"INSERT INTO t(id) VALUES(1)": nil, "INSERT INTO nothing VALUES(1)": ErrNothingToRepeat} {
		load.Writes = calls(text)
		c := &contender{path: v.path, load: load, pools: onePool}
		if _, err := c.Run(t.Context(), trial.Call{}); !errors.Is(err, want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestRoundsCountFailures for a lock apart from calls.
func TestRoundsCountFailures(t *testing.T) {
	s := shadowOf(t, create(t, rows))
	v, err := s.Variant(t.Context(), 0)
	must(t, err)
	defer v.Close()
	_, err = v.Replayer.conn.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	must(t, err)
	load := someLoad
	load.WriteShare = 1
	c := &contender{path: v.path, load: load, pools: Pools{Settings: onePool.Settings, MaxIdle: 2}}
	if _, n, err := c.round(t.Context()); n != 0 || err != nil {
		t.Errorf("%d calls, %v", n, err)
	}
	if _, err := c.Run(t.Context(), trial.Call{}); !errors.Is(err, ErrNothingToRepeat) {
		t.Errorf("got %v", err)
	}
}

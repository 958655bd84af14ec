package advisor

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/plan"
	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// scripted is a copy on which statements cost what its settings say.
type scripted struct {
	cost func(settings map[string]string, sql string) time.Duration
	set  map[string]string
	runs int
	fail error
}

func (s *scripted) Run(ctx context.Context, c trial.Call) (trial.Outcome, error) {
	s.runs++
	d := s.cost(s.set, c.SQL)
	return trial.Outcome{Wall: d, CPU: d, Rows: 1}, errors.Join(s.fail, ctx.Err())
}

func (s *scripted) Set(_ context.Context, pragma string) error {
	name, value, _ := strings.Cut(strings.TrimPrefix(pragma, "PRAGMA "), " = ")
	s.set[name] = value
	return nil
}

func (s *scripted) Explain(context.Context, string, []any) (plan.Plan, error) { return nil, nil }
func (s *scripted) Change(context.Context, []string) (time.Duration, error)   { return 0, nil }
func (s *scripted) IndexBytes(context.Context, string) (int64, error)         { return 0, nil }

// copiesOf are two scripted copies.
type copiesOf struct {
	shadow
	before, after *scripted
}

func (c copiesOf) Before() replayer { return c.before }
func (c copiesOf) After() replayer  { return c.after }
func (c copiesOf) Bytes() int64     { return 7 }
func (c copiesOf) Close() error     { return nil }

// TestSettingsAreReplayed: of a setting what replay proves, the smallest value that does, and nothing else.
func TestSettingsAreReplayed(t *testing.T) {
	const us = time.Microsecond
	path := create(t, orders)
	cache := func(by map[string]time.Duration) func(map[string]string, string) time.Duration {
		return func(set map[string]string, _ string) time.Duration {
			if d := by[set["cache_size"]]; d != 0 {
				return d
			}
			return 100 * us
		}
	}
	at := func(name, value string, d time.Duration) func(map[string]string, string) time.Duration {
		return func(set map[string]string, _ string) time.Duration {
			if set[name] == value {
				return d
			}
			return 100 * us
		}
	}
	for _, c := range []struct {
		name string
		rule rule
		live map[string]string
		sql  string
		cost func(map[string]string, string) time.Duration
		want string // title
	}{
		{"the more the better", cacheSize{}, large(), byCustomer, cache(map[string]time.Duration{"-16384": 80 * us, "-65536": 60 * us, "-262144": 20 * us}), "Set cache_size to -262144"},
		{"enough", cacheSize{}, large(), byCustomer, cache(map[string]time.Duration{"-16384": 80 * us, "-65536": 21 * us, "-262144": 20 * us}), "Set cache_size to -65536"},
		{"no use", cacheSize{}, large(), byCustomer, cache(nil), ""},
		{"slower", cacheSize{}, large(), byCustomer, cache(map[string]time.Duration{"-16384": 150 * us, "-65536": 150 * us, "-262144": 150 * us}), ""},
		{"large already", cacheSize{}, large("cache_size", "-65536"), byCustomer, cache(map[string]time.Duration{"-262144": us}), ""},
		{"a tiny file", cacheSize{}, large("page_count", "1000"), byCustomer, cache(map[string]time.Duration{"-16384": us}), ""},
		{"mapped", mmapSize{}, large("mmap_size", "0"), byCustomer, at("mmap_size", "536870912", 50*us), "Set mmap_size to 536870912"},
		{"mapped in vain", mmapSize{}, large("mmap_size", "0"), byCustomer, at("mmap_size", "536870912", 99*us), ""},
		{"mapped already", mmapSize{}, large("mmap_size", "1000000"), byCustomer, at("mmap_size", "536870912", 50*us), ""},
		{"a tiny file", mmapSize{}, large("mmap_size", "0", "page_count", "1000"), byCustomer, at("mmap_size", "67108864", 50*us), ""},
		{"in memory", tempStore{}, large("temp_store", "0"), "SELECT * FROM orders ORDER BY total", at("temp_store", "2", 50*us), "Set temp_store to memory"},
		{"in files", tempStore{}, large("temp_store", "2"), "SELECT * FROM orders ORDER BY total", at("temp_store", "1", 50*us), "Set temp_store to file"},
		{"slower in memory", tempStore{}, large("temp_store", "0"), "SELECT * FROM orders ORDER BY total", at("temp_store", "2", 160*us), ""},
		{"nothing to sort", tempStore{}, large("temp_store", "0"), byCustomer, at("temp_store", "2", 50*us), ""},
	} {
		t.Run(c.rule.code()+" "+c.name, func(t *testing.T) {
			p := lookAt(t, path, readWorkload(t, c.sql), c.live, nil, Options{})
			copies := copiesOf{nil, &scripted{cost: c.cost, set: map[string]string{}}, &scripted{cost: c.cost, set: map[string]string{}}}
			p.shadow = copies
			list, err := c.rule.check(t.Context(), p)
			must(t, err)
			wellFormed(t, c.rule, list)
			if got := titles(list); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			for name, value := range copies.after.set {
				if value != p.pragmas[name] {
					t.Errorf("the copy is left with %s = %s", name, value)
				}
			}
			for _, r := range list {
				if r.State != Proved || r.Basis != "replay" || len(r.Digests) != 1 || r.saves <= 0 {
					t.Errorf("%+v", r)
				}
			}
			p.shadow, p.options.NoProof = nil, true
			if list, err := c.rule.check(t.Context(), p); err != nil || len(list) != 0 {
				t.Errorf("without a copy: %q, %v", titles(list), err)
			}
		})
	}
}

// TestExperimentsEnd with the context, and leave the copy as it was.
func TestExperimentsEnd(t *testing.T) {
	p := lookAt(t, create(t, orders), readWorkload(t, byCustomer), large(), nil, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	slow := &scripted{set: map[string]string{}, cost: func(map[string]string, string) time.Duration { cancel(); return 1 }}
	p.shadow = copiesOf{nil, slow, slow}
	if _, err := (cacheSize{}).check(ctx, p); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if slow.runs > 2 || slow.set["cache_size"] != "-2000" {
		t.Errorf("%d runs, left with %v", slow.runs, slow.set)
	}
	broken := &scripted{set: map[string]string{}, cost: func(map[string]string, string) time.Duration { return 1 }, fail: errors.New("no such function")}
	p.shadow = copiesOf{nil, broken, broken}
	if list, err := (cacheSize{}).check(t.Context(), p); err != nil || len(list) != 0 {
		t.Errorf("%q, %v", titles(list), err)
	}
}

// TestCommitTimes: where the workload writes, the advice has commit times of this disk; it stays one that
// a person decides on.
func TestCommitTimes(t *testing.T) {
	path := create(t, orders, "PRAGMA journal_mode = delete")
	p := lookAt(t, path, readWorkload(t, "UPDATE orders SET total = 1 WHERE id = 7"), nil, nil, Options{ShadowDir: t.TempDir()})
	list, err := journalMode{}.check(t.Context(), p)
	must(t, err)
	wellFormed(t, journalMode{}, list)
	if r := list[0]; r.State != Proposed || (r.Evidence == nil) != (len(r.Facts) == 0) || r.Evidence != nil && (r.Basis != "experiment" || r.Facts[0].Value <= r.Facts[1].Value) {
		t.Errorf("%+v", r)
	}
	p = lookAt(t, path, readWorkload(t, byCustomer), nil, nil, Options{})
	if list, err = (journalMode{}).check(t.Context(), p); err != nil || len(list) != 1 || list[0].Basis != "rule" || p.shadow != nil {
		t.Errorf("without writes: %+v, %v", list, err)
	}
}

// TestBrokenKeys: the advice to enforce foreign keys says how many rows break them.
func TestBrokenKeys(t *testing.T) {
	path := create(t, references, "INSERT INTO a VALUES (1)", "INSERT INTO b VALUES (1, 1), (2, 7), (3, 8)")
	p := lookAt(t, path, nil, map[string]string{"foreign_keys": "0"}, nil, Options{})
	_, err := p.copies(t.Context())
	must(t, err)
	list, err := foreignKeys{}.check(t.Context(), p)
	must(t, err)
	if i := slices.IndexFunc(list[0].Facts, func(f Fact) bool { return strings.HasPrefix(f.Name, "rows that break") }); i < 0 || list[0].Facts[i].Value != 2 {
		t.Errorf("%+v", list[0].Facts)
	}
}

// TestVacuum: what rebuilding the file would leave is measured on the copy.
func TestVacuum(t *testing.T) {
	sequential(t)
	path := create(t, "CREATE TABLE t(id INTEGER PRIMARY KEY, x BLOB)",
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000) INSERT INTO t SELECT i, randomblob(1000) FROM n")
	check := func() []*Recommendation {
		p := lookAt(t, path, nil, nil, nil, Options{})
		_, err := p.copies(t.Context())
		must(t, err)
		list, err := fragmentation{}.check(t.Context(), p)
		must(t, err)
		wellFormed(t, fragmentation{}, list)
		return list
	}
	if list := check(); len(list) != 0 {
		t.Errorf("of a file that is full: %q", titles(list))
	}
	change(t, path, "DELETE FROM t WHERE id % 2 = 0") // leaves half-empty pages and hardly a free one
	list := check()
	if len(list) != 1 || list[0].Basis != "experiment" || list[0].State != Proved || list[0].Applicable {
		t.Fatalf("%+v", list)
	}
	facts := map[string]float64{}
	for _, f := range list[0].Facts {
		facts[f.Name] = f.Value
	}
	if facts["file rebuilt"] == 0 || facts["file rebuilt"] > 0.7*facts["file now"] || facts["rebuilding a copy took"] <= 0 || facts["disk needed meanwhile"] != 2*facts["file now"] {
		t.Errorf("%v", facts)
	}
}

// TestPageSize: a file of small pages is rebuilt on the copy with larger ones, and only a proof counts.
func TestPageSize(t *testing.T) {
	sequential(t)
	fill := "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9500) INSERT INTO t SELECT i, randomblob(1000) FROM n"
	small := create(t, "PRAGMA journal_mode = delete", "PRAGMA page_size = 1024", "VACUUM", "CREATE TABLE t(id INTEGER PRIMARY KEY, x BLOB)", fill)
	work := readWorkload(t, "SELECT sum(length(x)) FROM t")
	p := lookAt(t, small, work, nil, nil, Options{})
	list, err := pageSize{}.check(t.Context(), p)
	must(t, err)
	wellFormed(t, pageSize{}, list)
	if p.shadow == nil || p.pragmas["page_size"] != "1024" {
		t.Errorf("nothing was tried with pages of %s", p.pragmas["page_size"])
	}
	x := &replayed{evidence: newEvidence(p.shadow), digests: []string{"1"}, saved: time.Second}
	x.evidence.Verdict = Proved
	list = append(list, pageSize{}.advise(p, x, 5<<20, time.Second))
	wellFormed(t, pageSize{}, list)
	for _, r := range list { // what replay proved, if it did, and what it would have
		if r.State != Proved || r.Applicable || len(r.Facts) != 4 {
			t.Errorf("%+v", r)
		}
	}
	for name, path := range map[string]string{
		"modern": create(t, "CREATE TABLE t(id INTEGER PRIMARY KEY, x BLOB)", fill),
		"tiny":   create(t, "PRAGMA journal_mode = delete", "PRAGMA page_size = 1024", "VACUUM", "CREATE TABLE t(id INTEGER PRIMARY KEY, x BLOB)"),
	} {
		p := lookAt(t, path, work, nil, nil, Options{})
		if list, err := (pageSize{}).check(t.Context(), p); err != nil || len(list) != 0 || p.shadow != nil {
			t.Errorf("%s: %q, %v", name, titles(list), err)
		}
	}
}

// TestAnalyzeKeepsExperiments: what a rule has measured is not proved again, and comes with the rest.
func TestAnalyzeKeepsExperiments(t *testing.T) {
	path := create(t, "PRAGMA journal_mode = delete", sales, manySales)
	work := readWorkload(t, ofCustomer+"\nUPDATE sales SET note = 'x' WHERE id = 7")
	report, err := Analyze(t.Context(), path, work, Options{ShadowDir: t.TempDir()})
	must(t, err)
	found := map[string]*Recommendation{}
	for _, r := range report.Recommendations {
		found[r.Code] = r
	}
	if r := found["ST01"]; r == nil || r.State != Proved || !r.Applicable || r.Evidence.Unchanged != 1 || len(r.Evidence.Queries) != 1 || r.PlanHash == "" {
		t.Errorf("%+v", r)
	}
	if r := found["PR01"]; r == nil || r.State != Proposed || r.Basis == "replay" {
		t.Errorf("%+v", r)
	}
	applyAndUndo(t, path, &Report{Recommendations: []*Recommendation{found["ST01"], found["PR01"]}})
}

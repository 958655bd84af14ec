package schema

import (
	"math"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestIsRowid(t *testing.T) {
	alias := &Table{RowidColumn: "Id", Columns: []Column{{Name: "Id"}, {Name: "oid"}}}
	plain := &Table{Columns: []Column{{Name: "a"}}}
	without := &Table{WithoutRowid: true}
	for _, c := range []struct {
		table *Table
		name  string
		want  bool
	}{
		{alias, "id", true}, {alias, "ROWID", true}, {alias, "oid", false}, {alias, "_rowid_", true}, {alias, "", false},
		{plain, "rowid", true}, {plain, "a", false}, {plain, "", false}, {without, "rowid", false},
	} {
		if got := c.table.IsRowid(c.name); got != c.want {
			t.Errorf("IsRowid(%q) = %v", c.name, got)
		}
	}
}

func TestFinding(t *testing.T) {
	s := &Schema{Tables: []*Table{{Name: "Größe"}, {Name: "T", Columns: []Column{{Name: `"x`}}}}}
	if s.Table("größe") == nil || s.Table("t") == nil || s.Table("") != nil {
		t.Error("tables are not found by name")
	}
	if c, ok := s.Table("t").Column(`"X`); !ok || c.Name != `"x` {
		t.Error("columns are not found by name")
	}
	for name, want := range map[string]bool{"t": true, "SQLITE_stat1": false, "sqliteperf": true} {
		if got := (&Table{Name: name}).Indexable(); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	for _, other := range []*Table{{View: true}, {Virtual: true}, {Shadow: true}} {
		if other.Indexable() {
			t.Errorf("%+v", other)
		}
	}
}

func TestSelectivity(t *testing.T) {
	ix := &Index{Stat: []int64{1000, 10, 1}}
	for n, want := range map[int]float64{0: -1, 1: 0.01, 2: 0.001, 3: -1} {
		got, ok := ix.Selectivity(n)
		if ok != (want > 0) || ok && math.Abs(got-want) > 1e-9 {
			t.Errorf("Selectivity(%d) = %v, %v", n, got, ok)
		}
	}
	for _, stat := range [][]int64{nil, {0, 1}, {-1, 1}} {
		if _, ok := (&Index{Stat: stat}).Selectivity(1); ok {
			t.Errorf("%v has a selectivity", stat)
		}
	}
	if got, _ := (&Index{Stat: []int64{1, 5}}).Selectivity(1); got != 1 {
		t.Errorf("got %v", got)
	}
}

func TestRedundant(t *testing.T) {
	a, b := Key{Name: "a", Collation: "BINARY"}, Key{Name: "b", Collation: "BINARY"}
	index := func(name string, keys ...Key) *Index { return &Index{Name: name, Origin: "c", Columns: keys} }
	with := func(ix *Index, f func(*Index)) *Index { f(ix); return ix }
	unique := func(ix *Index) { ix.Unique = true }
	partial := func(ix *Index) { ix.Partial = true }
	key := func(ix *Index) { ix.Origin, ix.Unique = "pk", true }
	for _, c := range []struct {
		what      string
		ix, other *Index
		want      bool
	}{
		{"prefix", index("x", a), index("y", a, b), true},
		{"no prefix", index("x", b), index("y", a, b), false},
		{"longer", index("x", a, b), index("y", a), false},
		{"equal, earlier", index("x", a), index("y", a), false},
		{"equal, later", index("y", a), index("x", a), true},
		{"equal to a key", index("a", a), with(index("z", a), key), true},
		{"equal to a unique one", index("a", a), with(index("z", a), unique), true},
		{"unique", with(index("x", a), unique), index("y", a, b), false},
		{"a key", with(index("x", a), key), index("y", a, b), false},
		{"partial", with(index("x", a), partial), index("y", a, b), false},
		{"of a partial one", index("x", a), with(index("y", a, b), partial), false},
		{"other direction", index("x", Key{Name: "a", Collation: "BINARY", Desc: true}), index("y", a, b), false},
		{"other collation", index("x", Key{Name: "a", Collation: "NOCASE"}), index("y", a, b), false},
		{"spelled otherwise", index("x", Key{Name: "A", Collation: "binary"}), index("y", a, b), true},
		{"expression", index("x", Key{Expression: true}), index("y", Key{Expression: true}, b), false},
		{"before an expression", index("x", a), index("y", a, Key{Expression: true}), true},
	} {
		if got := c.ix.Redundant(c.other); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
	if x := index("x", a); x.Redundant(x) {
		t.Error("an index is redundant to itself")
	}
}

// TestRedundantLeavesOne: whatever indexes a table has, dropping every redundant one leaves for each
// an index that begins with its columns.
func TestRedundantLeavesOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching("[a-z]{3}"), 1, 6, rapid.ID[string]).Draw(t, "names")
		var all, kept []*Index
		for _, name := range names {
			ix := &Index{Name: name, Origin: "c", Unique: rapid.IntRange(0, 4).Draw(t, "unique") == 0}
			for _, column := range rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b"}), 1, 3).Draw(t, "columns") {
				ix.Columns = append(ix.Columns, Key{Name: column, Collation: "BINARY"})
			}
			all = append(all, ix)
		}
		begins := func(long, short *Index) bool {
			if len(long.Columns) < len(short.Columns) {
				return false
			}
			for i, k := range short.Columns {
				if long.Columns[i] != k {
					return false
				}
			}
			return true
		}
		for _, ix := range all {
			redundant := false
			for _, other := range all {
				redundant = redundant || ix.Redundant(other)
			}
			if !redundant {
				kept = append(kept, ix)
			}
		}
		for _, ix := range all {
			served := false
			for _, other := range kept {
				served = served || begins(other, ix)
			}
			if !served {
				t.Fatalf("nothing is left for %s of %v", ix.Name, all)
			}
		}
	})
}

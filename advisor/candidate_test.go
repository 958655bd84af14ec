package advisor

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sqliteperf/sqliteperf/internal/predicate"
	"github.com/sqliteperf/sqliteperf/internal/schema"
)

// TestCandidateNames: whatever a table and its columns are called, the index has a name of at most
// 63 plain bytes, and the statement that makes it and the one that drops it are executed by SQLite.
func TestCandidateNames(t *testing.T) {
	db, err := sql.Open("sqlite", ":memory:")
	must(t, err)
	defer db.Close()
	db.SetMaxOpenConns(1)
	name := rapid.OneOf(rapid.StringMatching(`[a-z_]{1,40}`), rapid.SampledFrom([]string{"order", "select", "a b", `q"q`, "q'q", "名前", "😀", "new\nline", "[x]", "rowid", "Sqliteperf", "x.y"}))
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(name, 2, 4, strings.ToLower).Draw(t, "names")
		table, columns := names[0], names[1:]
		if strings.HasPrefix(table, "sqlite_") {
			t.Skip()
		}
		c := candidate{table: &schema.Table{Name: table}}
		var quoted []string
		for _, column := range columns {
			k := schema.Key{Name: column, Desc: rapid.Bool().Draw(t, "desc"), Collation: rapid.SampledFrom([]string{"", "NOCASE"}).Draw(t, "collation")}
			c.keys, quoted = append(c.keys, k), append(quoted, `"`+strings.ReplaceAll(column, `"`, `""`)+`"`)
		}
		if n := c.name(); len(n) > 63 || !plainName(n) {
			t.Fatalf("%q is no name", n)
		}
		for _, text := range []string{
			fmt.Sprintf(`CREATE TABLE "%s"(%s)`, strings.ReplaceAll(table, `"`, `""`), strings.Join(quoted, ", ")),
			c.sql(c.name()), "ANALYZE " + quoteName(c.name()), "DROP INDEX " + quoteName(c.name()), "DROP TABLE " + quoteName(table),
		} {
			if _, err := db.ExecContext(context.Background(), text); err != nil {
				db.Exec("DROP TABLE " + quoteName(table))
				t.Fatalf("%s: %v", text, err)
			}
		}
	})
}

// TestCandidateNamesDiffer: what plain names would not tell apart has a hash.
func TestCandidateNamesDiffer(t *testing.T) {
	table := &schema.Table{Name: "t"}
	seen := map[string]bool{}
	for _, keys := range [][]schema.Key{
		{{Name: "a"}, {Name: "b"}}, {{Name: "a", Desc: true}, {Name: "b"}}, {{Name: "a"}, {Name: "b", Desc: true}}, {{Name: "a", Collation: "NOCASE"}, {Name: "b"}},
		{{Name: "名"}}, {{Name: "前"}}, {{Name: strings.Repeat("x", 70)}}, {{Name: strings.Repeat("x", 71)}},
	} {
		n := candidate{table: table, keys: keys}.name()
		if seen[n] {
			t.Errorf("%q twice", n)
		}
		seen[n] = true
	}
	ab, a_b := candidate{table: table, keys: []schema.Key{{Name: "a"}, {Name: "b"}}}, candidate{table: table, keys: []schema.Key{{Name: "a_b"}}, taken: true}
	if ab.name() == a_b.name() {
		t.Errorf("%q twice", ab.name())
	}
}

// TestAccessesLeaveBlocks: looking for candidates does not change the statement.
func TestAccessesLeaveBlocks(t *testing.T) {
	s := &schema.Schema{Tables: []*schema.Table{{Name: "t", Rows: -1, Columns: []schema.Column{{Name: "a"}, {Name: "b"}}}}}
	read, err := predicate.Read("SELECT DISTINCT a AS b, b AS a FROM t GROUP BY b, a ORDER BY a DESC")
	must(t, err)
	b := read.Blocks[0]
	results, groups := slices.Clone(b.Results), slices.Clone(b.GroupBy)
	accesses(s, read)
	if !slices.Equal(results, b.Results) || !slices.Equal(groups, b.GroupBy) {
		t.Error("results or groups changed")
	}
}

func TestResolve(t *testing.T) {
	s := &schema.Schema{Tables: []*schema.Table{
		{Name: "T", RowidColumn: "Id", Columns: []schema.Column{{Name: "Id"}, {Name: "g", Generated: true}, {Name: "A"}}},
		{Name: "u", Columns: []schema.Column{{Name: "a"}, {Name: "rowid"}}},
	}}
	tables := []predicate.Table{{Alias: "s"}, {Name: "t", Alias: "x"}, {Name: "U", Alias: "U"}, {Name: "cte", Alias: "cte"}}
	for _, c := range [][4]string{
		{"", "a", "T", "A"}, {"u", "A", "u", "a"}, {"X", "oid", "T", "rowid"}, {"t", "id", "T", "Id"}, {"u", "rowid", "u", "rowid"},
		{"", "#0", "T", "Id"}, {"", "#1", "T", "A"}, {"u", "#1", "u", "rowid"}, {"", "missing", "", ""}, {"s", "a", "", ""}, {"cte", "a", "", ""}, {"", "#x", "", ""},
	} {
		table, name := resolve(s, tables, c[0], c[1])
		got := ""
		if table != nil {
			got = table.Name
		}
		if got != c[2] || name != c[3] {
			t.Errorf("%s.%s is %s.%s", c[0], c[1], got, name)
		}
	}
}

// TestUsedAreColumns: what an outer block reads of a subquery's expression is no column of the table. SQLite would take
// the quoted expression for a string, and the index would hold it in each row.
func TestUsedAreColumns(t *testing.T) {
	table := &schema.Table{Name: "t", Rows: -1, Columns: []schema.Column{{Name: "a"}, {Name: "b"}, {Name: "c"}}}
	s := &schema.Schema{Tables: []*schema.Table{table}}
	for _, text := range []string{
		"SELECT x, sum(y) FROM (SELECT a * (1 - b) AS y, substr(c, 1, 2) AS x FROM t WHERE a = ?) GROUP BY x",
		"WITH w AS (SELECT lower(c) AS x, a FROM t) SELECT x FROM w WHERE x = ? ORDER BY a",
		"SELECT lower(c) FROM t WHERE lower(c) = ?",
	} {
		read, err := predicate.Read(text)
		must(t, err)
		for _, a := range accesses(s, read) {
			for _, name := range a.used {
				if _, ok := table.Column(name); !ok {
					t.Errorf("%s: uses %q", text, name)
				}
			}
		}
	}
}

package plan

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
	_ "modernc.org/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const schema = `
CREATE TABLE t(id INTEGER PRIMARY KEY, a, b, c);
CREATE INDEX t_a ON t(a);
CREATE INDEX t_bc ON t(b, c);
CREATE INDEX t_part ON t(c) WHERE b = 1;
CREATE INDEX t_lower ON t(lower(c));
CREATE TABLE u(id INTEGER PRIMARY KEY, t, x);
CREATE TABLE w(k TEXT PRIMARY KEY, v) WITHOUT ROWID;
CREATE VIEW v AS SELECT a, count(*) AS n FROM t GROUP BY a;
CREATE VIRTUAL TABLE f USING fts5(body);
CREATE TABLE "my table (x) USING INDEX y"("a b", "c (d", e);
CREATE INDEX "ix (q) ""z""" ON "my table (x) USING INDEX y"("a b");
CREATE INDEX "ix 名 (a=?)" ON "my table (x) USING INDEX y"(e);
CREATE TABLE "SCAN"(x, y);
CREATE INDEX "COVERING INDEX" ON "SCAN"(x);`

// shapes are statements and what each node of their plan is, as render writes it.
var shapes = []struct{ sql, want string }{
	{"SELECT * FROM t", "scan t"},
	{"SELECT a FROM t", "scan t by t_a covering"},
	{"SELECT * FROM t ORDER BY b", "scan t by t_bc"},
	{"SELECT * FROM t WHERE id = 1", "search t rowid"},
	{"SELECT * FROM t WHERE rowid > 1", "search t rowid"},
	{"SELECT v FROM w WHERE k = 1", "search w rowid"},
	{"SELECT * FROM w", "scan w"},
	{"SELECT * FROM t AS z WHERE a = 1", "search z by t_a"},
	{"SELECT a FROM t WHERE a BETWEEN 1 AND 2", "search t by t_a covering"},
	{"SELECT * FROM t WHERE (b, c) > (1, 2)", "search t by t_bc"},
	{"SELECT * FROM t WHERE b = 2 AND c IN (1, 2)", "search t by t_bc"},
	{"SELECT * FROM t WHERE lower(c) = 'x'", "search t by t_lower"},
	{"SELECT id FROM t INDEXED BY t_part WHERE b = 1", "scan t by t_part"},
	{"SELECT max(a) FROM t", "search t by t_a covering"},
	{"SELECT * FROM t JOIN u ON u.t = t.id", "scan u, search t rowid"},
	{"SELECT * FROM t JOIN u ON u.x = t.c", "scan t, other, search u automatic covering"},
	{"SELECT * FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.x = t.a AND u.t = 1)", "scan t, other, search u automatic covering"},
	{"SELECT * FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.a)", "scan t, search u rowid"},
	{"SELECT * FROM t WHERE a = 1 OR b = 2", "other, .other, ..search t by t_a, .other, ..search t by t_bc"},
	{"SELECT * FROM t WHERE a = 1 OR id = 2", "other, .other, ..search t by t_a, .other, ..search t rowid"},
	{"SELECT * FROM t ORDER BY c", "scan t, sort ORDER BY"},
	{"SELECT * FROM t ORDER BY b, c, a", "scan t by t_bc, sort LAST TERM OF ORDER BY"},
	{"SELECT * FROM t ORDER BY b, a, c", "scan t by t_bc, sort LAST 2 TERMS OF ORDER BY"},
	{"SELECT c, count(*) FROM t GROUP BY c", "scan t by t_bc covering, sort GROUP BY"},
	{"SELECT DISTINCT c FROM t", "scan t by t_bc covering, sort DISTINCT"},
	{"SELECT count(DISTINCT c) FROM t", "sort count(DISTINCT), scan t by t_bc covering"},
	{"SELECT * FROM t LEFT JOIN u ON u.id = t.a", "scan t, search u rowid"},
	{"SELECT * FROM t FULL JOIN u ON u.x = t.a", "scan t, scan u, other, .scan u"},
	{"SELECT * FROM t RIGHT JOIN u ON u.id = t.a", "scan t, search u rowid, other, .scan u"},
	{"WITH q AS MATERIALIZED (SELECT a FROM t) SELECT * FROM q", "other, .scan t by t_a covering, scan q"},
	{"SELECT * FROM v WHERE n > 1", "other, .scan t by t_a covering, scan v"},
	{"SELECT sum(a) OVER (ORDER BY c) FROM t", "other, .scan t, .sort ORDER BY, scan (subquery-2)"},
	{"SELECT a FROM t UNION ALL SELECT x FROM u", "other, .other, ..scan t by t_a covering, .other, ..scan u"},
	{"SELECT a FROM t UNION SELECT x FROM u", "other, .other, ..scan t by t_a covering, .other, ..scan u, ..sort ORDER BY"},
	{"SELECT (SELECT x FROM u WHERE u.id = t.a) FROM t", "scan t by t_a covering, other, .search u rowid"},
	{"SELECT * FROM t WHERE a IN (SELECT x FROM u)", "search t by t_a, other, .scan u"},
	{"SELECT * FROM f WHERE f MATCH 'x'", "scan f"},
	{"SELECT * FROM json_each('[1]')", "scan json_each"},
	{"SELECT 1", "other"},
	{"VALUES (1), (2)", "other"},
	{"UPDATE t SET b = 1 WHERE a = 1", "search t by t_a"},
	{"DELETE FROM t WHERE c = 1", "scan t"},
	{`SELECT * FROM "my table (x) USING INDEX y" WHERE "a b" = 1`, `search my table (x) USING INDEX y by ix (q) "z"`},
	{`SELECT "a b" FROM "my table (x) USING INDEX y"`, `scan my table (x) USING INDEX y by ix (q) "z" covering`},
	{`SELECT * FROM "my table (x) USING INDEX y" WHERE e = 1`, "search my table (x) USING INDEX y by ix 名 (a=?)"},
	{`SELECT * FROM "SCAN" WHERE x > 1`, "search SCAN by COVERING INDEX"},
}

// TestParse reads the plans that SQLite makes of every shape.
func TestParse(t *testing.T) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(schema); err != nil {
		t.Fatal(err)
	}
	for _, c := range shapes {
		rows, err := explain(t.Context(), db, c.sql)
		if err != nil {
			t.Errorf("%s\n%v", c.sql, err)
			continue
		}
		p := Parse(rows)
		if got := render(p); got != c.want {
			t.Errorf("%s\n got %s\nwant %s\n%s", c.sql, got, c.want, p)
		}
	}
}

func explain(ctx context.Context, db *sql.DB, text string) ([]Row, error) {
	rows, err := db.QueryContext(ctx, "EXPLAIN QUERY PLAN "+text)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Row
	for rows.Next() {
		var r Row
		var unused int
		if err := rows.Scan(&r.ID, &r.Parent, &unused, &r.Detail); err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, rows.Err()
}

func render(p Plan) string {
	var nodes []string
	for _, n := range p {
		words := []string{strings.Repeat(".", n.Depth) + map[Op]string{Other: "other", Scan: "scan", Search: "search", TempBTree: "sort"}[n.Op]}
		for _, word := range []struct {
			text string
			set  bool
		}{
			{n.Table, n.Table != ""}, {n.Purpose, n.Purpose != ""}, {"by " + n.Index, n.Index != ""}, {"automatic", n.Automatic},
			{"covering", n.Covering}, {"rowid", n.Rowid},
		} {
			if word.set {
				words = append(words, word.text)
			}
		}
		nodes = append(nodes, strings.Join(words, " "))
	}
	return strings.Join(nodes, ", ")
}

// TestParseUnknown: what a later SQLite may say is kept as text and means nothing.
func TestParseUnknown(t *testing.T) {
	p := Parse([]Row{{2, 0, "HOP t SIDEWAYS"}, {3, 2, "SCAN"}, {9, 0, ""}, {10, 0, "SEARCH t USING MAGIC (x)"}})
	want := []string{"HOP t SIDEWAYS", "  SCAN", "", "SEARCH t USING MAGIC (x)"}
	if got := p.Lines(); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if got := render(p); got != "other, .scan, other, search t USING MAGIC (x)" {
		t.Errorf("got %s", got)
	}
}

func TestUses(t *testing.T) {
	p := Parse([]Row{{2, 0, "SCAN t"}, {3, 0, "SEARCH u USING INDEX Ü_x (x=?)"}})
	if !p.Uses("Ü_X") || p.Uses("") || p.Uses("t") {
		t.Errorf("Uses is wrong about\n%s", p)
	}
}

func TestWasteful(t *testing.T) {
	for detail, want := range map[string]bool{
		"SCAN t": true, "SCAN t USING COVERING INDEX i": true, "USE TEMP B-TREE FOR GROUP BY": true,
		"SEARCH t USING AUTOMATIC COVERING INDEX (x=?)": true, "SEARCH t USING INDEX i (x=?)": false, "SCAN CONSTANT ROW": false,
		"SCAN 2-ROW VALUES CLAUSE": false, "MULTI-INDEX OR": false,
	} {
		if got := Parse([]Row{{1, 0, detail}}).Wasteful(); got != want {
			t.Errorf("Wasteful of %q is %v", detail, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, detail := range []string{"SCAN t", "SEARCH t USING INDEX i (a=?)", "SEARCH t USING INDEX i)", " USING INDEX (", "SEARCH  USING COVERING INDEX  ("} {
		f.Add(detail)
	}
	f.Fuzz(func(t *testing.T, detail string) {
		p := Parse([]Row{{1, 0, detail}})
		if p[0].Detail != detail || !strings.Contains(detail, p[0].Table) || !strings.Contains(detail, p[0].Index) {
			t.Fatalf("%q is read as %+v", detail, p[0])
		}
	})
}

package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sqliteperf/sqliteperf/internal/schema"
)

// describe writes a table in short: its name and what it is, columns, indexes, foreign keys.
func describe(t *schema.Table) string {
	flag := func(set bool, text string) string {
		if set {
			return text
		}
		return ""
	}
	words := []string{t.Name + flag(t.View, " view") + flag(t.Virtual, " virtual") + flag(t.Shadow, " shadow") +
		flag(t.WithoutRowid, " without rowid") + flag(t.RowidColumn != "", " rowid="+t.RowidColumn) + fmt.Sprintf(" rows=%d", t.Rows)}
	for _, c := range t.Columns {
		words = append(words, c.Name+flag(c.Type != "", ":"+c.Type)+flag(c.NotNull, "!")+flag(c.PrimaryKey > 0, fmt.Sprintf("*%d", c.PrimaryKey))+
			flag(c.Hidden, "?")+flag(c.Generated, "="))
	}
	for _, ix := range t.Indexes {
		var keys []string
		for _, k := range ix.Columns {
			keys = append(keys, k.Name+flag(k.Expression, "<expr>")+flag(k.Desc, "-")+flag(k.Collation != "BINARY", "@"+k.Collation))
		}
		words = append(words, ix.Origin+flag(ix.Unique, " unique")+flag(ix.Partial, " partial")+flag(ix.SQL == "", " automatic")+
			"("+strings.Join(keys, ",")+")"+flag(ix.Stat != nil, fmt.Sprint(ix.Stat)))
	}
	for _, f := range t.ForeignKeys {
		words = append(words, strings.Join(f.Columns, ",")+"→"+f.Parent)
	}
	return strings.Join(words, " | ")
}

var inspected = []struct{ name, sql, want string }{
	{"rowid alias", `CREATE TABLE t(Id INTEGER PRIMARY KEY, a INT NOT NULL)`, "t rowid=Id rows=0 | Id:INTEGER*1 | a:INT!"},
	{"rowid alias by constraint", `CREATE TABLE t(id integer, PRIMARY KEY(id DESC))`, "t rowid=id rows=0 | id:INTEGER*1"},
	{"INT is no alias", `CREATE TABLE t(id INT PRIMARY KEY)`, "t rows=0 | id:INT*1 | pk unique automatic(id)"},
	{"DESC is no alias", `CREATE TABLE t(id INTEGER PRIMARY KEY DESC)`, "t rows=0 | id:INTEGER*1 | pk unique automatic(id-)"},
	{"autoincrement", `CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO t DEFAULT VALUES`, "t rowid=id rows=1 | id:INTEGER*1"},
	{"two key columns", `CREATE TABLE t(a INTEGER, b TEXT COLLATE NOCASE, PRIMARY KEY(b, a))`, "t rows=0 | a:INTEGER*2 | b:TEXT*1 | pk unique automatic(b@NOCASE,a)"},
	{"without rowid", `CREATE TABLE t(k INTEGER PRIMARY KEY, v) WITHOUT ROWID`, "t without rowid rows=0 | k:INTEGER!*1 | v | pk unique automatic(k)"},
	{"strict", `CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b ANY) STRICT`, "t rowid=id rows=0 | id:INTEGER*1 | a:TEXT | b:ANY"},
	{"generated", `CREATE TABLE t(a, b AS (a + 1), c INT GENERATED ALWAYS AS (a * 2) STORED, d)`, "t rows=0 | a | b= | c:INT= | d"},
	{"unique", `CREATE TABLE t(a UNIQUE, b, UNIQUE(b, a))`, "t rows=0 | a | b | u unique automatic(a) | u unique automatic(b,a)"},
	{"indexes", `CREATE TABLE t(a, b COLLATE nocase, c);
		CREATE INDEX i1 ON t(a DESC, b); CREATE UNIQUE INDEX i2 ON t(b COLLATE RTRIM); CREATE INDEX i3 ON t(lower(b), c) WHERE c IS NULL`,
		"t rows=0 | a | b | c | c(a-,b@nocase) | c unique(b@RTRIM) | c partial(<expr>,c)"},
	{"foreign keys", `CREATE TABLE p(a, b, UNIQUE(a, b)); CREATE TABLE t(x, y, z REFERENCES missing, FOREIGN KEY(y, x) REFERENCES p(a, b))`,
		"t rows=0 | x | y | z | y,x→p | z→missing"},
	{"view", `CREATE TABLE u(a); CREATE VIEW t AS SELECT a, 1 AS b FROM u`, "t view rows=-1 | a:BLOB | b"},
	{"broken view", `CREATE VIEW t AS SELECT unheard(a) FROM nowhere`, "t view rows=-1"},
	{"virtual", `CREATE VIRTUAL TABLE t USING fts5(body)`, "t virtual rows=-1"},
	{"hostile names", "CREATE TABLE \"t\"(\"a \"\"b\"\"\" INT, [select] TEXT, `x'y\nz` , 名前, 😀 AS (1)); CREATE INDEX \"i'x\" ON t(\"a \"\"b\"\"\", 名前 DESC)",
		"t rows=0 | a \"b\":INT | select:TEXT | x'y\nz | 名前 | 😀= | c(a \"b\",名前-)"},
	{"statistics", rows + `; CREATE INDEX i1 ON t(k); CREATE INDEX i2 ON t(s) WHERE k = 3; ANALYZE`,
		"t rowid=id rows=5000 | id:INTEGER*1 | k:INT | s:TEXT | x:BLOB | c(k)[5000 100] | c partial(s)[100 1]"},
	{"statistics of the table alone", rows + `; CREATE INDEX i ON t(s) WHERE k = 3; ANALYZE`,
		"t rowid=id rows=5000 | id:INTEGER*1 | k:INT | s:TEXT | x:BLOB | c partial(s)[100 1]"},
	{"statistics with words", rows + `; CREATE INDEX i1 ON t(k); ANALYZE; UPDATE sqlite_stat1 SET stat = '70 7 unordered sz=5'`,
		"t rowid=id rows=70 | id:INTEGER*1 | k:INT | s:TEXT | x:BLOB | c(k)[70 7]"},
	{"counted up to a limit", `CREATE TABLE t(a); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000) INSERT INTO t SELECT i FROM n`,
		"t rows=10000 | a"},
}

func TestSchema(t *testing.T) {
	for _, c := range inspected {
		s, err := opened(t, create(t, c.sql)).Schema(t.Context())
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		table := s.Table("t")
		if table == nil {
			t.Errorf("%s: no table t", c.name)
			continue
		}
		if diff := cmp.Diff(c.want, describe(table)); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
	}
}

// TestSchemaHostileTables reads tables with names that need quoting, and finds them all.
func TestSchemaHostileTables(t *testing.T) {
	names := []string{"a b", `q"q`, "q'q", "order", "名前", "😀", "new\nline", "percent%_", "[x", "-- x", "x;y", "sqliteperf_", "Sqlite"}
	var statements []string
	for _, name := range names {
		statements = append(statements, fmt.Sprintf("CREATE TABLE %[1]s(%[1]s INTEGER PRIMARY KEY, b); CREATE INDEX %[2]s ON %[1]s(b)", quote(name), quote("i "+name)))
	}
	path := create(t, append(statements, "ANALYZE")...)
	db := opened(t, path)
	s, err := db.Schema(t.Context())
	must(t, err)
	if len(s.Tables) != len(names) || !s.Analyzed {
		t.Errorf("%d tables, analyzed %v", len(s.Tables), s.Analyzed)
	}
	for _, name := range names {
		table := s.Table(name)
		if table == nil || table.RowidColumn != name || len(table.Indexes) != 1 || table.Indexes[0].Name != "i "+name {
			t.Errorf("%q is read as %+v", name, table)
			continue
		}
		if _, err := db.Values(t.Context(), name, []string{name}, 3); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	version := s.Version
	run(t, bare(t, path), `DROP INDEX "i a b"`)
	if s, err = db.Schema(t.Context()); err != nil || s.Version == version {
		t.Errorf("version %d, before %d, %v", s.Version, version, err)
	}
}

// TestSchemaOfOthers: what is missing here, such as modules and collations, is no reason to fail.
func TestSchemaOfOthers(t *testing.T) {
	path := create(t, rows, "CREATE VIEW v AS SELECT * FROM t", "PRAGMA writable_schema = on",
		`INSERT INTO sqlite_schema VALUES ('table', 'm', 'm', 0, 'CREATE VIRTUAL TABLE m USING unknown(x)')`,
		`UPDATE sqlite_schema SET sql = 'CREATE TABLE t(id INTEGER PRIMARY KEY, k INT, s TEXT COLLATE mine, x BLOB DEFAULT (own(1)))' WHERE name = 't'`)
	db := opened(t, path)
	s, err := db.Schema(t.Context())
	must(t, err)
	if !s.Table("m").Virtual || s.Table("t").Rows != 5000 {
		t.Errorf("%+v", s.Tables)
	}
	sample, err := db.Sample(t.Context(), s)
	must(t, err)
	defer sample.Close()
	if failed := fmt.Sprint(sample.Fails); !strings.Contains(failed, "its module is the application") {
		t.Errorf("failed %v", failed)
	}
}

// TestValues draws from columns as they are stored: text that looks like a time stays text.
func TestValues(t *testing.T) {
	db := opened(t, create(t, `CREATE TABLE t(id INTEGER PRIMARY KEY, at DATETIME, n INT, none)`,
		`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
		INSERT INTO t SELECT i, '2024-01-02 03:04:05', nullif(i % 3, 0), NULL FROM n`,
		`CREATE TABLE w(k TEXT PRIMARY KEY) WITHOUT ROWID`, `INSERT INTO w VALUES ('a'), ('b')`, `CREATE TABLE e(a)`))
	draw := func(table, column string) []any {
		drawn, err := db.Values(context.Background(), table, []string{column}, 16)
		must(t, err)
		var list []any
		for _, row := range drawn {
			list = append(list, row...)
		}
		return list
	}
	for _, v := range draw("t", "at") {
		if v != any("2024-01-02 03:04:05") {
			t.Errorf("drew %v (%T)", v, v)
		}
	}
	for _, v := range draw("t", "n") {
		if v != any(int64(1)) && v != any(int64(2)) {
			t.Errorf("drew %v", v)
		}
	}
	both, err := db.Values(t.Context(), "t", []string{"id", "n"}, 16)
	must(t, err)
	for _, row := range both {
		if row[0].(int64)%3 != row[1].(int64) {
			t.Errorf("%v are not of one row", row)
		}
	}
	if n := []int{len(draw("t", "id")), len(draw("t", "none")), len(draw("w", "k")), len(draw("e", "a"))}; !cmp.Equal(n, []int{16, 0, 2, 0}) {
		t.Errorf("drew %v values", n)
	}
	if _, err := db.Values(t.Context(), "missing", []string{"a"}, 3); err == nil || err == sql.ErrNoRows {
		t.Errorf("got %v", err)
	}
}

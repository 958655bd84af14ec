package advisor

import (
	"slices"
	"strings"
	"testing"
	"time"

	diffs "github.com/google/go-cmp/cmp"
)

// hostile is a database in which no schema rule has anything to say.
const hostile = `CREATE TABLE "select"("from" INTEGER PRIMARY KEY, "a""b" TEXT, g AS ("from" * 2) STORED);
	CREATE TABLE strict_one(id INTEGER PRIMARY KEY, at TEXT) STRICT;
	CREATE TABLE "größe"(a TEXT, b TEXT, PRIMARY KEY(a, b)) WITHOUT ROWID;
	CREATE VIEW "v w" AS SELECT * FROM "select";
	CREATE VIEW broken AS SELECT * FROM gone;
	CREATE VIRTUAL TABLE words USING fts5(text);
	CREATE TABLE tiny_int(id INT PRIMARY KEY);
	CREATE TABLE tiny_pair(a, b, PRIMARY KEY(a, b));`

func TestDesignRulesAreSilent(t *testing.T) {
	sequential(t)
	path := create(t, hostile, filled(`"select"("from", "a""b")`, 3000, "i, 'x' || i"), filled(`"größe"`, 3000, "i, i % 7"),
		filled("words", 100, "'word ' || i"), filled("strict_one", 2000, "i, '2024-01-02 03:04:05'"))
	for _, rule := range slices.Concat(foreignKeyRules, schemaRules) {
		if got := subjects(advise(t, rule.code(), path, `SELECT "a""b" FROM "select" WHERE "from" > 5`, nil)); got != "" {
			t.Errorf("%s: advised on %s", rule.code(), got)
		}
	}
}

func TestRowidAlias(t *testing.T) {
	for _, c := range []struct{ name, schema, values, want string }{
		{"INT", "CREATE TABLE t(id INT PRIMARY KEY, x)", "i, i", "t(id) proposed"},
		{"a table constraint", "CREATE TABLE t(x, id BIGINT(20) NOT NULL, CONSTRAINT k PRIMARY KEY(id))", "i, i", "t(id) proposed"},
		{"quoted", `CREATE TABLE "t"("id" unsigned big int PRIMARY KEY ON CONFLICT REPLACE, x)`, "i, i", "t(id) proposed"},
		{"STRICT", "CREATE TABLE t(id INT PRIMARY KEY, x TEXT) STRICT", "i, i", "t(id) proposed"},
		{"the rowid", "CREATE TABLE t(id INTEGER PRIMARY KEY, x)", "i, i", ""},
		{"descending", "CREATE TABLE t(id INTEGER PRIMARY KEY DESC, x)", "i, i", ""},
		{"text", "CREATE TABLE t(id TEXT PRIMARY KEY, x)", "i, i", ""},
		{"two columns", "CREATE TABLE t(id INT, x INT, PRIMARY KEY(id, x))", "i, i", ""},
		{"without rowid", "CREATE TABLE t(id INT PRIMARY KEY, x) WITHOUT ROWID", "i, i", ""},
		{"not all are numbers", "CREATE TABLE t(id INT PRIMARY KEY, x)", "iif(i = 1999, 'x', i), i", ""},
	} {
		path := create(t, c.schema, filled("t", 2000, c.values))
		list := advise(t, "SC01", path, "", nil)
		if got := subjects(list); got != c.want {
			t.Errorf("%s: advised on %q, want %q", c.name, got, c.want)
		}
		for _, r := range list {
			migrated(t, path, r, "t")
			if again := advise(t, "SC01", path, "", nil); len(again) != 0 {
				t.Errorf("%s: advised again after %s", c.name, r.Rewrite.After)
			}
		}
	}
}

// migrated runs a migration, after which the table has the same rows, indexes and triggers.
func migrated(t *testing.T, path string, r *Recommendation, table string) {
	t.Helper()
	db := opened(t, "sqlite", path)
	db.SetMaxOpenConns(1)
	look := func() []string {
		list := column(t, db, "SELECT type || ' ' || name || ' ' || coalesce(iif(type = 'table', '', sql), '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite_auto%' ORDER BY 1")
		for _, name := range column(t, db, "SELECT name FROM pragma_table_info('"+table+"')") {
			list = append(list, column(t, db, "SELECT quote("+quoteName(name)+") FROM "+quoteName(table)+" ORDER BY 1")...)
		}
		return list
	}
	before := look()
	if _, err := db.Exec(r.Rewrite.After); err != nil {
		t.Fatalf("%v:\n%s", err, r.Rewrite.After)
	}
	if diff := diffs.Diff(before, look()); diff != "" {
		t.Error(diff)
	}
	if problems := column(t, db, "PRAGMA integrity_check"); !slices.Equal(problems, []string{"ok"}) {
		t.Error(problems)
	}
}

// TestMigrationKeepsWhatIsAround: indexes, triggers, views on views and references of other tables.
func TestMigrationKeepsWhatIsAround(t *testing.T) {
	path := create(t, `CREATE TABLE "the t"(id INT PRIMARY KEY, "a b" TEXT UNIQUE, boss REFERENCES "the t", g AS (id + 1));
		CREATE TABLE log(x); CREATE TABLE child(p REFERENCES "the t"(id));
		CREATE INDEX i ON "the t"("a b", id DESC); CREATE UNIQUE INDEX "j""k" ON "The T"(lower("a b")) WHERE id > 3;
		CREATE VIEW v AS SELECT * FROM "the t"; CREATE VIEW w AS SELECT * FROM v;
		CREATE TRIGGER g AFTER INSERT ON "the t" BEGIN INSERT INTO log VALUES (NEW.id); UPDATE "the t" SET boss = NULL WHERE id = NEW.id; END;
		CREATE TRIGGER h INSTEAD OF DELETE ON v BEGIN DELETE FROM "the t" WHERE id = OLD.id; END;
		CREATE TRIGGER o AFTER INSERT ON log BEGIN DELETE FROM "the t" WHERE id = -NEW.x; END`,
		filled(`"the t"`, 1500, "i, 'n' || i, 1"), "INSERT INTO child SELECT id FROM \"the t\"")
	list := advise(t, "SC01", path, "", nil)
	if len(list) != 1 {
		t.Fatal(subjects(list))
	}
	migrated(t, path, list[0], "the t")
}

// TestHostileNames: no rule fails on what it cannot follow, and none has anything to say of it.
func TestHostileNames(t *testing.T) {
	if underRace {
		t.Skip("two minutes of replays in one goroutine; it runs without the race detector")
	}
	path := create(t, hostile, filled(`"select"("from", "a""b")`, 3000, "i, 'x' || i"), filled(`"größe"`, 3000, "i, i % 7"))
	workload := strings.Join([]string{
		`SELECT * FROM "v w" WHERE date("a""b") = '2024-01-01' LIMIT 5 OFFSET 2000`,
		`SELECT text FROM words WHERE words MATCH 'word' ORDER BY rowid LIMIT 5 OFFSET 2000`,
		`SELECT [from] FROM "select" WHERE "from" + 1 = 5 OR g = 7`,
		"SELECT g FROM `select` WHERE \"from\" NOT IN (SELECT id FROM tiny_int)",
		`SELECT a FROM "größe" WHERE b LIKE '%x' UNION SELECT b FROM "größe" WHERE coalesce(a, 1) = 5`,
		`WITH c AS (SELECT * FROM "größe") SELECT * FROM c WHERE date(a) = '2024-01-01'`,
		`INSERT INTO "select"("a""b") VALUES ('it''s ?')`,
		`UPDATE "größe" SET b = 1 WHERE a || b = '12'`,
		`SELECT "from" FROM "select" WHERE ("from", g) > (1, 2) ORDER BY 1 LIMIT 3, 1000`,
	}, "\n")
	for _, rule := range slices.Concat(foreignKeyRules, transactionRules, statementRules, schemaRules) {
		if got := subjects(advise(t, rule.code(), path, workload, nil)); got != "" {
			t.Errorf("%s: advised on %s", rule.code(), got)
		}
		advise(t, rule.code(), path, workload, seenFor(30*24*time.Hour, workload))
	}
}

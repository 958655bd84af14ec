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

func TestKeyTable(t *testing.T) {
	for _, c := range []struct{ name, schema, values, workload, want string }{
		{"m:n", "CREATE TABLE member(user INT, team INT, PRIMARY KEY(user, team))", "i, i % 9", "", "member(user, team) proposed"},
		{"with another index", `CREATE TABLE member("user id" TEXT NOT NULL, team TEXT NOT NULL, PRIMARY KEY(team, "user id")) STRICT; CREATE INDEX i ON member(team)`, "'user number ' || i, 'team ' || (i % 9)", "", "member(user id, team) proposed"},
		{"with columns", "CREATE TABLE member(user, team, since, PRIMARY KEY(user, team))", "i, i % 9, i", "", ""},
		{"without rowid", "CREATE TABLE member(user, team, PRIMARY KEY(user, team)) WITHOUT ROWID", "i, i % 9", "", ""},
		{"one column", "CREATE TABLE member(user TEXT PRIMARY KEY)", "i", "", ""},
		{"no key", "CREATE TABLE member(user, team)", "i, i % 9", "", ""},
		{"NULL in the key", "CREATE TABLE member(user, team, PRIMARY KEY(user, team))", "i, nullif(i % 9, 8)", "", ""},
		{"the rowid is used", "CREATE TABLE member(user, team, PRIMARY KEY(user, team))", "i, i % 9", "SELECT user FROM member WHERE rowid = 7", ""},
		{"long keys, many indexes", "CREATE TABLE member(a, b, c, d, PRIMARY KEY(a, b, c, d)); CREATE INDEX i1 ON member(b); CREATE INDEX i2 ON member(c); CREATE INDEX i3 ON member(d)",
			"i, printf('%050d', i), i % 7, i % 3", "", ""},
	} {
		path := create(t, c.schema, filled("member", 4000, c.values))
		list := advise(t, "SC02", path, c.workload, nil)
		if got := subjects(list); got != c.want {
			t.Errorf("%s: advised on %q, want %q", c.name, got, c.want)
		}
		for _, r := range list {
			if r.Facts[0].Value <= r.Facts[1].Value || r.Facts[1].Value == 0 {
				t.Errorf("%s: %+v", c.name, r.Facts)
			}
			migrated(t, path, r, "member")
			if again := advise(t, "SC02", path, "", nil); len(again) != 0 {
				t.Errorf("%s: advised again after %s", c.name, r.Rewrite.After)
			}
		}
	}
}

func TestRandomKey(t *testing.T) {
	const v4 = "printf('%08x-%04x-4%03x-a%03x-%012x', abs(random()) % 4294967296, i % 65536, i % 4096, i % 4096, i), 'x'"
	const v7 = "printf('%08x-%04x-7%03x-a%03x-%012x', i, i % 65536, i % 4096, i % 4096, i), 'x'"
	for _, c := range []struct {
		name, schema, values string
		rows                 int
		want                 string
	}{
		{"version 4", "CREATE TABLE t(id TEXT PRIMARY KEY, x)", v4, 12000, "t(id) proposed"},
		{"without rowid", "CREATE TABLE t(id TEXT PRIMARY KEY, x) WITHOUT ROWID", v4, 12000, "t(id) proposed"},
		{"version 7", "CREATE TABLE t(id TEXT PRIMARY KEY, x)", v7, 12000, ""},
		{"words", "CREATE TABLE t(id TEXT PRIMARY KEY, x)", "'key ' || i, 'x'", 12000, ""},
		{"few", "CREATE TABLE t(id TEXT PRIMARY KEY, x)", v4, 500, ""},
		{"not the key", "CREATE TABLE t(uuid TEXT, x)", v4, 12000, ""},
		{"beside a rowid", "CREATE TABLE t(uuid TEXT UNIQUE, id INTEGER PRIMARY KEY)", "printf('%08x-%04x-4%03x-a%03x-%012x', i, 1, 1, 1, i), i", 12000, ""},
	} {
		list := advise(t, "SC03", create(t, c.schema, filled("t", c.rows, c.values)), "", nil)
		if got := subjects(list); got != c.want {
			t.Errorf("%s: advised on %q, want %q", c.name, got, c.want)
		}
		if len(list) > 0 && (len(list[0].Facts) != 2 || list[0].Facts[1].Value < 12000*36) {
			t.Errorf("%s: %+v", c.name, list[0].Facts)
		}
	}
}

// TestHostileNames: no rule fails on what it cannot follow, and none has anything to say of it.
func TestHostileNames(t *testing.T) {
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

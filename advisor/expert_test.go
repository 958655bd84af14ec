package advisor

import (
	"strings"
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/sqltext"
	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// expertSchema is what the cases of TestExpert ask: a plain table, one with a key, one WITHOUT ROWID, one with a
// collation, views, and triggers that search a fourth.
const expertSchema = `CREATE TABLE t1(a INTEGER, b TEXT, c INTEGER, d REAL, e TEXT);
	CREATE TABLE t2(x INTEGER PRIMARY KEY, y INTEGER, z TEXT, t1a INTEGER);
	CREATE TABLE t3(k INTEGER, l INTEGER, m TEXT, PRIMARY KEY(k, l)) WITHOUT ROWID;
	CREATE TABLE log(n INTEGER, what TEXT);
	CREATE TABLE nc(id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE, town TEXT, n INTEGER);
	CREATE VIEW v1 AS SELECT a, b, c FROM t1 WHERE d > 5;
	CREATE VIEW v2 AS SELECT a AS q FROM t1 UNION ALL SELECT y FROM t2;
	CREATE TRIGGER t2_deleted AFTER DELETE ON t2 BEGIN DELETE FROM log WHERE n = old.x; END;
	CREATE TRIGGER t2_changed AFTER UPDATE OF z ON t2 BEGIN UPDATE log SET what = new.z WHERE n = old.y; END;`

// expertCases are statements and the indexes that .expert of the sqlite3 program 3.40.1 proposes for
// each over the empty tables, as "table(columns)" with "_" for spaces. https://sqlite.org/cli.html#index_recommendations_sqlite_expert_
var expertCases = []struct{ query, theirs string }{
	{"SELECT * FROM t1 WHERE a = 7", "t1(a)"},
	{"SELECT * FROM t1 WHERE a = 7 AND c = 3", "t1(a,c)"},
	{"SELECT * FROM t1 WHERE a = 7 AND d > 40", "t1(a,d)"},
	{"SELECT * FROM t1 WHERE a > 1990", "t1(a)"},
	{"SELECT * FROM t1 WHERE a BETWEEN 10 AND 20", "t1(a)"},
	{"SELECT * FROM t1 WHERE a IN (1, 2, 3)", "t1(a)"},
	{"SELECT * FROM t1 WHERE a IN (1, 2, 3) AND c = 5", "t1(a,c)"},
	{"SELECT * FROM t1 WHERE a IS NULL", "t1(a)"},
	{"SELECT * FROM t1 WHERE b = 'b7'", "t1(b)"},
	{"SELECT * FROM t1 WHERE b = 'B7' COLLATE NOCASE", "t1(b_COLLATE_NOCASE)"},
	{"SELECT * FROM t1 WHERE b LIKE 'b77%'", "t1(b_COLLATE_NOCASE)"},
	{"SELECT * FROM t1 WHERE a = 7 OR c = 9", "t1(c) t1(a)"},
	{"SELECT * FROM t1 WHERE a = 7 OR b = 'b9'", "t1(b) t1(a)"},
	{"SELECT * FROM t1 WHERE (a = 7 AND c = 1) OR (a = 9 AND d = 3)", "t1(a,d) t1(a,c)"},
	{"SELECT a FROM t1 ORDER BY a", "t1(a)"},
	{"SELECT * FROM t1 ORDER BY a LIMIT 10", "t1(a)"},
	{"SELECT * FROM t1 ORDER BY a DESC LIMIT 10", "t1(a)"},
	{"SELECT * FROM t1 ORDER BY a, c LIMIT 10", "t1(a,c)"},
	{"SELECT * FROM t1 ORDER BY a, c DESC LIMIT 10", "t1(a,c_DESC)"},
	{"SELECT * FROM t1 ORDER BY b COLLATE NOCASE LIMIT 10", ""},
	{"SELECT * FROM t1 WHERE c = 3 ORDER BY a LIMIT 10", "t1(c,a)"},
	{"SELECT * FROM t1 WHERE c = 3 ORDER BY a DESC, d LIMIT 10", "t1(c,a_DESC,d)"},
	{"SELECT a, count(*) FROM t1 GROUP BY a", "t1(a)"},
	{"SELECT a, sum(d) FROM t1 GROUP BY a", "t1(a)"},
	{"SELECT c, max(d) FROM t1 WHERE a = 7 GROUP BY c", "t1(a,c)"},
	{"SELECT DISTINCT a FROM t1", "t1(a)"},
	{"SELECT DISTINCT c FROM t1 WHERE a = 9", "t1(a,c)"},
	{"SELECT min(a) FROM t1", ""},
	{"SELECT max(d) FROM t1 WHERE a = 7", "t1(a,d_DESC)"},
	{"SELECT count(*) FROM t1 WHERE a = 7", "t1(a)"},
	{"SELECT * FROM t1, t2 WHERE t1.a = t2.x AND t2.y = 5", "t1(a) t2(y)"},
	{"SELECT t2.z FROM t2 JOIN t1 ON t1.a = t2.t1a WHERE t1.b = 'b7'", "t2(t1a) t1(b,a)"},
	{"SELECT * FROM t2 LEFT JOIN t1 ON t1.a = t2.x WHERE t2.x < 20", "t1(a)"},
	{"SELECT * FROM t1 JOIN t2 ON t2.t1a = t1.a JOIN t3 ON t3.l = t2.x WHERE t1.c = 3 AND t1.a = 7", "t3(l) t2(t1a) t1(c,a)"},
	{"SELECT * FROM t1 WHERE a IN (SELECT x FROM t2 WHERE y = 3)", "t2(y) t1(a)"},
	{"SELECT * FROM t2 WHERE x < 30 AND EXISTS (SELECT 1 FROM t1 WHERE t1.a = t2.x AND t1.c = 3)", "t1(a,c)"},
	{"SELECT x, (SELECT max(d) FROM t1 WHERE t1.a = t2.x) FROM t2 WHERE x < 30", "t1(a,d_DESC)"},
	{"SELECT * FROM (SELECT a, b, c FROM t1 WHERE a = 7) WHERE c = 3", "t1(a,c)"},
	{"SELECT * FROM v1 WHERE a = 7", "t1(a,d)"},
	{"SELECT * FROM v2 WHERE q = 7", "t2(y) t1(a)"},
	{"WITH s AS (SELECT * FROM t1 WHERE a = 7) SELECT * FROM s JOIN t2 ON t2.y = s.c", "t2(y) t1(a,c)"},
	{"SELECT a FROM t1 WHERE c = 3 UNION SELECT y FROM t2 WHERE z = 'z9'", "t2(z) t1(c)"},
	{"SELECT a FROM t1 WHERE b = 'b9' UNION ALL SELECT x FROM t2 WHERE t1a = 9", "t2(t1a) t1(b)"},
	{"SELECT a FROM t1 WHERE b = 'b9' INTERSECT SELECT y FROM t2 WHERE t1a = 9", "t2(t1a) t1(b)"},
	{"SELECT * FROM t3 WHERE l = 77", "t3(l)"},
	{"SELECT * FROM t3 WHERE k = 7 AND m = 'm7'", "t3(k,m)"},
	{"SELECT * FROM t3 WHERE m = 'm77' ORDER BY l", "t3(m,l)"},
	{"SELECT * FROM nc WHERE name = 'NAME7'", "nc(name)"},
	{"SELECT * FROM nc WHERE town = 'town3' AND name > 'name90' ORDER BY name", "nc(town,name)"},
	{"SELECT * FROM nc WHERE name LIKE 'name77%'", "nc(name)"},
	{"UPDATE t1 SET d = 1 WHERE a = 7", "t1(a)"},
	{"UPDATE t2 SET z = 'new' WHERE t1a = 7", "log(n) t2(t1a)"},
	{"DELETE FROM t1 WHERE a = 7 AND d < 3", "t1(a,d)"},
	{"DELETE FROM t2 WHERE y = 7", "log(n) t2(y)"},
	{"INSERT INTO log SELECT a, b FROM t1 WHERE c = 3 AND a = 9", "t1(c,a)"},
	{"SELECT sum(n) FROM nc WHERE town = 'town3'", "nc(town)"},
	{"SELECT * FROM t1 WHERE a = 7 AND b > 'b5' ORDER BY b", "t1(a,b)"},
	{"SELECT a, c, count(*) FROM t1 GROUP BY a, c", "t1(a,c)"},
	{"SELECT * FROM t1 WHERE a = 7 AND c BETWEEN 3 AND 5 AND d > 10", "t1(a,c)"},
}

// firesTriggers are the cases whose first index is for the statements of a trigger, which are not read.
var firesTriggers = map[string]bool{"UPDATE t2 SET z = 'new' WHERE t1a = 7": true, "DELETE FROM t2 WHERE y = 7": true}

// TestExpert: for each case the set advised is at least as good as that of SQLite's expert.
func TestExpert(t *testing.T) {
	sequential(t)
	source := create(t, expertSchema,
		filled("t1", 4000, "i * 7919 % 1999, 'b' || (i * 31 % 997), i % 23, i * 17 % 101, 'some words in row ' || i"),
		filled("t2", 4000, "i, i * 7919 % 1009, 'z' || (i % 701), i * 31 % 1999"),
		filled("t3", 4000, "i % 40, i, 'm' || (i * 7919 % 803)"),
		filled("log", 3000, "i * 7919 % 3001, 'what ' || i"),
		filled("nc", 4000, "i, 'Name' || (i * 7919 % 3989), 'town' || (i % 37), i % 101"))
	db, err := openDatabase(t.Context(), source)
	must(t, err)
	defer db.Close()
	for _, c := range expertCases {
		t.Run(c.query, func(t *testing.T) {
			report, err := Analyze(t.Context(), source, readWorkload(t, c.query), Options{NoProof: true, ShadowDir: t.TempDir()})
			must(t, err)
			var ours, theirs []string
			for _, r := range report.Recommendations {
				if r.Type == "index" {
					ours = append(ours, r.Statements...)
				}
			}
			for _, text := range strings.Fields(strings.ReplaceAll(c.theirs, ", ", ",")) {
				theirs = append(theirs, "CREATE INDEX "+quoteName("theirs_"+text)+" ON "+strings.ReplaceAll(text, "_", " "))
			}
			if firesTriggers[c.query] {
				theirs = theirs[1:]
			}
			call := trial.Call{SQL: c.query, Writes: !sqltext.ReadOnly(c.query)}
			mine, yours := stepsWith(t, db, ours, call), stepsWith(t, db, theirs, call)
			const few = 60 // what opening another index and the like may take
			if float64(mine) > 1.1*float64(yours)+few {
				t.Errorf("%d steps with %q, %d with the expert's %q", mine, ours, yours, theirs)
			}
		})
	}
}

// stepsWith is how many instructions a statement takes on a copy of the database with indexes and statistics.
func stepsWith(t *testing.T, db database, indexes []string, call trial.Call) int64 {
	t.Helper()
	copies, err := db.Shadow(t.Context(), t.TempDir(), 1<<30)
	must(t, err)
	defer copies.Close()
	l, err := copies.Lab(t.Context())
	must(t, err)
	defer l.Close()
	for _, text := range indexes {
		name, _, _ := strings.Cut(strings.TrimPrefix(text, "CREATE INDEX "), " ON ")
		_, err := l.Build(t.Context(), sqltext.Name(name), text)
		must(t, err)
	}
	must(t, l.Analyze(t.Context(), ""))
	cost, err := l.Run(t.Context(), call, 1, time.Second, time.Minute)
	must(t, err)
	return cost.Steps
}

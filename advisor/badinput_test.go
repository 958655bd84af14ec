package advisor

import (
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/sqlite"
)

// everything is a schema of all that user databases contain and rules stumble over.
var everything = []string{
	orders,
	`CREATE TABLE strict_one(id INTEGER PRIMARY KEY AUTOINCREMENT, n INT NOT NULL CHECK (n >= 0), s TEXT) STRICT`,
	`CREATE TABLE pairs(a INT, b TEXT, c REAL, PRIMARY KEY(a, b)) WITHOUT ROWID`,
	`CREATE TABLE generated(id INTEGER PRIMARY KEY, a INT, twice INT GENERATED ALWAYS AS (a * 2) VIRTUAL, thrice INT AS (a * 3) STORED)`,
	`CREATE TABLE "select"("from" INT, "where ""x""" TEXT, "größe" REAL, "名前" TEXT)`,
	`CREATE TABLE "Ünïcode 表"("clé" INTEGER PRIMARY KEY, "order" INT REFERENCES orders(id) ON DELETE CASCADE)`,
	`CREATE TABLE temp_like(id INTEGER PRIMARY KEY, "temp.x" INT, rowid TEXT)`,
	`CREATE TABLE empty_one(id INTEGER PRIMARY KEY, x INT)`,
	`CREATE VIRTUAL TABLE words USING fts5(body)`,
	`CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1, y0, y1)`,
	`CREATE VIEW totals AS SELECT customer, sum(total) AS total FROM orders GROUP BY customer`,
	`CREATE VIEW richest AS SELECT * FROM totals WHERE total > 10`,
	`CREATE VIEW broken AS SELECT nosuch FROM nowhere`,
	`CREATE TRIGGER logged AFTER UPDATE ON orders BEGIN INSERT INTO strict_one(n, s) VALUES (new.id, 'x'); END`,
	`CREATE UNIQUE INDEX "some of them" ON strict_one(n) WHERE s IS NOT NULL`,
	`CREATE INDEX lowered ON "select"(lower("where ""x"""), "from" DESC)`,
	numberedColumns("CREATE TABLE wide_one(id INTEGER PRIMARY KEY, %s)", "c%d INT", 200),
	numberedColumns("CREATE TABLE indexed(id INTEGER PRIMARY KEY, %s)", "c%d INT", 50),
	`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
	 INSERT INTO strict_one(n, s) SELECT i, CASE WHEN i % 3 = 0 THEN 'row ' || i END FROM n`,
	`INSERT INTO pairs SELECT n % 40, 'b' || n, n FROM strict_one`,
	`INSERT INTO generated(a) SELECT n % 70 FROM strict_one`,
	`INSERT INTO "select" SELECT n % 90, 'W' || n, n, 'x' FROM strict_one`,
	`INSERT INTO "Ünïcode 表" SELECT n, n % 300 + 1 FROM strict_one`,
	`INSERT INTO temp_like SELECT n, n % 60, 'r' || n FROM strict_one`,
	`INSERT INTO words SELECT 'word ' || n FROM strict_one`,
	`INSERT INTO boxes SELECT n, n, n + 1, n, n + 1 FROM strict_one`,
	`INSERT INTO wide_one(c1, c199) SELECT n % 30, n FROM strict_one`,
	`INSERT INTO indexed(c1, c49) SELECT n % 30, n FROM strict_one`,
	fiftyIndexes(),
}

func numberedColumns(text, column string, n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(column, i)
	}
	return fmt.Sprintf(text, strings.Join(list, ", "))
}

func fiftyIndexes() string {
	var b strings.Builder
	for i := range 50 {
		fmt.Fprintf(&b, "CREATE INDEX indexed_%d ON indexed(c%d, c%d);", i, i, (i*7+1)%50)
	}
	return b.String()
}

// sound are statements on that schema that can be used.
var sound = []string{
	byCustomer,
	`SELECT * FROM strict_one WHERE s = 'row 9'`, `SELECT * FROM pairs WHERE b = 'b7'`, `SELECT id FROM generated WHERE twice = 8 AND thrice = 12`,
	`SELECT "名前" FROM "select" WHERE "from" = 3 ORDER BY "größe"`, `SELECT "from" FROM [select] WHERE lower("where ""x""") = 'w9'`,
	`SELECT "clé" FROM "Ünïcode 表" WHERE "order" = 7`, `SELECT id FROM temp_like WHERE "temp.x" = 3`, `SELECT id FROM temp_like WHERE rowid = 'r5'`,
	`SELECT x FROM empty_one WHERE x = 1`, `SELECT count(*) FROM words WHERE words MATCH 'word'`, `SELECT id FROM boxes WHERE x0 > 5 AND x1 < 9`,
	`SELECT * FROM richest WHERE customer = 3`, `SELECT c1, c199 FROM wide_one WHERE c199 = 4 AND c1 = 4`, `SELECT id FROM indexed WHERE c49 = 3`,
	`UPDATE orders SET total = 0 WHERE customer = 3`, `DELETE FROM orders WHERE total > 90`,
	`INSERT INTO strict_one(n) VALUES (3) RETURNING id`, `WITH c AS (SELECT customer FROM orders WHERE total = 3) SELECT count(*) FROM c JOIN orders USING (customer)`,
}

// unusable are lines of a trace on which no advice can rest.
var unusable = []string{
	`SELECT * FROM nosuch WHERE a = 1`, `SELECT nosuch FROM orders WHERE customer = 1`, `SELECT * FROM orders WHERE (`, `SELEC 1`, `SELECT * FROM broken WHERE nosuch = 1`,
	`SELECT unknown_here(total) FROM orders WHERE customer = 1`, `SELECT * FROM orders WHERE total = 1 ORDER BY customer COLLATE nobody`,
	`SELECT * FROM other.orders WHERE customer = 1`, `INSERT INTO strict_one(n) SELECT nosuch FROM orders`,
}

// silent are statements on which there is nothing to advise; whether they are listed is their own affair.
var silent = []string{
	`CREATE TABLE made(x)`, `DROP TABLE orders`, `ALTER TABLE orders ADD COLUMN y`, `PRAGMA user_version = 9`, `PRAGMA journal_mode = delete`, `ATTACH 'made.db' AS made`, `DETACH made`,
	`VACUUM`, `VACUUM INTO 'made.db'`, `REINDEX`, `ANALYZE`, `BEGIN IMMEDIATE`, `COMMIT`, `SAVEPOINT x`, `SELECT 1; DROP TABLE orders`, `SELECT * FROM orders WHERE customer = 1; DELETE FROM orders`, `;`, `-- nothing`,
	`EXPLAIN SELECT * FROM orders WHERE customer = 1`, `SELECT load_extension('x')`, `SELECT writefile('made', 'x')`, `VALUES (1)`,
}

// guarded analyzes and checks what holds whatever the input: no file is changed, nothing is left behind, and all that
// was skipped has a reason.
func guarded(t *testing.T, path string, workload []Query, o Options) (*Report, error) {
	t.Helper()
	before := files(t, filepath.Dir(path))
	o.ShadowDir = t.TempDir()
	report, err := Analyze(t.Context(), path, workload, o)
	if after := files(t, filepath.Dir(path)); !maps.Equal(before, after) {
		t.Errorf("the analysis changed files: %q, now %q", slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after)))
	}
	if left := files(t, o.ShadowDir); len(left) != 0 {
		t.Errorf("left behind: %q", slices.Sorted(maps.Keys(left)))
	}
	if err != nil {
		return nil, err
	}
	for _, s := range report.Skipped {
		if s.Reason == "" || strings.Contains(s.Reason, "\n") {
			t.Errorf("skipped %q because of %q", s.Fingerprint, s.Reason)
		}
	}
	return report, nil
}

// skippedFor says why a statement was skipped.
func (r *Report) skippedFor(fingerprint string) string {
	for _, s := range r.Skipped {
		if s.Fingerprint == fingerprint {
			return s.Reason
		}
	}
	return ""
}

func traced(t *testing.T, lines ...string) []Query {
	t.Helper()
	workload, err := ReadTrace(strings.NewReader(strings.Join(lines, "\n")), func(line int, reason string) { t.Errorf("line %d: %s", line, reason) })
	must(t, err)
	return workload
}

func statements(texts ...string) (lines []string) {
	for _, text := range texts {
		lines = append(lines, `{"sql": `+quoteJSON(text)+`}`)
	}
	return lines
}

func TestEverythingInASchema(t *testing.T) {
	sequential(t)
	path := create(t, everything...)
	report, err := guarded(t, path, traced(t, statements(slices.Concat(sound, unusable, silent)...)...), Options{})
	must(t, err)
	for _, q := range traced(t, statements(sound...)...) {
		if why := report.skippedFor(q.Fingerprint); why != "" || report.Statements < len(sound) {
			t.Errorf("not used: %s: %s", q.Fingerprint, why)
		}
	}
	for _, q := range traced(t, statements(unusable...)...) {
		if report.skippedFor(q.Fingerprint) == "" {
			t.Errorf("skipped without a word: %s", q.Fingerprint)
		}
	}
	if !slices.ContainsFunc(report.Recommendations, func(r *Recommendation) bool { return r.Table == "orders" && r.State == Proved }) {
		t.Errorf("nothing proved: %+v", report.Recommendations)
	}
}

func TestEmptyWorkload(t *testing.T) {
	sequential(t)
	for _, path := range []string{create(t, orders), create(t, "CREATE TABLE t(x)", "DROP TABLE t"), create(t, everything...)} {
		for _, workload := range [][]Query{nil, {}} {
			report, err := guarded(t, path, workload, Options{})
			if err != nil || report.Statements != 0 {
				t.Errorf("%+v, %v", report, err)
			}
		}
	}
}

// TestParameters: too few are NULL, as in SQLite; too many or of another kind are no reason to fail.
func TestParameters(t *testing.T) {
	sequential(t)
	path := create(t, orders)
	report, err := guarded(t, path, traced(t,
		`{"sql": "SELECT id FROM orders WHERE customer = ? AND total = ?", "params": [7]}`,
		`{"sql": "SELECT id FROM orders WHERE customer = ?", "params": [7, 8, 9]}`,
		`{"sql": "SELECT total FROM orders WHERE customer = ?", "params": [{"$blob": "AAE="}]}`,
		`{"sql": "SELECT total, id FROM orders WHERE customer = ?", "params": ["seven"]}`,
		`{"sql": "SELECT 1 FROM orders WHERE customer = ? LIMIT ?", "params": [7, "many"]}`,
		`{"sql": "SELECT 2 FROM orders WHERE customer = ?99999", "params": [7]}`,
		`{"sql": "SELECT 3 FROM orders WHERE customer = :a AND total = @b", "params": [7, null]}`,
		`{"sql": "SELECT 4 FROM orders WHERE customer = ?", "params": [`+strings.Repeat("1,", 400)+`1]}`,
		`{"sql": "SELECT 5 FROM orders WHERE total = ?", "params": [1e308]}`), Options{})
	must(t, err)
	if report.Statements+len(report.Skipped) < 9 {
		t.Errorf("%d used, skipped %+v", report.Statements, report.Skipped)
	}
	if i := slices.IndexFunc(report.Recommendations, func(r *Recommendation) bool { return r.Type == "index" && r.Table == "orders" }); i < 0 {
		t.Error("the good ones are not served")
	}
}

// TestMovedUnderneath: what happens to the file while it is analyzed ends in advice or in an error that names it,
// whenever it happens.
func TestMovedUnderneath(t *testing.T) {
	grow := `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) INSERT INTO orders(customer, total) SELECT i % 500, i FROM n`
	for name, happen := range map[string]func(t *testing.T, path string){
		"grows":    func(t *testing.T, path string) { change(t, path, grow) },
		"deleted":  func(t *testing.T, path string) { must(t, os.Remove(path)) },
		"replaced": func(t *testing.T, path string) { must(t, os.Rename(create(t, "CREATE TABLE other(x)"), path)) },
		"noise":    func(t *testing.T, path string) { must(t, os.WriteFile(path, make([]byte, 8192), 0o600)) },
		"index":    func(t *testing.T, path string) { change(t, path, "CREATE INDEX theirs ON orders(customer)") },
		"dropped":  func(t *testing.T, path string) { change(t, path, "DROP TABLE orders") },
	} {
		for _, phase := range []string{"prepare", "shadow", "prune", "replay"} {
			if underRace && phase != "prune" {
				continue
			}
			t.Run(name+" at "+phase, func(t *testing.T) {
				path, shadows := create(t, orders), t.TempDir()
				done := false
				report, err := Analyze(t.Context(), path, traced(t, statements(byCustomer, "SELECT id FROM orders WHERE total = 5")...), Options{ShadowDir: shadows, Progress: func(now, _ string, _ float64) {
					if now == phase && !done {
						done = true
						happen(t, path)
					}
				}})
				if !done {
					t.Errorf("no phase %q was told of", phase)
				}
				if err == nil && report == nil || err != nil && !strings.Contains(err.Error(), path) {
					t.Errorf("%+v, %v", report, err)
				}
				if left := files(t, shadows); len(left) != 0 {
					t.Errorf("left behind: %q", slices.Sorted(maps.Keys(left)))
				}
			})
		}
	}
}

// TestLocked: another connection keeps the file for itself.
func TestLocked(t *testing.T) {
	path := create(t, orders, "PRAGMA journal_mode = delete")
	other, err := sql.Open("sqlite", path)
	must(t, err)
	defer other.Close()
	other.SetMaxOpenConns(1)
	_, err = other.Exec("BEGIN EXCLUSIVE")
	must(t, err)
	start := time.Now()
	_, err = Analyze(t.Context(), path, readWorkload(t, byCustomer), Options{ShadowDir: t.TempDir()})
	var failed *sqlite.FileError
	if !errors.As(err, &failed) || !strings.Contains(err.Error(), "locked") || time.Since(start) > 20*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
}

// TestReadOnlyMedium: a file that nobody may write, in a directory that nobody may write. The permissions do not
// bind root, so that what would be written there is looked for.
func TestReadOnlyMedium(t *testing.T) {
	path := create(t, orders)
	dir := filepath.Dir(path)
	must(t, os.Chmod(path, 0o444))
	must(t, os.Chmod(dir, 0o555))
	defer func() { must(t, os.Chmod(dir, 0o755)) }()
	report, err := guarded(t, path, readWorkload(t, byCustomer), Options{})
	if err != nil || len(report.Recommendations) == 0 || report.Recommendations[0].State != Proved {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestTooLargeToCopy is said before anything is copied, with the numbers, and there is advice all the same.
func TestTooLargeToCopy(t *testing.T) {
	path := create(t, orders)
	report, err := guarded(t, path, readWorkload(t, byCustomer), Options{MaxShadow: 1000})
	must(t, err)
	if why := report.skippedFor(""); !strings.Contains(why, "limit 1000") {
		t.Errorf("the reason is %q", why)
	}
	if i := slices.IndexFunc(report.Recommendations, func(r *Recommendation) bool { return r.Type == "index" }); i < 0 || report.Recommendations[i].State != Estimated {
		t.Errorf("%+v", report.Recommendations)
	}
}

// TestCorruptPages: wherever a page is damaged, there is an error that names the file, or advice.
func TestCorruptPages(t *testing.T) {
	good, err := os.ReadFile(create(t, orders, "CREATE INDEX orders_total ON orders(total)", "ANALYZE"))
	must(t, err)
	refused := 0
	for page := range len(good) / 4096 {
		bad := slices.Clone(good)
		for i := range 4096 {
			if at := page*4096 + i; at >= 100 {
				bad[at] = byte(i * 31)
			}
		}
		path := filepath.Join(t.TempDir(), "app.db")
		must(t, os.WriteFile(path, bad, 0o600))
		_, err := guarded(t, path, readWorkload(t, byCustomer), Options{NoProof: true})
		if err != nil && !strings.Contains(err.Error(), path) {
			t.Errorf("page %d: %v", page, err)
		}
		if err != nil {
			refused++
		}
	}
	if refused < len(good)/4096*9/10 {
		t.Errorf("%d of %d refused", refused, len(good)/4096)
	}
}

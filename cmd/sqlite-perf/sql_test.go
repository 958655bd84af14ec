package main

import (
	"bytes"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sqliteperf/sqliteperf/advisor"
	"github.com/sqliteperf/sqliteperf/internal/sqltext"
	"github.com/sqliteperf/sqliteperf/server"
)

// odd has names that need quotes, one of them with what ends a statement and begins a comment, and an
// index that another makes redundant, written over several lines.
const odd = `
	CREATE TABLE "odd; -- table"(id INTEGER PRIMARY KEY, "a ""b"" c" INTEGER, plain TEXT);
	INSERT INTO "odd; -- table" SELECT id, customer, note FROM orders;
	CREATE INDEX narrow ON visits(at -- when
	);
	CREATE INDEX wide ON visits(at, page)`

// wanted is a workload that several indexes serve.
var wanted = []string{
	byCustomer, byPage, `{"sql": "SELECT id FROM orders WHERE total = ?", "params": [7]}`, `{"sql": "SELECT id FROM visits WHERE at = ?", "params": [7]}`,
	`{"sql": "SELECT id FROM \"odd; -- table\" WHERE \"a \"\"b\"\" c\" = ?", "params": [7]}`,
}

// statementsOf splits the output of --format sql into statements and their undo, and checks that each
// line is one whole statement.
func statementsOf(t *testing.T, out string) (lines, undo []string) {
	t.Helper()
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		var last sqltext.Token
		ends := 0
		for tok := sqltext.Next(line, 0); tok.Kind != sqltext.EOF; tok = sqltext.Next(line, tok.End) {
			if last = tok; tok.Text(line) == ";" {
				ends++
			}
		}
		comment, ok := strings.CutPrefix(line[last.End:], " -- undo: ")
		if ends != 1 || last.Text(line) != ";" || !ok {
			t.Errorf("not one statement with its undo: %s", line)
		}
		if !strings.HasPrefix(comment, "none needed") {
			undo = append(undo, comment)
		}
		lines = append(lines, line)
	}
	return lines, undo
}

// flatSchema is sqlite_schema with each statement on a line, in order of names.
func flatSchema(t *testing.T, db *sql.DB) (list []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema ORDER BY name")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var kind, name, table, text string
		if err := rows.Scan(&kind, &name, &table, &text); err != nil {
			t.Fatal(err)
		}
		list = append(list, fmt.Sprintf("%s %s %s %s", kind, name, table, flat(text)))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// What is printed runs as it is, makes the statements of the workload search, and is undone by its comments.
func TestSQLRunsAndIsUndone(t *testing.T) {
	for name, setup := range map[string]string{"fresh": odd, "analyzed": odd + "; ANALYZE"} {
		t.Run(name, func(t *testing.T) {
			path := database(t, setup)
			before := contents(t, filepath.Dir(path))
			r := sqlitePerf(t, "analyze", path, "--workload", trace(t, wanted...), "--format", "sql").exits(0)
			untouched(t, filepath.Dir(path), before)
			if r.err != "" {
				t.Errorf("stderr: %s", r.err)
			}
			r.prints("DROP INDEX narrow; -- undo: CREATE INDEX narrow ON visits(at );", `ON "odd; -- table"(`)
			if analyzed := strings.Contains(r.out, "\nANALYZE; -- undo: none needed"); analyzed != (name == "analyzed") {
				t.Errorf("statistics: %v\n%s", analyzed, r.out)
			}
			lines, undo := statementsOf(t, r.out)
			db := connect(t, write(t, filepath.Join(t.TempDir(), "copy.db"), before["app.db"]))
			was := flatSchema(t, db)
			for _, line := range lines {
				execute(t, db, line)
			}
			var plan string
			for _, q := range []string{"SELECT id FROM orders WHERE customer = 7", "SELECT id FROM visits WHERE page = ''", "SELECT id FROM visits WHERE at = 7"} {
				var ignore any
				if err := db.QueryRowContext(t.Context(), "EXPLAIN QUERY PLAN "+q).Scan(&ignore, &ignore, &ignore, &plan); err != nil || !strings.Contains(plan, "SEARCH") {
					t.Errorf("%s: %s (%v)", q, plan, err)
				}
			}
			for _, text := range slices.Backward(undo) {
				execute(t, db, text)
			}
			if is := flatSchema(t, db); !slices.Equal(is, was) {
				t.Errorf("after undo\n%s\nwas\n%s", strings.Join(is, "\n"), strings.Join(was, "\n"))
			}
		})
	}
}

func recommended(kind string, state advisor.State, statements, undo []string) *advisor.Recommendation {
	return &advisor.Recommendation{Type: kind, State: state, Applicable: true, Title: "of \x1b", Statements: statements, Undo: undo}
}

func TestPrintSQL(t *testing.T) {
	list := []*advisor.Recommendation{
		recommended("index", advisor.Proved, []string{"CREATE INDEX a\n ON t(x)", "CREATE INDEX b ON u(y)", `ANALYZE "a"`}, []string{"DROP INDEX b", "DROP INDEX a"}),
		recommended("drop_index", advisor.Estimated, []string{"DROP INDEX c"}, []string{"CREATE INDEX c ON t(z) -- old", "ANALYZE c"}),
		recommended("index", advisor.Proposed, []string{"CREATE INDEX d ON t(z)", "CREATE INDEX e ON t(w)"}, nil),
		recommended("index", advisor.Proved, []string{"CREATE INDEX \"f\n\" ON t(x)"}, []string{"DROP INDEX \"f\n\""}),
		recommended("index", advisor.Rejected, []string{"CREATE INDEX g ON t(x)"}, []string{"DROP INDEX g"}),
		recommended("pragma", advisor.Proved, []string{"PRAGMA mmap_size = 1"}, []string{"PRAGMA mmap_size = 0"}),
		recommended("statistics", advisor.Proved, []string{"ANALYZE"}, []string{"DROP TABLE IF EXISTS sqlite_stat4", "DROP TABLE IF EXISTS sqlite_stat1"}),
	}
	var out, errs bytes.Buffer
	printSQL(&out, &errs, &analysis{Report: &advisor.Report{Recommendations: list}})
	want := `CREATE INDEX a ON t(x); -- undo: DROP INDEX a;
CREATE INDEX b ON u(y); -- undo: DROP INDEX b;
DROP INDEX c; -- undo: CREATE INDEX c ON t(z); ANALYZE c;
CREATE INDEX d ON t(z);
CREATE INDEX e ON t(w);
ANALYZE; -- undo: DROP TABLE IF EXISTS sqlite_stat4; DROP TABLE IF EXISTS sqlite_stat1;
`
	if out.String() != want {
		t.Errorf("%s\nwant\n%s", out.String(), want)
	}
	if got := errs.String(); got != "sqlite-perf: left out, for a name with a control character: of �\n" {
		t.Errorf("%q", got)
	}
	if got := tablesDropped([]string{"DROP TABLE a", "INSERT INTO b VALUES (1)", "DROP TABLE c"}); !slices.Equal(got, []string{"DROP TABLE c"}) {
		t.Errorf("%q", got)
	}
}

// indexBytes is what the indexes advised under limits take, and how many they are.
func indexBytes(t *testing.T, path, workload string, limits ...string) (n int, bytes int64) {
	t.Helper()
	r := sqlitePerf(t, append([]string{"analyze", path, "--workload", workload, "--no-proof", "--format", "sql"}, limits...)...).exits(0)
	lines, _ := statementsOf(t, r.out)
	db := connect(t, write(t, filepath.Join(t.TempDir(), "copy.db"), contents(t, filepath.Dir(path))["app.db"]))
	for _, line := range lines {
		execute(t, db, line)
	}
	err := db.QueryRowContext(t.Context(), `SELECT count(*), coalesce(sum(pgsize), 0) FROM dbstat
		WHERE aggregate = TRUE AND name IN (SELECT name FROM sqlite_schema WHERE type = 'index')`).Scan(&n, &bytes)
	if err != nil {
		t.Fatal(err)
	}
	made := slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, "ANALYZE") })
	if n != len(made) {
		t.Errorf("%v: %d indexes of %q", limits, n, lines)
	}
	return n, bytes
}

// The indexes chosen for the workload keep to the limits, together.
func TestBudgets(t *testing.T) {
	path, workload := database(t), trace(t, wanted[:4]...)
	all, bytes := indexBytes(t, path, workload)
	if all < 3 {
		t.Fatalf("only %d indexes without a limit", all)
	}
	if n, b := indexBytes(t, path, workload, "--budget-bytes", "0", "--max-indexes", "0"); n != all || b != bytes {
		t.Errorf("with limits of zero %d indexes of %d bytes, without any %d of %d", n, b, all, bytes)
	}
	if n, b := indexBytes(t, path, workload, "--budget-bytes", fmt.Sprint(2*bytes), "--max-indexes", fmt.Sprint(2*all)); n != all || b != bytes {
		t.Errorf("with wide limits %d indexes of %d bytes, without any %d of %d", n, b, all, bytes)
	}
	for most := 1; most < all; most++ {
		if n, _ := indexBytes(t, path, workload, "--max-indexes", fmt.Sprint(most)); n != most {
			t.Errorf("--max-indexes %d: %d indexes", most, n)
		}
	}
	for _, budget := range []int64{1, bytes / 2, bytes - 1} {
		if n, b := indexBytes(t, path, workload, "--budget-bytes", fmt.Sprint(budget)); b > budget || budget > bytes/3 && n == 0 {
			t.Errorf("--budget-bytes %d: %d indexes of %d bytes, %d of %d without", budget, n, b, all, bytes)
		}
	}
}

// A running application's advice can be printed as statements too.
func TestSQLOfApplication(t *testing.T) {
	base, _ := application(t, server.Config{})
	lines, _ := statementsOf(t, sqlitePerf(t, "analyze", base, "--format", "sql").exits(0).out)
	if !slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, "CREATE INDEX sqliteperf_orders_customer") }) {
		t.Errorf("%q", lines)
	}
}

package advisor

import (
	"cmp"
	"context"
	"database/sql"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	diffs "github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	_ "modernc.org/sqlite"
)

var update = flag.Bool("update", false, "write what is advised into the stories")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestStories: each file of testdata is a database, a workload and what is advised. The statements of
// every piece of advice are executed and undone, which leaves the database as it was.
func TestStories(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) < 64 {
		t.Fatal(len(names), err)
	}
	for i, name := range names {
		if underRace && i%5 != 0 {
			continue
		}
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel() // proofs rest on the processor time of a thread
			text, err := os.ReadFile(name)
			must(t, err)
			s := sections(string(text))
			path := create(t, s["schema.sql"], s["data"])
			before := files(t, filepath.Dir(path))
			shadows := t.TempDir()
			report, err := Analyze(t.Context(), path, readWorkload(t, s["workload.sql"]), Options{ShadowDir: shadows})
			must(t, err)
			if after := files(t, filepath.Dir(path)); !maps.Equal(before, after) {
				t.Error("the analysis changed files")
			}
			if left := files(t, shadows); len(left) != 0 {
				t.Errorf("%d entries left where the copies were", len(left))
			}
			if *update {
				head, _, _ := strings.Cut(string(text), "-- want --\n")
				must(t, os.WriteFile(name, []byte(head+"-- want --\n"+tell(report)+"\n"), 0o644))
			} else if diff := diffs.Diff(strings.TrimSpace(s["want"]), tell(report)); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
				explainReport(t, report)
			}
			applyAndUndo(t, path, report)
		})
	}
}

// sections splits a txtar archive: lines "-- name --" begin a file.
// https://pkg.go.dev/golang.org/x/tools/txtar
func sections(text string) map[string]string {
	list, name := map[string]string{}, ""
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "-- "); ok && strings.HasSuffix(rest, " --") {
			name = strings.TrimSuffix(rest, " --")
			continue
		}
		list[name] += line
	}
	return list
}

// readWorkload reads statements, one a line: as they are, or as lines of a trace.
func readWorkload(t *testing.T, text string) []Query {
	t.Helper()
	var trace strings.Builder
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "{") {
			line = fmt.Sprintf(`{"sql": %s}`, quoteJSON(line))
		}
		trace.WriteString(line + "\n")
	}
	list, err := ReadTrace(strings.NewReader(trace.String()), func(line int, reason string) { t.Errorf("line %d: %s", line, reason) })
	must(t, err)
	return list
}

// tell writes what a report advises on indexes, as stories do. What a proof rejected is not advised.
func tell(r *Report) string {
	var advice []string
	for _, rec := range r.Recommendations {
		sign := map[string]string{"index": "+ ", "drop_index": "- "}[rec.Type]
		if sign == "" || rec.State == Rejected {
			continue
		}
		var lines []string
		for _, text := range rec.Statements {
			lines = append(lines, sign+text)
			sign = "  "
		}
		for _, m := range rec.Evidence.Queries {
			if m.Role == "target" {
				lines = append(lines, "before "+strings.Join(m.PlanBefore, " | "), "after  "+strings.Join(m.PlanAfter, " | "))
			}
		}
		advice = append(advice, strings.Join(append(lines, "verdict "+string(rec.State)), "\n"))
	}
	slices.Sort(advice) // by statement: which saves more is a matter of the day
	lines := []string{cmp.Or(strings.Join(advice, "\n"), "silent")}
	for _, s := range r.Skipped {
		lines = append(lines, "skipped "+s.Reason)
	}
	return strings.Join(lines, "\n")
}

func explainReport(t *testing.T, r *Report) {
	for _, rec := range r.Recommendations {
		if rec.Evidence != nil {
			t.Logf("%s %s %q %+v", rec.State, rec.Title, rec.Evidence.Reasons, rec.Evidence.Queries)
		}
	}
}

// applyAndUndo is the law of every recommendation: applied and undone, it leaves schema and
// statistics as they were. Dropping an index loses its statistics; undoing computes them anew.
func applyAndUndo(t *testing.T, path string, report *Report) {
	t.Helper()
	ledger, err := OpenLedger(t.Context(), filepath.Join(t.TempDir(), "history.db"))
	must(t, err)
	defer ledger.Close()
	for _, r := range report.Recommendations {
		if !r.Applicable || r.State == Rejected || r.State == Inconclusive {
			continue
		}
		before := contents(t, path)
		must(t, ledger.Apply(t.Context(), path, []*Recommendation{r}, "story", func(*Recommendation) {}))
		if names := slices.Collect(maps.Keys(files(t, filepath.Dir(path)))); len(names) != 1 {
			t.Errorf("%q are left beside the database", names)
		}
		if slices.Equal(before, contents(t, path)) {
			t.Errorf("applying %q changes nothing", r.Statements)
		}
		_, err := ledger.Undo(t.Context(), path, r.ID, "story")
		must(t, err)
		if diff := diffs.Diff(before, contents(t, path)); diff != "" {
			t.Errorf("%q is not undone by %q:\n%s", r.Statements, r.Undo, diff)
		}
		if names := slices.Collect(maps.Keys(files(t, filepath.Dir(path)))); len(names) != 1 {
			t.Errorf("%q are left beside the database", names)
		}
	}
}

// contents are the journal mode, the objects of a database as a set, and its statistics.
func contents(t *testing.T, path string) []string {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	must(t, err)
	defer db.Close()
	list := column(t, db, "PRAGMA journal_mode")
	list = append(list, column(t, db, "SELECT type || '|' || name || '|' || tbl_name || '|' || coalesce(sql, '') FROM sqlite_schema ORDER BY 1")...)
	for _, table := range []string{"stat1", "stat4"} {
		columns := map[string]string{"stat1": "tbl || '|' || coalesce(idx, '') || '|' || coalesce(stat, '')",
			"stat4": "tbl || '|' || idx || '|' || neq || '|' || nlt || '|' || ndlt || '|' || hex(sample)"}[table]
		if len(column(t, db, "SELECT name FROM sqlite_schema WHERE name = 'sqlite_"+table+"'")) == 1 {
			list = append(list, column(t, db, "SELECT "+columns+" FROM sqlite_"+table+" ORDER BY 1")...)
		}
	}
	return list
}

func column(t *testing.T, db *sql.DB, query string) (list []string) {
	t.Helper()
	rows, err := db.QueryContext(context.Background(), query)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var v string
		must(t, rows.Scan(&v))
		list = append(list, v)
	}
	must(t, rows.Err())
	return list
}

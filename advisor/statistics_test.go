package advisor

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sqliteperf/sqliteperf/internal/digest"
)

const (
	// sales has two indexes: without statistics two columns look more selective than one.
	sales = `CREATE TABLE sales(id INTEGER PRIMARY KEY, kind INT, open INT, customer INT, note TEXT);
		CREATE INDEX sales_kind_open ON sales(kind, open); CREATE INDEX sales_customer ON sales(customer)`
	// manySales are 20,000 rows of four kinds and 5,000 customers.
	manySales = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
		INSERT INTO sales(kind, open, customer, note) SELECT i % 2, i % 4 / 2, i % 5000, 'note ' || i FROM n`
	ofCustomer = "SELECT note FROM sales WHERE kind = 1 AND open = 0 AND customer = 4321"
	// skewed is a kind that 99 of 100 rows have beside 200 that one row each has; grp has 100 values.
	skewed = `CREATE TABLE skewed(id INTEGER PRIMARY KEY, kind INT, grp INT, note TEXT);
		CREATE INDEX skewed_kind ON skewed(kind); CREATE INDEX skewed_grp ON skewed(grp);
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
		INSERT INTO skewed SELECT i, CASE WHEN i % 100 = 0 THEN i ELSE 1 END, i % 99, 'note ' || i FROM n`
	ofKind = "SELECT note FROM skewed WHERE kind = 1 AND grp = 7"
	// fewSales are ten rows of ten kinds and of one customer, whom ofCustomer asks for.
	fewSales = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10)
		INSERT INTO sales(kind, open, customer) SELECT i, 0, 4321 FROM n`
)

// TestStatistics: statistics are advised where a full ANALYZE makes statements faster, and nowhere else.
func TestStatistics(t *testing.T) {
	sequential(t)
	optimizes := seen(1, ran("PRAGMA optimize", 3))
	for _, c := range []struct {
		name   string
		schema []string
		sql    string
		seen   *traffic
		want   string // codes
	}{
		{"none", []string{sales, manySales}, ofCustomer, nil, "ST01"},
		{"none, and no plan would change", []string{sales, manySales}, "SELECT note FROM sales WHERE customer = 7", nil, ""},
		{"none of a tiny table", []string{sales, fewSales}, ofCustomer, nil, ""},
		{"none without a workload", []string{sales, manySales}, "", nil, ""},
		{"as they were long ago", []string{sales, fewSales, "ANALYZE", manySales}, ofCustomer, nil, "ST02"},
		{"fresh", []string{sales, fewSales, manySales, "ANALYZE"}, ofCustomer, nil, ""},
		{"no samples", []string{skewed, "ANALYZE", "DROP TABLE sqlite_stat4"}, ofKind, nil, "ST02"},
		{"samples of nothing", []string{skewed, "ANALYZE", "DELETE FROM sqlite_stat4"}, ofKind, nil, "ST02"},
		{"samples of nothing, deleted by PRAGMA optimize", []string{skewed, "ANALYZE", "DELETE FROM sqlite_stat4"}, ofKind, optimizes, "ST02 ST03"},
		{"samples where PRAGMA optimize runs", []string{skewed, "ANALYZE"}, ofKind, optimizes, ""},
		{"no samples, and no plan would change", []string{skewed, "ANALYZE", "DELETE FROM sqlite_stat4"}, "SELECT note FROM skewed WHERE grp = 7", optimizes, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var work []Query
			if c.sql != "" {
				work = readWorkload(t, c.sql)
			}
			p := lookAt(t, create(t, c.schema...), work, nil, c.seen, Options{})
			var codes []string
			for _, rule := range []rule{noStatistics{}, staleStatistics{}, optimizePragma{}} {
				list, err := rule.check(t.Context(), p)
				must(t, err)
				wellFormed(t, rule, list)
				for _, r := range list {
					codes = append(codes, r.Code)
					if r.State != Proved || len(r.Evidence.Queries) != 1 || r.Evidence.BuildMS <= 0 {
						t.Errorf("%+v", r)
					}
				}
			}
			if got := strings.Join(codes, " "); got != c.want {
				t.Errorf("got %q, want %q; %+v", got, c.want, p.renewed)
			}
			if p.shadow != nil {
				sameStatistics(t, p)
			}
		})
	}
	p := lookAt(t, create(t, sales, manySales), readWorkload(t, ofCustomer), nil, nil, Options{NoProof: true})
	if list, err := (noStatistics{}).check(t.Context(), p); err != nil || len(list) != 0 {
		t.Errorf("without a copy: %q, %v", titles(list), err)
	}
}

// sameStatistics: after the trial both copies plan alike again, by the same statistics.
func sameStatistics(t *testing.T, p *pass) {
	t.Helper()
	lab, err := p.lab(t.Context())
	must(t, err)
	for _, table := range []string{"sqlite_stat1", "sqlite_stat4"} {
		const text = "SELECT count(*) FROM sqlite_schema WHERE name = ?"
		before, err := lab.Before.Number(t.Context(), text, table)
		must(t, err)
		after, err := lab.After.Number(t.Context(), text, table)
		must(t, err)
		if before != after {
			t.Errorf("the copy has %s %d times instead of %d", table, after, before)
		}
	}
	for _, q := range p.queries {
		before, err := lines(t.Context(), lab.Before, q)
		must(t, err)
		after, err := lines(t.Context(), lab.After, q)
		must(t, err)
		if !slices.Equal(before, after) {
			t.Errorf("the copy plans %q instead of %q", after, before)
		}
	}
}

// TestStatisticsAreUndone: applied and undone, schema and statistics are what they were, and connections
// that are open notice both.
func TestStatisticsAreUndone(t *testing.T) {
	sequential(t)
	for name, c := range map[string]struct {
		schema []string
		sql    string
	}{
		"none":                 {[]string{sales, manySales}, ofCustomer},
		"long ago":             {[]string{sales, fewSales, "ANALYZE", manySales}, ofCustomer},
		"without sqlite_stat4": {[]string{skewed, "ANALYZE", "DROP TABLE sqlite_stat4"}, ofKind},
		"without samples":      {[]string{skewed, "ANALYZE", "DELETE FROM sqlite_stat4 WHERE idx = 'skewed_kind'", "INSERT INTO sqlite_stat1 VALUES('it''s', NULL, '7')"}, ofKind},
	} {
		t.Run(name, func(t *testing.T) {
			path := create(t, c.schema...)
			report, err := Analyze(t.Context(), path, readWorkload(t, c.sql), Options{ShadowDir: t.TempDir()})
			must(t, err)
			report.Recommendations = slices.DeleteFunc(report.Recommendations, func(r *Recommendation) bool { return r.Type != "statistics" })
			if len(report.Recommendations) != 1 {
				t.Fatalf("%+v", report)
			}
			r := *report.Recommendations[0]
			applyAndUndo(t, path, report)

			open := opened(t, "sqlite", path)
			open.SetMaxOpenConns(1)
			before := planOf(t, open, c.sql)
			change(t, path, r.Statements...)
			if planOf(t, open, c.sql) == before {
				t.Error("an open connection does not see the new statistics")
			}
			change(t, path, r.Undo...)
			if got := planOf(t, open, c.sql); got != before {
				t.Errorf("an open connection plans %s after undoing", got)
			}
		})
	}
}

func planOf(t *testing.T, db *sql.DB, text string) string {
	t.Helper()
	var id, parent, unused int
	var detail string
	must(t, db.QueryRow("SELECT count(*) FROM sqlite_schema").Scan(&id)) // EXPLAIN does not look whether the schema changed
	must(t, db.QueryRow("EXPLAIN QUERY PLAN "+text).Scan(&id, &parent, &unused, &detail))
	return detail
}

// TestManyStatistics: what is too much to be put back exactly is left to a person.
func TestManyStatistics(t *testing.T) {
	sequential(t)
	path := create(t, sales, fewSales, "ANALYZE", manySales,
		fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1100) INSERT INTO sqlite_stat4 SELECT 'gone', 'gone', '%s', '', '', x'00' FROM n", strings.Repeat("1 ", 500)))
	p := lookAt(t, path, readWorkload(t, ofCustomer), nil, nil, Options{})
	list, err := staleStatistics{}.check(t.Context(), p)
	must(t, err)
	if len(list) != 1 || list[0].Applicable || len(list[0].Undo) != 0 || !strings.Contains(list[0].Risk, "put back") || !strings.Contains(list[0].Manual, "ANALYZE") {
		t.Errorf("%+v", list)
	}
}

// TestStatisticsEnd with the context, and the copies are removed.
func TestStatisticsEnd(t *testing.T) {
	p := lookAt(t, create(t, sales, manySales), readWorkload(t, ofCustomer), nil, nil, Options{})
	_, err := p.copies(t.Context())
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	p.report = func(phase, _ string, _ float64) {
		if phase == "replay" {
			cancel()
		}
	}
	if _, err := (noStatistics{}).check(ctx, p); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	sameStatistics(t, p)
}

// TestAssigned reads settings made by statements.
func TestAssigned(t *testing.T) {
	for text, want := range map[string]string{
		"PRAGMA foreign_keys = ON": "foreign_keys on", "PRAGMA main.cache_size(-2000)": "cache_size -2000", "pragma Synchronous=1": "synchronous 1",
		"PRAGMA foreign_keys": " ", "SELECT a = 1": " ", "PRAGMA": " ", "PRAGMA table_info(t)": "table_info t",
	} {
		name, value := assigned(ran(text, 1))
		if got := name + " " + value; got != want {
			t.Errorf("%s: got %q", text, got)
		}
	}
	if name, _ := assigned(&digest.Summary{}); name != "" {
		t.Errorf("of no statement: %s", name)
	}
}

package advisor

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// orders is a table of 5,000 rows that lacks an index on customer.
const orders = `CREATE TABLE orders(id INTEGER PRIMARY KEY, customer INT, total REAL);
	WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
	INSERT INTO orders SELECT i, i % 500, i % 97 FROM n`

const byCustomer = "SELECT * FROM orders WHERE customer = 7"

// proposed analyzes the file without a proof and returns what is advised on indexes.
func proposed(t *testing.T, path string) *Recommendation {
	t.Helper()
	report, err := Analyze(t.Context(), path, readWorkload(t, byCustomer), Options{NoProof: true})
	must(t, err)
	i := slices.IndexFunc(report.Recommendations, func(r *Recommendation) bool { return r.Type == "index" })
	if i < 0 || report.Recommendations[i].State != Proposed {
		t.Fatalf("%+v", report.Recommendations)
	}
	return report.Recommendations[i]
}

func change(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	must(t, err)
	defer db.Close()
	for _, text := range statements {
		_, err := db.Exec(text)
		must(t, err)
	}
}

// TestLedger applies, closes, opens again and undoes.
func TestLedger(t *testing.T) {
	path, ledgerPath := create(t, orders), filepath.Join(t.TempDir(), "history.db")
	before := contents(t, path)
	r := proposed(t, path)
	ledger, err := OpenLedger(t.Context(), ledgerPath)
	must(t, err)
	var done []string
	must(t, ledger.Apply(t.Context(), path, []*Recommendation{r}, "somebody", func(r *Recommendation) { done = append(done, r.ID) }))
	if r.State != Applied || !slices.Equal(done, []string{r.ID}) || slices.Equal(before, contents(t, path)) {
		t.Errorf("%+v, done %q", r, done)
	}
	if err := ledger.Apply(t.Context(), path, []*Recommendation{r}, "somebody", nil); !errors.Is(err, ErrNotApplicable) {
		t.Errorf("applied twice: %v", err)
	}
	must(t, ledger.Close())

	ledger, err = OpenLedger(t.Context(), ledgerPath)
	must(t, err)
	defer ledger.Close()
	if _, err := ledger.Undo(t.Context(), path, "ix01-unknown", "somebody"); !errors.Is(err, ErrUnknown) {
		t.Errorf("got %v", err)
	}
	undone, err := ledger.Undo(t.Context(), path, r.ID, "somebody else")
	if err != nil || undone.State != Undone || !slices.Equal(before, contents(t, path)) {
		t.Errorf("%+v, %v", undone, err)
	}
	if _, err := ledger.Undo(t.Context(), path, r.ID, "somebody"); !errors.Is(err, ErrNotApplicable) {
		t.Errorf("undone twice: %v", err)
	}
	entries, err := ledger.store.Entries(t.Context(), 10)
	must(t, err)
	var trail []string
	for _, e := range entries {
		trail = append(trail, e.Actor+" "+e.Action)
	}
	if want := []string{"somebody else undone", "somebody else undo", "somebody applied", "somebody apply", "somebody proposed"}; !slices.Equal(trail, want) {
		t.Errorf("the audit trail is %q", trail)
	}
}

// TestLedgerRefuses what rests on another schema, what a proof rejected, and what a person must do.
func TestLedgerRefuses(t *testing.T) {
	ledger, err := OpenLedger(t.Context(), filepath.Join(t.TempDir(), "history.db"))
	must(t, err)
	defer ledger.Close()
	for _, c := range []struct {
		name string
		then func(path string, r *Recommendation)
		want error
	}{
		{"an index was added", func(path string, _ *Recommendation) { change(t, path, "CREATE INDEX other ON orders(total)") }, ErrStale},
		{"a column was added", func(path string, _ *Recommendation) { change(t, path, "ALTER TABLE orders ADD COLUMN note") }, ErrStale},
		{"a column was renamed", func(path string, _ *Recommendation) { change(t, path, "ALTER TABLE orders RENAME total TO sum") }, ErrStale},
		{"the table is gone", func(path string, _ *Recommendation) { change(t, path, "DROP TABLE orders") }, ErrStale},
		{"other statements", func(_ string, r *Recommendation) { r.Statements = []string{"DROP TABLE orders"} }, ErrStale},
		{"rejected", func(_ string, r *Recommendation) { r.State = Rejected }, ErrNotApplicable},
		{"inconclusive", func(_ string, r *Recommendation) { r.State = Inconclusive }, ErrNotApplicable},
		{"for a person", func(_ string, r *Recommendation) { r.Applicable = false }, ErrNotApplicable},
	} {
		path := create(t, orders)
		r := proposed(t, path)
		c.then(path, r)
		before := contents(t, path)
		if err := ledger.Apply(t.Context(), path, []*Recommendation{r}, "x", func(*Recommendation) { t.Error("done") }); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		if !slices.Equal(before, contents(t, path)) {
			t.Errorf("%s: changed all the same", c.name)
		}
	}
	if list, err := ledger.store.Recommendations(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("%d are remembered, %v", len(list), err)
	}
}

// TestChangesElsewhere: rows, statistics and other tables are no reason to refuse.
func TestChangesElsewhere(t *testing.T) {
	ledger, err := OpenLedger(t.Context(), filepath.Join(t.TempDir(), "history.db"))
	must(t, err)
	defer ledger.Close()
	path := create(t, orders)
	r := proposed(t, path)
	change(t, path, "DELETE FROM orders WHERE id < 100", "ANALYZE", "CREATE TABLE other(a)", "CREATE INDEX other_a ON other(a)")
	must(t, ledger.Apply(t.Context(), path, []*Recommendation{r}, "x", func(*Recommendation) {}))
}

// TestPlanOfSeveral: one change after the other, each resting on the one before.
func TestPlanOfSeveral(t *testing.T) {
	ledger, err := OpenLedger(t.Context(), filepath.Join(t.TempDir(), "history.db"))
	must(t, err)
	defer ledger.Close()
	path := create(t, orders, "CREATE INDEX a ON orders(total)", "CREATE INDEX b ON orders(total, id, customer)")
	report, err := Analyze(t.Context(), path, readWorkload(t, byCustomer), Options{ShadowDir: t.TempDir()})
	must(t, err)
	plan := Plan(report.Recommendations, nil)
	if len(plan) != 2 {
		t.Fatalf("%d of %d in the plan", len(plan), len(report.Recommendations))
	}
	must(t, ledger.Apply(t.Context(), path, plan, "x", func(*Recommendation) {}))
	if one := Plan(report.Recommendations, []string{plan[0].ID}); len(one) != 1 || one[0] != plan[0] {
		t.Errorf("picked %v", one)
	}
}

// TestAnalyzeIsCancelled at any moment: it returns soon and leaves no copy behind.
func TestAnalyzeIsCancelled(t *testing.T) {
	path, dir := create(t, strings.ReplaceAll(orders, "5000", "1500")), t.TempDir()
	queries := readWorkload(t, byCustomer+"\nSELECT sum(total) FROM orders WHERE customer > 40 GROUP BY customer\nDELETE FROM orders WHERE total = 3")
	random := rand.New(rand.NewPCG(3, 4))
	for range 6 {
		ctx, cancel := context.WithCancel(t.Context())
		left := random.IntN(14)
		var ended time.Time
		_, err := Analyze(ctx, path, queries, Options{ShadowDir: dir, Progress: func(string, string, float64) {
			if left--; left < 0 && ended.IsZero() {
				ended = time.Now()
				cancel()
			}
		}})
		if took := time.Since(ended); !ended.IsZero() && took > 2*time.Second {
			t.Errorf("returned %v after the end of its context", took)
		}
		if !ended.IsZero() && !errors.Is(err, context.Canceled) || ended.IsZero() && err != nil {
			t.Errorf("cancelled %v: %v", !ended.IsZero(), err)
		}
		cancel()
		soon, cancelSoon := context.WithTimeout(t.Context(), time.Duration(random.Int64N(int64(100*time.Millisecond))))
		Analyze(soon, path, queries, Options{ShadowDir: dir})
		cancelSoon()
		if names := files(t, dir); len(names) != 0 {
			t.Fatalf("%d entries left where the copies were", len(names))
		}
	}
}

// TestAnalyzeRefuses says in one line why a file cannot be analyzed.
func TestAnalyzeRefuses(t *testing.T) {
	damaged := create(t, orders)
	b, err := os.ReadFile(damaged)
	must(t, err)
	copy(b[3*4096:], strings.Repeat("garbage", 500))
	must(t, os.WriteFile(damaged, b, 0o600))
	for path, want := range map[string]string{filepath.Join(t.TempDir(), "none.db"): "no such file", damaged: "is corrupt"} {
		if _, err := Analyze(t.Context(), path, nil, Options{}); err == nil || !strings.HasPrefix(err.Error(), path+": "+want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v", err)
		}
	}
	report, err := Analyze(t.Context(), create(t, orders), readWorkload(t, byCustomer), Options{MaxShadow: 1})
	must(t, err)
	if len(report.Skipped) != 1 || !strings.Contains(report.Skipped[0].Reason, "too large") || report.Recommendations[1].State != Estimated {
		t.Errorf("%+v", report)
	}
}

// An index that somebody dropped by hand is as undone as can be; one of another file is not touched.
func TestUndoOfWhatIsGone(t *testing.T) {
	ledger, err := OpenLedger(t.Context(), filepath.Join(t.TempDir(), "history.db"))
	must(t, err)
	defer ledger.Close()
	path, other := create(t, orders), create(t, orders)
	r := proposed(t, path)
	must(t, ledger.Apply(t.Context(), path, []*Recommendation{r}, "somebody", func(*Recommendation) {}))
	if _, err := ledger.Undo(t.Context(), other, r.ID, "somebody"); !errors.Is(err, ErrNotApplicable) {
		t.Errorf("undone on another file: %v", err)
	}
	change(t, path, "DROP INDEX sqliteperf_orders_customer")
	undone, err := ledger.Undo(t.Context(), path, r.ID, "somebody")
	if err != nil || undone.State != Undone {
		t.Errorf("%+v, %v", undone, err)
	}
}

package advisor

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
)

// TestCosts runs a little of everything that statistics tell apart and reads it back, from the open
// interval as from the history.
func TestCosts(t *testing.T) {
	ctx := t.Context()
	app := launch(t, create(t, orders)+"?_pragma=busy_timeout(10000)") // rollbacks of ended contexts come later
	scope := capture.NewScope()
	scope.SetName("GET /orders")
	request := capture.WithScope(ctx, scope)
	rows, err := app.db.QueryContext(request, "SELECT * FROM orders WHERE total > ? ORDER BY total", 1.5)
	must(t, err)
	defer rows.Close()
	scope.End()
	_, err = app.db.ExecContext(request, "DELETE FROM orders WHERE id = -1")
	must(t, err)
	app.run(3, "UPDATE orders SET total = ? WHERE id = ?", nil, 1)
	upgrade(t, app.db)
	if _, err := app.db.Exec("INSERT INTO orders(id) VALUES(1)"); err == nil {
		t.Error("a row was inserted twice")
	}

	app.until(func() bool { return app.stats().Totals.Queries == 7 })
	open := app.stats().Databases[0].OpenRows
	if len(open) != 1 || open[0].Route != "GET /orders" || open[0].Age <= 0 || !strings.Contains(open[0].Caller, "costs_test.go:") {
		t.Errorf("open rows: %+v", open)
	}
	must(t, rows.Close())
	app.until(func() bool { return app.stats().Totals.Queries == 8 })
	checkCosts(t, app.stats())
	must(t, app.advisor.Close())
	app.open()
	checkCosts(t, app.stats())
	must(t, app.advisor.Close())
}

// upgrade runs a transaction that reads first and then writes, and rolls it back.
func upgrade(t *testing.T, db *sql.DB) {
	ctx, cancel := context.WithCancel(t.Context())
	tx, err := db.BeginTx(ctx, nil)
	must(t, err)
	var n int
	must(t, tx.QueryRow("SELECT count(*) FROM orders").Scan(&n))
	_, err = tx.Exec("DELETE FROM orders WHERE id = -2")
	must(t, err)
	cancel()
	if err := tx.Commit(); !errors.Is(err, context.Canceled) && !errors.Is(err, sql.ErrTxDone) {
		t.Errorf("a commit after the end of its context: %v", err)
	}
}

func checkCosts(t *testing.T, s *Stats) {
	t.Helper()
	q, _ := findQuery(s, "SELECT * FROM orders WHERE total > ? ORDER BY total")
	if q.Work.Counted != 1 || q.Work.FullScan == 0 || q.Work.Sorts != 1 || q.Work.Steps == 0 || q.Late != 0 || len(q.Parameters) != 1 || q.Parameters[0] != "float" {
		t.Errorf("the scan: %+v", q)
	}
	if len(q.Callers) != 1 || q.Callers[0].Calls != 1 || q.Callers[0].Unattributed != 0 || !strings.HasSuffix(q.Callers[0].Function, "TestCosts") {
		t.Errorf("who called the scan: %+v", q.Callers)
	}
	if late, _ := findQuery(s, "DELETE FROM orders WHERE id = ?"); late.Late != 1 || late.Calls != 2 {
		t.Errorf("a statement after its request: %+v", late)
	}
	if failed, _ := findQuery(s, "INSERT INTO orders(id) VALUES (?)"); failed.Classes["constraint"] != 1 || failed.Errors != 1 {
		t.Errorf("a failure: %+v", failed.Classes)
	}
	if update, _ := findQuery(s, "UPDATE orders SET total = ? WHERE id = ?"); len(update.Parameters) != 2 || update.Parameters[0] != "null" || update.Parameters[1] != "int" {
		t.Errorf("what was bound: %q", update.Parameters)
	}
	if tx := s.Transactions; tx.Commits != 0 || tx.Rollbacks["cancelled"] != 1 || tx.Upgraded != 1 {
		t.Errorf("transactions: %+v", tx)
	}
	c := s.Coverage
	if c.Late != 1 || c.Attributed <= 0 || c.Attributed >= 1 || len(c.Unattributed) == 0 {
		t.Errorf("coverage: %+v", c)
	}
}

func findQuery(s *Stats, fingerprint string) (QueryStats, bool) {
	for _, q := range s.Queries {
		if q.Fingerprint == fingerprint {
			return q, true
		}
	}
	return QueryStats{}, false
}

// exporting counts what it gets, and panics when told to.
type exporting struct {
	events, intervals atomic.Int64
	broken            atomic.Bool
}

func (e *exporting) Export(events []capture.Event) {
	if e.broken.Load() {
		panic("broken")
	}
	e.events.Add(int64(len(events)))
}

func (e *exporting) ExportInterval(time.Time, time.Time, []*digest.Summary) { e.intervals.Add(1) }

func TestExportersGetWhatIsDrainedUntilRemoved(t *testing.T) {
	app := launch(t, create(t, orders))
	var first, second, bad exporting
	remove := app.advisor.Export(&first)
	app.advisor.Export(&second)
	app.advisor.Export(&bad)
	bad.broken.Store(true)
	app.run(5, "SELECT 1")
	app.until(func() bool { return second.events.Load() == 5 && second.intervals.Load() > 0 })
	if first.events.Load() != 5 {
		t.Errorf("%d events, want 5", first.events.Load())
	}
	remove()
	bad.broken.Store(false)
	app.run(5, "SELECT 1")
	app.until(func() bool { return second.events.Load() == 10 })
	if first.events.Load() != 5 || bad.events.Load() != 0 {
		t.Errorf("%d and %d events after the exporters were removed", first.events.Load(), bad.events.Load())
	}
	must(t, app.advisor.Close())
}

// TestLongStatementsAreLeftOut: the beginning of a statement may read as another one, and is not advised on.
func TestLongStatementsAreLeftOut(t *testing.T) {
	app := launch(t, create(t, orders))
	app.run(3, "SELECT total AS "+strings.Repeat("x", capture.FingerprintBytes)+" FROM orders WHERE customer = 7")
	app.until(func() bool { return app.stats().Totals.Queries == 3 })
	must(t, app.advisor.Analyze(t.Context()))
	skipped := app.advisor.Analysis().Skipped
	if len(skipped) != 1 || skipped[0].Reason != errTooLong.Error() {
		t.Errorf("%.500v", skipped)
	}
	must(t, app.advisor.Close())
}

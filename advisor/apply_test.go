package advisor

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// TestApplyWhen: what must wait for a moment or a lock is done in its time or not at all.
func TestApplyWhen(t *testing.T) {
	app := launch(t, create(t, orders))
	a := app.advisor
	defer func() { must(t, a.Close()) }()
	path := a.watchedDatabases()[0].source.Path
	r := proposed(t, path)
	r.Database = "app"
	must(t, a.put(t.Context(), r))
	before := contents(t, path)
	nothing := func(name string) {
		t.Helper()
		if got := a.Recommendation(r.ID); got.State != Proposed || got.Error != "" || got.Was != "" || !slices.Equal(before, contents(t, path)) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if _, err := a.ApplyWhen(t.Context(), r.ID, r.PlanHash, "x", When{Quiet: time.Millisecond}); !errors.Is(err, ErrNotQuiet) {
		t.Errorf("no quiet moment: %v", err)
	}
	nothing("not quiet")

	locker, err := app.db.Conn(t.Context())
	must(t, err)
	_, err = locker.ExecContext(capture.Mute(t.Context()), "BEGIN IMMEDIATE")
	must(t, err)
	if _, err := a.ApplyWhen(t.Context(), r.ID, r.PlanHash, "x", When{Deadline: 50 * time.Millisecond}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("locked: %v", err)
	}
	nothing("locked")
	_, err = locker.ExecContext(capture.Mute(t.Context()), "COMMIT")
	must(t, err)
	must(t, locker.Close())

	for range pulseLeast {
		a.pulse.beat(0)
	}
	applied, err := a.ApplyWhen(t.Context(), r.ID, r.PlanHash, "x", When{Quiet: time.Hour, Deadline: time.Minute})
	if err != nil || applied.State != Applied || applied.Live.AppliedAt.Before(applied.Live.Began) {
		t.Errorf("%+v, %v", applied, err)
	}
	entries, err := a.Audit(t.Context(), 20)
	must(t, err)
	var trail []string
	for _, e := range slices.Backward(entries) {
		trail = append(trail, e.Action)
	}
	if got := strings.Join(trail, " "); got != "apply fail apply applied" {
		t.Errorf("the ledger says %s", got)
	}
}

// TestRefresh: idle connections see a change before they run anything, and none of it is captured or
// kept from the application.
func TestRefresh(t *testing.T) {
	path := create(t, orders)
	app := launch(t, path)
	a := app.advisor
	defer func() { must(t, a.Close()) }()
	app.db.SetMaxIdleConns(3)
	app.db.SetMaxOpenConns(4)
	busy, err := app.db.Conn(t.Context())
	must(t, err)
	defer busy.Close()
	func() {
		for range 3 {
			conn, err := app.db.Conn(t.Context())
			must(t, err)
			defer conn.Close()
			_, err = conn.ExecContext(capture.Mute(t.Context()), byCustomer)
			must(t, err)
		}
	}()
	change(t, path, "CREATE INDEX a ON orders(customer)")
	recorded := app.stats().Capture.Recorded
	a.watchedDatabases()[0].refresh(t.Context())
	if s := app.db.Stats(); s.Idle != 3 || s.InUse != 1 || s.OpenConnections != 4 {
		t.Errorf("%+v", s)
	}
	for range 3 {
		conn, err := app.db.Conn(t.Context())
		must(t, err)
		defer conn.Close()
		var id, parent, unused int
		var detail string
		must(t, conn.QueryRowContext(capture.Mute(t.Context()), "EXPLAIN QUERY PLAN "+byCustomer).Scan(&id, &parent, &unused, &detail))
		if !strings.Contains(detail, "USING INDEX a") {
			t.Errorf("an idle connection plans %s", detail)
		}
	}
	if now := app.stats().Capture.Recorded; now != recorded {
		t.Errorf("%d statements of ours were captured", now-recorded)
	}
}

// TestSharedHistory: the command line applies what a running Advisor is about to apply. One of them does.
func TestSharedHistory(t *testing.T) {
	app := launch(t, create(t, orders))
	a := app.advisor
	defer func() { must(t, a.Close()) }()
	path := a.watchedDatabases()[0].source.Path
	r := proposed(t, path)
	r.Database = "app"
	must(t, a.put(t.Context(), r))

	ledger, err := OpenLedger(t.Context(), app.config.History)
	must(t, err)
	defer ledger.Close()
	must(t, ledger.Apply(t.Context(), path, []*Recommendation{proposed(t, path)}, "cli", func(*Recommendation) {}))
	change(t, path, "DROP INDEX sqliteperf_orders_customer") // else the plan would be stale already
	if _, err := a.Apply(t.Context(), r.ID, r.PlanHash, "somebody"); !errors.Is(err, ErrStale) {
		t.Errorf("got %v", err)
	}
	if got := a.Recommendation(r.ID); got.State != Applied {
		t.Errorf("the Advisor still says %s", got.State)
	}
	entries, err := ledger.Entries(t.Context(), 20)
	must(t, err)
	if past, err := Replay(entries); err != nil || past.States[r.ID] != Applied || len(past.Executed) != 1 {
		t.Errorf("%+v, %v", past, err)
	}
	if _, err := a.Undo(t.Context(), r.ID, r.PlanHash, "somebody"); err != nil {
		t.Errorf("undone by the other: %v", err)
	}
}

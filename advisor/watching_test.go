package advisor

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
	"github.com/sqliteperf/sqliteperf/internal/history"
	"github.com/sqliteperf/sqliteperf/internal/sqltext"
)

// shopping is the traffic of an application, by statement.
var shopping = map[string]time.Duration{
	byCustomer:                     5 * time.Millisecond,
	"SELECT sum(total) FROM spent": 2 * time.Millisecond, // a view of orders
	"UPDATE orders SET total = total + ? WHERE id = ?":    100 * time.Microsecond,
	"SELECT name FROM customers WHERE id = ?":             time.Millisecond,
	"INSERT INTO customers(name) VALUES(?)":               200 * time.Microsecond,
	"SELECT count(*) FROM customers WHERE name LIKE 'a%'": 3 * time.Millisecond,
}

// traffic writes intervals into the history as the drain would have: 40 calls of each statement, whose
// times are multiplied by the factors.
func (app *application) traffic(from, to time.Time, interval time.Duration, factors map[string]float64) {
	app.t.Helper()
	source := app.advisor.watchedDatabases()[0].source
	for at := from; at.Before(to); at = at.Add(interval) {
		var list []*digest.Summary
		for text, usual := range shopping {
			print := sqltext.Fingerprint(text)
			s := &digest.Summary{Name: print, Database: source, Statement: &capture.Statement{
				Digest: sqltext.Digest(print), Fingerprint: print, ReadOnly: sqltext.ReadOnly(text),
			}}
			s.Key = digest.Key{Source: source.ID, Kind: capture.KindStatement, Digest: s.Statement.Digest}
			if f, ok := factors[text]; ok {
				usual = time.Duration(float64(usual) * f)
			}
			for i := range 40 {
				took := usual * time.Duration(90+(i*7+int(at.Unix()/60)*13)%20) / 100
				s.Calls, s.Total = s.Calls+1, s.Total+took
				s.Time.Add(int64(took))
			}
			list = append(list, s)
		}
		must(app.t, app.advisor.store.Append(context.Background(), history.Interval{Start: at, End: at.Add(interval)}, list))
	}
}

// watchedChange is an application in which an index was applied two days ago.
func watchedChange(t *testing.T) (app *application, r *Recommendation, applied time.Time) {
	app = launch(t, create(t, orders, "CREATE TABLE customers(id INTEGER PRIMARY KEY, name)", "CREATE VIEW spent AS SELECT total FROM orders"))
	t.Cleanup(func() { must(t, app.advisor.Close()) })
	path := app.advisor.watchedDatabases()[0].source.Path
	applied = time.Now().Add(-48 * time.Hour).Truncate(time.Minute).UTC()
	found := proposed(t, path)
	found.Database = "app"
	must(t, app.advisor.put(t.Context(), found))
	r, err := app.advisor.Apply(t.Context(), found.ID, found.PlanHash, "somebody")
	must(t, err)
	back := *r
	back.Live = &Live{Began: applied.Add(-time.Second), AppliedAt: applied}
	must(t, app.advisor.put(t.Context(), &back))
	return app, &back, applied
}

// TestWatching: traffic before and after decides what becomes of an applied change.
func TestWatching(t *testing.T) {
	const view = "SELECT sum(total) FROM spent"
	for _, c := range []struct {
		name      string
		nightly   bool // another statement ran ten hours before
		yesterday bool // there is traffic of the day before, which is as after
		since     map[string]float64
		looks     []time.Duration // the last decides
		want      State
		says      string
	}{
		{"faster", false, false, map[string]float64{byCustomer: 0.05}, []time.Duration{15 * time.Minute}, Kept, "faster"},
		{"faster, and writes slower", false, false, map[string]float64{byCustomer: 0.05, "UPDATE orders SET total = total + ? WHERE id = ?": 1.5}, []time.Duration{15 * time.Minute}, Kept, "writes lose"},
		{"faster, and a nightly statement not seen yet", true, false, map[string]float64{byCustomer: 0.05}, []time.Duration{15 * time.Minute}, Applied, "not seen often enough since: 1"},
		{"slower", false, false, map[string]float64{byCustomer: 3}, []time.Duration{15 * time.Minute}, Undone, "target takes 3"},
		{"slower through a view", false, false, map[string]float64{byCustomer: 0.5, view: 1.6}, []time.Duration{15 * time.Minute, 30 * time.Minute}, Undone, "other takes 1.6"},
		{"the same", false, false, nil, []time.Duration{15 * time.Minute, 30 * time.Minute}, Applied, "no difference so far"},
		{"as slow as yesterday at this time", false, true, map[string]float64{byCustomer: 3}, []time.Duration{4 * time.Hour}, Applied, "no difference so far"},
	} {
		t.Run(c.name, func(t *testing.T) {
			app, r, applied := watchedChange(t)
			a := app.advisor
			last := c.looks[len(c.looks)-1]
			app.traffic(applied.Add(-30*time.Minute), applied, 30*time.Second, nil)
			app.traffic(applied, applied.Add(last), 30*time.Second, c.since)
			if c.nightly {
				shopping["SELECT max(total) FROM orders"] = time.Second
				app.traffic(applied.Add(-10*time.Hour), applied.Add(-10*time.Hour+5*time.Minute), time.Minute, nil)
				delete(shopping, "SELECT max(total) FROM orders")
			}
			if c.yesterday {
				app.traffic(applied.Add(-day), applied.Add(last-day), 15*time.Minute, c.since)
			}
			must(t, a.look(t.Context(), applied.Add(15*time.Minute-time.Second))) // not due yet
			if a.Recommendation(r.ID).Live.Watch != nil {
				t.Error("looked too early")
			}
			for _, at := range c.looks {
				must(t, a.look(t.Context(), applied.Add(at)))
			}
			got := a.Recommendation(r.ID)
			w := got.Live.Watch
			if got.State != c.want || !strings.Contains(w.Reason, c.says) || w.Looks != len(c.looks) || len(w.Statements) != 3 || w.Controls != 3 {
				t.Fatalf("%s: %+v", got.State, w)
			}
			if want := map[bool]string{true: "a day before", false: "directly before"}[c.yesterday]; w.Baseline != want {
				t.Errorf("compared with %s", w.Baseline)
			}
			decided(t, a, got, c.want)
		})
	}
}

// decided: the database and the ledger agree with the decision, and the numbers are in the ledger.
func decided(t *testing.T, a *Advisor, r *Recommendation, want State) {
	t.Helper()
	there := slices.ContainsFunc(contents(t, r.File), func(line string) bool { return strings.Contains(line, "sqliteperf_orders_customer") })
	if there != want.made() {
		t.Errorf("%s, the index is there: %v", want, there)
	}
	if want == Applied {
		return
	}
	entries, err := a.Audit(t.Context(), 1)
	must(t, err)
	var s step
	must(t, json.Unmarshal(entries[0].Data, &s))
	if entries[0].Actor != "advisor" || entries[0].Action != string(want) || s.To != want || s.Watch == nil || len(s.Watch.Statements) != 3 ||
		!strings.Contains(entries[0].Detail, s.Watch.Reason) {
		t.Errorf("the ledger says %+v with %s", entries[0], entries[0].Data)
	}
	harmed := slices.ContainsFunc(a.Alerts(), func(al Alert) bool { return al.Code == "harmful_change" && al.Subject == r.ID })
	if harmed != (want == Undone) {
		t.Errorf("an alert: %v", harmed)
	}
}

// TestWatchingCannotUndo: while the database is locked the change stays, and is undone later.
func TestWatchingCannotUndo(t *testing.T) {
	app, r, applied := watchedChange(t)
	a := app.advisor
	app.traffic(applied.Add(-30*time.Minute), applied, 30*time.Second, nil)
	app.traffic(applied, applied.Add(20*time.Minute), 30*time.Second, map[string]float64{byCustomer: 4})
	change(t, r.File, "CREATE INDEX other ON customers(name)")
	unwritable(t, r.File, func() {
		if err := a.look(t.Context(), applied.Add(15*time.Minute)); err == nil {
			t.Error("undone, though nobody may write")
		}
	})
	got := a.Recommendation(r.ID)
	if got.State != Applied || got.Live.Watch.Verdict != watchGoesOn || !strings.Contains(got.Live.Watch.Reason, "undoing it failed") {
		t.Fatalf("%+v, %+v", got.State, got.Live.Watch)
	}
	must(t, a.look(t.Context(), applied.Add(17*time.Minute)))
	if got := a.Recommendation(r.ID); got.State != Undone {
		t.Errorf("%+v", got)
	}
}

// TestReach: a table is reached through views of views and through triggers.
func TestReach(t *testing.T) {
	db, err := openDatabase(t.Context(), create(t, orders,
		"CREATE VIEW v1 AS SELECT * FROM orders", `CREATE VIEW "V 2" AS SELECT * FROM v1`, "CREATE TABLE other(a)", "CREATE TABLE far(orders_)",
		"CREATE TRIGGER x AFTER INSERT ON other BEGIN UPDATE orders SET total = 0; END"))
	must(t, err)
	defer db.Close()
	s, err := db.Schema(t.Context())
	must(t, err)
	names := map[string]bool{"orders": true}
	reach(names, s)
	for text, want := range map[string]bool{
		"SELECT * FROM Orders": true, "SELECT * FROM [v 2]": true, "INSERT INTO other VALUES(?)": true, "SELECT orders_ FROM far": false, "SELECT 'orders'": false,
	} {
		if namesAny(text, names) != want {
			t.Errorf("%s: %v, names %v", text, !want, names)
		}
	}
}

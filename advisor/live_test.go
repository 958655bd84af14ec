package advisor

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/driver"
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// application is a program with a database, seen by an Advisor.
type application struct {
	t       *testing.T
	config  Config
	advisor *Advisor
	db      *sql.DB
	news    *Subscription
}

func launch(t *testing.T, path string) *application {
	app := &application{t: t, config: Config{
		History: filepath.Join(t.TempDir(), "advisor.db"), Interval: time.Second, Every: -1, ShadowDir: t.TempDir(), Logger: slog.New(slog.DiscardHandler),
	}}
	app.db = opened(t, driver.Name, path)
	app.open()
	return app
}

func opened(t *testing.T, name, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(name, dsn)
	must(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}

func (app *application) open() {
	var err error
	app.advisor, err = Open(app.config)
	must(app.t, err)
	app.news = app.advisor.Subscribe(0)
	must(app.t, app.advisor.Watch("app", app.db))
}

func (app *application) run(times int, text string, args ...any) {
	app.t.Helper()
	for range times {
		_, err := app.db.Exec(text, args...)
		must(app.t, err)
	}
}

// until waits for news until ok: every second there is a sample.
func (app *application) until(ok func() bool) {
	app.t.Helper()
	timeout := time.After(30 * time.Second)
	for {
		select {
		case _, open := <-app.news.C:
			if !open {
				app.t.Fatal("the advisor is closed")
			}
			if ok() {
				return
			}
		case <-timeout:
			app.t.Fatal("nothing comes")
		}
	}
}

func (app *application) stats() *Stats {
	app.t.Helper()
	s, err := app.advisor.Stats(context.Background(), time.Hour)
	must(app.t, err)
	return s
}

// TestLive is the life of one recommendation: statements are captured, advice is found and proved,
// reviewed, applied, measured and undone, and all of it is there after a restart.
func TestLive(t *testing.T) {
	ctx := t.Context()
	path := create(t, orders)
	app := launch(t, path)
	a := app.advisor
	if _, err := Open(Config{History: filepath.Join(t.TempDir(), "b.db")}); !errors.Is(err, capture.ErrAttached) {
		t.Errorf("a second advisor: %v", err)
	}
	if err := a.Watch("bare", opened(t, "sqlite", path)); !errors.Is(err, ErrNotCaptured) {
		t.Errorf("a database that is not captured: %v", err)
	}
	memory := opened(t, driver.Name, ":memory:")
	memory.SetMaxOpenConns(1)
	must(t, a.Watch("memory", memory))

	const search = "SELECT * FROM orders WHERE customer = ? /* 'search' */"
	app.run(20, search, 7)
	app.run(5, "UPDATE orders SET total = total + 1 WHERE id = ?", 9)
	for range 3 {
		_, err := memory.Exec("SELECT 1")
		must(t, err)
	}
	app.until(func() bool { return app.stats().Totals.Queries == 28 })
	checkStats(t, app.stats())

	must(t, a.Analyze(ctx))
	r := advised(t, a)
	if r.State != Proved || r.Evidence == nil || r.Database != "app" || len(files(t, app.config.ShadowDir)) != 0 {
		t.Fatalf("%+v", r)
	}
	if an := a.Analysis(); an.Running || an.Last == nil || an.Statements != 2 || len(an.Skipped) != 0 {
		t.Errorf("%+v", an)
	}
	if s := app.stats(); !slices.Contains(s.Queries[slices.IndexFunc(s.Queries, func(q QueryStats) bool { return q.Calls == 20 })].Advice, r.ID) {
		t.Error("the statement does not lead to its advice")
	}
	app.refuses(r)

	v, err := a.Review(ctx, r.ID)
	if err != nil || v.PlanHash != r.PlanHash || v.State != Proved || !slices.Equal(v.Statements, r.Statements) || !slices.Equal(v.Undo, r.Undo) {
		t.Fatalf("%+v, %v", v, err)
	}
	before := contents(t, path)
	applied, err := a.Apply(ctx, r.ID, v.PlanHash, "somebody")
	if err != nil || applied.State != Applied || applied.Live.BeforeCalls != 20 {
		t.Fatalf("%+v, %v", applied, err)
	}
	if _, err := a.Apply(ctx, r.ID, v.PlanHash, "somebody"); !errors.Is(err, ErrNotApplicable) {
		t.Errorf("applied twice: %v", err)
	}
	must(t, a.Analyze(ctx)) // leaves what is applied as it is
	samples := len(app.stats().Series.Time)
	app.until(func() bool { return len(app.stats().Series.Time) > samples }) // an interval that begins after the change
	app.run(10, search, 8)
	app.until(func() bool { live := advised(t, a).Live; return live != nil && live.AfterCalls == 10 })
	if live := advised(t, a).Live; live.BeforeCalls != 20 || live.AfterP95MS <= 0 || live.BeforeP95MS <= 0 {
		t.Errorf("%+v", live)
	}

	if _, err := a.Undo(ctx, r.ID, "other", "somebody"); !errors.Is(err, ErrStale) {
		t.Errorf("undone with another hash: %v", err)
	}
	undone, err := a.Undo(ctx, r.ID, v.PlanHash, "somebody else")
	if err != nil || undone.State != Undone || !slices.Equal(before, contents(t, path)) {
		t.Errorf("%+v, %v", undone, err)
	}
	app.restarts(r)
}

// refuses: another hash, another schema, what does not exist, and what a proof rejected.
func (app *application) refuses(r *Recommendation) {
	t, a, ctx := app.t, app.advisor, app.t.Context()
	rejected := *r
	rejected.ID, rejected.State = "ix01-rejected", Rejected
	must(t, a.put(ctx, &rejected))
	_, err := app.db.Exec("CREATE INDEX other ON orders(total)")
	must(t, err)
	if _, err := a.Review(ctx, r.ID); !errors.Is(err, ErrStale) {
		t.Errorf("reviewed on another schema: %v", err)
	}
	for _, c := range []struct {
		id, hash string
		want     error
	}{{r.ID, r.PlanHash, ErrStale}, {r.ID, "", ErrStale}, {r.ID, r.PlanHash + "0", ErrStale}, {"ix01-unknown", r.PlanHash, ErrUnknown}, {rejected.ID, r.PlanHash, ErrNotApplicable}} {
		if _, err := a.Apply(ctx, c.id, c.hash, "somebody"); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if _, err := a.Undo(ctx, r.ID, r.PlanHash, "somebody"); !errors.Is(err, ErrNotApplicable) {
		t.Errorf("undone before it was applied: %v", err)
	}
	if _, err := a.Review(ctx, "ix01-unknown"); !errors.Is(err, ErrUnknown) {
		t.Errorf("got %v", err)
	}
	_, err = app.db.Exec("DROP INDEX other")
	must(t, err)
}

// restarts: the state of advice, the audit trail and the figures are kept in the history.
func (app *application) restarts(r *Recommendation) {
	t, ctx := app.t, app.t.Context()
	queries := app.stats().Totals.Queries
	must(t, app.advisor.Close())
	app.open()
	a := app.advisor
	if restored := a.Recommendation(r.ID); restored == nil || restored.State != Undone || restored.PlanHash != r.PlanHash {
		t.Errorf("%+v", restored)
	}
	if s := app.stats(); s.Totals.Queries < queries || len(s.Markers) != 2 || s.Markers[0].Action != "applied" || s.Markers[1].Action != "undone" {
		t.Errorf("%d queries of %d, markers %+v", s.Totals.Queries, queries, s.Markers)
	}
	if again, err := a.Apply(ctx, r.ID, r.PlanHash, "somebody"); err != nil || again.State != Applied {
		t.Errorf("%+v, %v", again, err)
	}
	entries, err := a.Audit(ctx, 100)
	must(t, err)
	var trail []string
	for _, e := range slices.Backward(entries) {
		if e.Subject == r.ID {
			trail = append(trail, e.Actor+" "+e.Action)
		}
	}
	want := "advisor proved, somebody apply, somebody applied, somebody else undo, somebody else undone, somebody apply, somebody applied"
	if got := strings.Join(trail, ", "); got != want {
		t.Errorf("the audit trail is %s", got)
	}
	must(t, a.Close())
	if _, open := <-drained(app.news.C); open {
		t.Error("subscriptions outlive the advisor")
	}
}

// drained skips what waits in a closed channel.
func drained(c <-chan Event) <-chan Event {
	for len(c) > 0 {
		<-c
	}
	return c
}

// advised is the one recommendation on an index of orders.
func advised(t *testing.T, a *Advisor) *Recommendation {
	t.Helper()
	list, err := a.Recommendations(context.Background())
	must(t, err)
	i := slices.IndexFunc(list, func(r *Recommendation) bool { return r.Code == codeMissing && r.State != Rejected })
	if i < 0 {
		t.Fatalf("no advice among %d", len(list))
	}
	for _, r := range list {
		if r.Database == "memory" {
			t.Errorf("advice on a database in memory: %s", r.Title)
		}
	}
	return list[i]
}

// checkStats compares the figures of one view with each other.
func checkStats(t *testing.T, s *Stats) {
	t.Helper()
	if c := s.Capture; c.Recorded != c.Drained+c.Dropped+c.Pending || c.Dropped != 0 {
		t.Errorf("%+v", c)
	}
	var calls uint64
	var share, total float64
	for _, q := range s.Queries {
		calls, share, total = calls+q.Calls, share+q.Share, total+q.Total
		if !(q.P50 <= q.P95 && q.P95 <= q.P99) || q.Mean*float64(q.Calls) < q.Total*0.999 || q.Database == "" || len(q.Digest) != 16 {
			t.Errorf("%+v", q)
		}
	}
	if calls != s.Totals.Queries || math.Abs(share-1) > 1e-9 || total <= 0 {
		t.Errorf("%d calls, totals %+v, share %v", calls, s.Totals, share)
	}
	if s.Totals.Writes != 5 || s.Totals.Errors != 0 || s.Totals.P50 > s.Totals.P99 {
		t.Errorf("%+v", s.Totals)
	}
	n := len(s.Series.Time)
	for _, m := range []int{len(s.Series.Queries), len(s.Series.Writes), len(s.Series.Requests), len(s.Series.Errors), len(s.Series.Busy), len(s.Series.P50), len(s.Series.P99)} {
		if m != n {
			t.Errorf("series of %d and %d values", m, n)
		}
	}
	var names []string
	for _, d := range s.Databases {
		names = append(names, fmt.Sprint(d.Name, d.Size > 0, len(d.Settings) > 0, d.Pool.Open > 0))
	}
	if want := []string{"apptrue true true", "memoryfalse true true"}; !slices.Equal(names, want) {
		t.Errorf("databases %q", names)
	}
}

package advisor

import (
	"context"
	"database/sql/driver"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"modernc.org/sqlite"
)

// killEnv makes TestKilledChild the child: action, point, database and history.
const killEnv = "SQLITE_PERF_TEST_KILL"

// killed is the change that the child is killed in. die() is a function of the child alone that kills it.
func killed(path string) *Recommendation {
	return &Recommendation{
		ID: "ix01-killed", Type: "index", State: Proved, File: path, Applicable: true,
		Statements: []string{"CREATE INDEX sqliteperf_a ON orders(total)"},
		Undo:       []string{"DROP INDEX IF EXISTS sqliteperf_a"},
	}
}

// die is kill -9: nothing is flushed, closed or deferred.
func die() {
	if p, err := os.FindProcess(os.Getpid()); err == nil {
		p.Kill()
	}
	select {} // until it has arrived
}

// TestKilledChild does nothing unless it is the child of TestKill.
func TestKilledChild(t *testing.T) {
	args := strings.Split(os.Getenv(killEnv), "|")
	if len(args) != 4 {
		t.Skip("only as a child")
	}
	action, point, path, ledgerPath := args[0], args[1], args[2], args[3]
	must(t, sqlite.RegisterScalarFunction("die", 0, func(*sqlite.FunctionContext, []driver.Value) (driver.Value, error) {
		die()
		return nil, nil
	}))
	ctx := context.Background()
	ledger, err := OpenLedger(ctx, ledgerPath)
	must(t, err)
	arm := func(r *Recommendation) {
		atPoint = func(at string) {
			if at == point {
				die()
			}
		}
		if point == "in the transaction" {
			r.Statements, r.Undo = append(r.Statements, "SELECT die()"), append(r.Undo, "SELECT die()")
		}
	}
	r := killed(path)
	must(t, ledger.change(ctx, path, "child", func(ctx context.Context, c *carrier) error {
		if action == "apply" {
			arm(r)
		}
		must(t, c.enter(ctx, nil, r))
		must(t, c.carryOut(ctx, r, applying(r)))
		arm(r)
		return c.carryOut(ctx, r, undoing(r))
	}))
	t.Fatal("the child lives")
}

// TestKill kills a process that applies or undoes a change, at each point, and looks at what the next
// one makes of it.
func TestKill(t *testing.T) {
	for _, c := range []struct {
		action, point string
		want          State
		trail         string
	}{
		{"apply", "intended", Proved, "child proved, child apply, next proved"},
		{"apply", "in the transaction", Proved, "child proved, child apply, next proved"},
		{"apply", "committed", Applied, "child proved, child apply, next applied"},
		{"undo", "intended", Applied, "child proved, child apply, child applied, child undo, next applied"},
		{"undo", "in the transaction", Applied, "child proved, child apply, child applied, child undo, next applied"},
		{"undo", "committed", Undone, "child proved, child apply, child applied, child undo, next undone"},
	} {
		t.Run(c.action+" "+c.point, func(t *testing.T) {
			t.Parallel()
			path, ledgerPath := create(t, orders), filepath.Join(t.TempDir(), "history.db")
			child := exec.Command(os.Args[0], "-test.run=^TestKilledChild$")
			child.Env = append(os.Environ(), killEnv+"="+strings.Join([]string{c.action, c.point, path, ledgerPath}, "|"))
			out, err := child.CombinedOutput()
			if child.ProcessState == nil || child.ProcessState.ExitCode() != -1 {
				t.Fatalf("the child was not killed: %v\n%s", err, out)
			}
			revived(t, path, ledgerPath, c.want, c.trail)
		})
	}
}

// revived is the next process: it finds the intention, looks at the database and concludes.
func revived(t *testing.T, path, ledgerPath string, want State, trail string) {
	ctx := t.Context()
	ledger, err := OpenLedger(ctx, ledgerPath)
	must(t, err)
	defer ledger.Close()
	r, err := loadRecommendation(ctx, ledger.store, "ix01-killed")
	if err != nil || r == nil || !r.State.underWay() {
		t.Fatalf("left behind: %+v, %v", r, err)
	}
	// The file still has the write-ahead log of the dead: live opens it as its application would.
	db := opened(t, "sqlite", path)
	var ok string
	must(t, db.QueryRow("PRAGMA integrity_check").Scan(&ok))
	must(t, ledger.change(ctx, path, "next", func(ctx context.Context, c *carrier) error { return c.resume(ctx, r) }))
	there := slices.ContainsFunc(contents(t, path), func(line string) bool { return strings.Contains(line, "sqliteperf_a") })
	if ok != "ok" || r.State != want || r.Was != "" || there != want.made() {
		t.Errorf("%s, %+v, the index is there: %v", ok, r, there)
	}
	if stored, err := ledger.store.State(ctx, r.ID); err != nil || stored != string(want) {
		t.Errorf("stored as %q, %v", stored, err)
	}
	entries, err := ledger.Entries(ctx, 100)
	must(t, err)
	var got []string
	for _, e := range slices.Backward(entries) {
		got = append(got, e.Actor+" "+e.Action)
	}
	if strings.Join(got, ", ") != trail {
		t.Errorf("the ledger says %s", strings.Join(got, ", "))
	}
	past, err := Replay(entries)
	must(t, err)
	if past.States[r.ID] != want || len(past.Executed) > 0 && past.Executed[len(past.Executed)-1].Action == string(Applied) != there {
		t.Errorf("replayed: %+v", past)
	}
	must(t, ledger.change(ctx, path, "next", func(ctx context.Context, c *carrier) error {
		again := *r
		again.State = Applying
		return c.resume(ctx, &again) // what somebody else has concluded stays
	}))
	if stored, err := ledger.store.State(ctx, r.ID); err != nil || stored != string(want) {
		t.Errorf("resumed twice it is %q, %v", stored, err)
	}
}

// TestKilledWhileWatching: an applied change is watched on by the next process, from when it was applied.
func TestKilledWhileWatching(t *testing.T) {
	app := launch(t, create(t, orders))
	r := killed(app.advisor.watchedDatabases()[0].source.Path)
	r.State, r.Database, r.Live = Applied, "app", &Live{AppliedAt: r.Created, Watch: &Watch{Verdict: watchGoesOn, Looks: 3, Suspect: true}}
	must(t, app.advisor.put(t.Context(), r))
	must(t, app.advisor.Close())
	app.open()
	defer func() { must(t, app.advisor.Close()) }()
	if got := app.advisor.Recommendation(r.ID); got.State != Applied || got.Live.Watch.Looks != 3 || !got.Live.Watch.Suspect {
		t.Errorf("%+v", got)
	}
}

// TestWatchResumes: an Advisor concludes what it finds as soon as it knows the database, also of a
// change of which no object tells, and a change that was decided against is not made any more.
func TestWatchResumes(t *testing.T) {
	app := launch(t, create(t, orders))
	path := app.advisor.watchedDatabases()[0].source.Path
	db, err := app.advisor.watchedDatabases()[0].open(t.Context())
	must(t, err)
	mark, err := db.Mark(t.Context())
	must(t, err)
	must(t, db.Close())
	left := func(id string, state, was State, mark string, statements ...string) {
		r := &Recommendation{ID: id, Type: "index", State: was, Database: "app", File: path, Statements: statements, Undo: []string{"DROP INDEX IF EXISTS a"}}
		must(t, app.advisor.put(t.Context(), r))
		under := *r
		under.State, under.Was = state, was
		must(t, advance(t.Context(), app.advisor.store, was, &under, words{"x", "apply", ""}, step{Statements: statements, Mark: mark}))
	}
	left("gone", Applying, Proved, mark, "CREATE INDEX a ON orders(total)")
	left("there", Applying, Undone, mark, "CREATE INDEX b ON orders(total)")
	left("undoing", Undoing, Kept, mark, "CREATE INDEX a ON orders(total)")
	left("statistics", Applying, Proved, "another", "ANALYZE")
	must(t, app.advisor.Close())
	change(t, path, "CREATE INDEX b ON orders(total)")
	app.open()
	a := app.advisor
	defer func() { must(t, a.Close()) }()
	for id, want := range map[string]State{"gone": Proved, "there": Applied, "undoing": Undone, "statistics": Applied} {
		if r := a.Recommendation(id); r.State != want {
			t.Errorf("%s is %s, want %s", id, r.State, want)
		}
	}
	under := *a.Recommendation("gone")
	under.State = Applying
	c := &carrier{store: a.store}
	db, err = a.watchedDatabases()[0].open(t.Context())
	must(t, err)
	defer db.Close()
	s, err := db.Schema(t.Context())
	must(t, err)
	if err := db.Change(t.Context(), under.Statements, c.guard(s.Version, &under)); err == nil {
		t.Error("made, though it was decided against")
	}
}

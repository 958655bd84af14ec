package advisor

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
	"modernc.org/sqlite"
)

// ended is a summary of transactions that took so long each.
func ended(hash uint64, calls int, took time.Duration) *digest.Summary {
	s := &digest.Summary{Key: digest.Key{Kind: capture.KindTransaction, Digest: hash}, Calls: uint64(calls)}
	for range calls {
		s.Time.Add(int64(took))
	}
	if hash == digest.Rollback {
		s.Ends[capture.EndCalled] = uint64(calls)
	}
	return s
}

// TestTransactionRules asks each rule about traffic as it is in some way or another.
func TestTransactionRules(t *testing.T) {
	const write = "INSERT INTO t VALUES (?)"
	path := create(t, "CREATE TABLE t(a)")
	site := capture.SiteOf(capture.Site{Function: "app.save", File: "app.go", Line: 7})
	for _, c := range []struct {
		name   string
		change func(seen *traffic, commits, rolled, write *digest.Summary)
		want   string
	}{
		{"a healthy application", func(*traffic, *digest.Summary, *digest.Summary, *digest.Summary) {}, ""},
		{"upgrades that fail", func(_ *traffic, commits, rolled, write *digest.Summary) {
			commits.Upgraded, rolled.Upgraded, write.Busy = 50, 5, 5
			rolled.Callers = []digest.Caller{{Site: site, Calls: 5}}
		}, "TX01"},
		{"upgrades that do not", func(_ *traffic, commits, rolled, _ *digest.Summary) { commits.Upgraded = 500 }, ""},
		{"few upgrades", func(_ *traffic, commits, rolled, write *digest.Summary) {
			commits.Upgraded, rolled.Upgraded, write.Busy = 5, 5, 5
		}, ""},
		{"upgrades on one connection", func(seen *traffic, commits, rolled, write *digest.Summary) {
			commits.Upgraded, rolled.Upgraded, write.Busy, seen.pool.MaxOpenConnections = 50, 5, 5, 1
		}, ""},
		{"a loop", func(_ *traffic, _, _, write *digest.Summary) { write.Outside, write.Bursts = 5000, 4000 }, "TX02"},
		{"a short loop", func(_ *traffic, _, _, write *digest.Summary) { write.Outside, write.Bursts = 5000, 900 }, ""},
		{"single writes", func(_ *traffic, _, _, write *digest.Summary) { write.Outside = 50_000 }, ""},
		{"long, and others wait", func(seen *traffic, _, _, write *digest.Summary) {
			seen.transactions[0] = ended(digest.Commit, 100, 300*time.Millisecond)
			write.Work.LockWait = 5 * time.Second
		}, "TX03"},
		{"long, and others fail", func(seen *traffic, _, _, write *digest.Summary) {
			seen.transactions[0] = ended(digest.Commit, 100, 300*time.Millisecond)
			write.Busy = 1
		}, "TX03"},
		{"long, and nobody waits", func(seen *traffic, _, _, _ *digest.Summary) {
			seen.transactions[0] = ended(digest.Commit, 100, time.Minute)
		}, ""},
		{"short, and others wait", func(_ *traffic, _, _, write *digest.Summary) { write.Work.LockWait = time.Minute }, ""},
		{"few long ones", func(seen *traffic, _, _, write *digest.Summary) {
			seen.transactions[0], seen.transactions[1] = ended(digest.Commit, 5, time.Minute), ended(digest.Rollback, 1, time.Minute)
			write.Work.LockWait = time.Minute
		}, ""},
		{"deadlines", func(_ *traffic, _, rolled, _ *digest.Summary) {
			rolled.Ends = [capture.Ends]uint64{capture.EndDeadline: 30, capture.EndCalled: 20}
		}, "TX04"},
		{"rolled back on purpose", func(_ *traffic, _, rolled, _ *digest.Summary) {
			rolled.Calls, rolled.Ends = 900, [capture.Ends]uint64{capture.EndCalled: 900}
		}, ""},
		{"a few deadlines", func(_ *traffic, _, rolled, _ *digest.Summary) {
			rolled.Ends = [capture.Ends]uint64{capture.EndDeadline: 9}
		}, ""},
		{"rare deadlines", func(_ *traffic, commits, rolled, _ *digest.Summary) {
			commits.Calls, rolled.Ends = 10_000, [capture.Ends]uint64{capture.EndDeadline: 40}
		}, ""},
	} {
		seen := seenFor(time.Hour, write)
		commits, rolled := ended(digest.Commit, 1000, time.Millisecond), ended(digest.Rollback, 50, time.Millisecond)
		seen.transactions = []*digest.Summary{commits, rolled}
		c.change(seen, commits, rolled, seen.statements[0])
		var got []string
		for _, rule := range transactionRules {
			for _, r := range advise(t, rule.code(), path, write, seen) {
				got = append(got, r.Code)
				if len(r.Facts) < 2 || r.Manual == "" || r.Risk == "" || r.Applicable || r.State != Proposed {
					t.Errorf("%s: %+v", c.name, r)
				}
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: advised %q, want %q", c.name, got, c.want)
		}
	}
}

// TestUpgrade is what TX01 rests on: a deferred transaction that was overtaken fails at once, one that is immediate
// cannot be overtaken.
func TestUpgrade(t *testing.T) {
	for lock, want := range map[string]int{"deferred": 517, "immediate": 0} {
		path := create(t, "CREATE TABLE t(a)")
		db := opened(t, "sqlite", path+"?_txlock="+lock+"&_pragma=busy_timeout(10000)")
		tx, err := db.BeginTx(t.Context(), nil)
		must(t, err)
		var n int
		must(t, tx.QueryRow("SELECT count(*) FROM t").Scan(&n))
		other := opened(t, "sqlite", path+"?_pragma=busy_timeout(1)")
		_, overtaken := other.Exec("INSERT INTO t VALUES (1)")
		if (overtaken == nil) != (lock == "deferred") {
			t.Errorf("%s: the other writer got %v", lock, overtaken)
		}
		code := 0
		if _, err := tx.Exec("INSERT INTO t VALUES (2)"); err != nil {
			code = err.(*sqlite.Error).Code()
		}
		if code != want {
			t.Errorf("%s: code %d, want %d", lock, code, want)
		}
		tx.Rollback()
	}
}

// TestBurstOfAnApplication: a loop of inserts is seen, with its line, and measured on the copy.
func TestBurstOfAnApplication(t *testing.T) {
	app := launch(t, create(t, "CREATE TABLE entry(id INTEGER PRIMARY KEY, text TEXT)")+"?_pragma=synchronous(normal)")
	for i := range 1500 {
		app.run(1, "INSERT INTO entry(text) VALUES (?)", strings.Repeat("x", i%90))
	}
	tx, err := app.db.BeginTx(t.Context(), nil)
	must(t, err)
	for range 1500 {
		_, err := tx.ExecContext(context.Background(), "INSERT INTO entry(text) VALUES ('together')")
		must(t, err)
	}
	must(t, tx.Commit())
	app.until(func() bool { return app.stats().Totals.Queries == 3000 })
	must(t, app.advisor.Analyze(t.Context()))
	list, err := app.advisor.Recommendations(t.Context())
	must(t, err)
	list = slices.DeleteFunc(list, func(r *Recommendation) bool { return r.Code != "TX02" })
	if len(list) != 1 || list[0].Table != "entry" || list[0].Basis != "replay" {
		t.Fatalf("%+v", list)
	}
	facts := map[string]Fact{}
	for _, f := range list[0].Facts {
		facts[f.Name] = f
	}
	loop := func(f Fact) bool { return f.Name == "called from" && strings.Contains(f.Text, "live_test.go:") }
	if facts["calls outside of transactions"].Value != 1500 || !slices.ContainsFunc(list[0].Facts, loop) {
		t.Errorf("%+v", list[0].Facts)
	}
	for _, name := range []string{"a row on its own, on a scratch file", "in one transaction", "with one statement"} {
		if facts[name].Value <= 0 {
			t.Errorf("%s: %+v", name, list[0].Facts)
		}
	}
	if !strings.Contains(list[0].Rewrite.After, "VALUES (?), (?), (?)") {
		t.Error(list[0].Rewrite.After)
	}
	if left := files(t, app.config.ShadowDir); len(left) != 0 {
		t.Errorf("%d entries left where the copies were", len(left))
	}
	must(t, app.advisor.Close())
}

package digest

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"
	"weak"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	app   = &capture.Source{ID: 1, Path: "/data/app.db"}
	cache = &capture.Source{ID: 2, Path: "/data/cache.db"}
)

// statement is the n-th of many statements.
func statement(n int) *capture.Statement {
	text := fmt.Sprintf("SELECT c%d FROM orders WHERE id = ?", n)
	return &capture.Statement{Digest: hash(text), Fingerprint: text, Summary: "SELECT orders", ReadOnly: true}
}

// scope returns a scope called name.
func scope(name string) *capture.Scope {
	s := capture.NewScope()
	s.SetName(name)
	return s
}

// event draws an event of any kind, of one of 5 sources, 60 statements and 40 routes.
func event(t *rapid.T) capture.Event {
	ev := capture.Event{
		Kind:     rapid.SampledFrom([]capture.Kind{capture.KindStatement, capture.KindTransaction, capture.KindRequest, capture.KindOutgoing}).Draw(t, "kind"),
		Mode:     capture.Mode(rapid.IntRange(0, 5).Draw(t, "mode")),
		Error:    rapid.SampledFrom([]capture.ErrorClass{0, 0, capture.ErrorBusy, capture.ErrorLocked, capture.ErrorFull}).Draw(t, "error"),
		Start:    capture.Instant(rapid.Int64Range(-100, 1e12).Draw(t, "start")),
		First:    time.Duration(rapid.Int64Range(0, 1e6).Draw(t, "first")),
		Total:    time.Duration(rapid.Int64Range(0, 1e9).Draw(t, "total")),
		Rows:     rapid.Int64Range(0, 100).Draw(t, "rows"),
		Affected: rapid.Int64Range(0, 9).Draw(t, "affected"),
	}
	if rapid.Bool().Draw(t, "attributed") {
		ev.Scope = scope(fmt.Sprint("GET /", rapid.IntRange(0, 40).Draw(t, "route")))
	}
	if ev.Kind == capture.KindRequest || ev.Kind == capture.KindOutgoing {
		ev.SetBytes(rapid.Int64Range(0, 1e6).Draw(t, "request bytes"), rapid.Int64Range(0, 1e6).Draw(t, "answer bytes"))
		ev.Flags = rapid.SampledFrom([]capture.Flags{0, capture.FlagPanicked, capture.FlagGone}).Draw(t, "flags")
	} else {
		ev.Source = &capture.Source{ID: uint32(rapid.IntRange(1, 5).Draw(t, "source"))}
	}
	if (ev.Kind == capture.KindStatement || ev.Kind == capture.KindOutgoing) && rapid.IntRange(0, 20).Draw(t, "known") > 0 {
		ev.Statement = statement(rapid.IntRange(0, 60).Draw(t, "statement"))
	}
	return ev
}

// totals are what no folding, merging or taking may change.
type totals struct {
	Calls, Errors, Busy, Attributed, Timed, First uint64
	Rows, Affected, Nanos                         int64
	Total                                         time.Duration
}

func totalsOf(summaries []*Summary) map[capture.Kind]totals {
	sums := map[capture.Kind]totals{}
	for _, s := range summaries {
		t := sums[s.Kind]
		t.Calls += s.Calls
		t.Errors += s.Errors
		t.Busy += s.Busy
		t.Attributed += s.Attributed
		t.Rows += s.Rows
		t.Affected += s.Affected
		t.Total += s.Total
		t.Timed += s.Time.Count()
		t.Nanos += s.Time.Sum()
		t.First += s.First.Count()
		sums[s.Kind] = t
	}
	return sums
}

func TestTotalsAreNeverLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := rapid.SliceOfN(rapid.Custom(event), 50, 400).Draw(t, "events")
		wide, tight := NewTable(Config{Digests: 10_000}), NewTable(Config{Digests: rapid.IntRange(16, 40).Draw(t, "digests")})
		var taken []*Summary
		for batch := range slices.Chunk(events, 25) {
			wide.Add(batch)
			tight.Add(batch)
			if len(tight.live) > tight.config.Digests+1 {
				t.Fatalf("%d summaries live, want at most %d", len(tight.live), tight.config.Digests)
			}
			if rapid.IntRange(0, 3).Draw(t, "take") == 0 {
				taken = append(taken, tight.Take()...)
			}
		}
		taken = append(taken, tight.Take()...)
		want, got := totalsOf(wide.Take()), totalsOf(taken)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("folded %+v\nwhole  %+v", got, want)
		}
	})
}

func TestSummaryOfEachKind(t *testing.T) {
	busy := scope("POST /orders")
	busy.Add(3 * time.Millisecond)
	update := statement(1)
	table := NewTable(Config{})
	table.Add([]capture.Event{
		{Kind: capture.KindStatement, Source: app, Statement: update, Scope: busy, Start: 50, First: 1, Total: 10, Rows: 2, Affected: 1},
		{Kind: capture.KindStatement, Source: app, Statement: update, Start: 20, First: 2, Total: 30, Error: capture.ErrorBusy},
		{Kind: capture.KindStatement, Source: cache, Statement: update, Scope: capture.NewScope(), Total: 5, Error: capture.ErrorOther},
		{Kind: capture.KindTransaction, Source: app, Mode: capture.ModeCommit, Total: 40, Rows: 2},
		{Kind: capture.KindTransaction, Source: app, Mode: capture.ModeRollback, Total: 4},
		{Kind: capture.KindRequest, Scope: busy, Status: 503, Total: 100, Rows: 1},
		{Kind: capture.KindStatement, Source: app, Total: 1},
	})
	type line struct {
		Source              uint32
		Name                string
		Calls, Errors, Busy uint64
		Rows, Affected      int64
		Total, SQL          time.Duration
		Attributed          uint64
		Routes              string
	}
	var got []line
	for _, s := range table.Take() {
		got = append(got, line{s.Key.Source, s.Name, s.Calls, s.Errors, s.Busy, s.Rows, s.Affected, s.Total, s.SQL, s.Attributed, fmt.Sprint(s.Routes)})
	}
	want := []line{
		{0, "POST /orders", 1, 1, 0, 1, 0, 100, 3 * time.Millisecond, 1, "[]"},
		{1, "commit", 1, 0, 0, 2, 0, 40, 0, 0, "[]"},
		{1, update.Fingerprint, 2, 1, 1, 2, 1, 40, 0, 1, "[{POST /orders 1}]"},
		{2, update.Fingerprint, 1, 1, 0, 0, 0, 5, 0, 1, "[]"},
		{1, "rollback", 1, 0, 0, 0, 0, 4, 0, 0, "[]"},
		{1, OtherName, 1, 0, 0, 0, 0, 1, 0, 0, "[]"},
	}
	if len(got) != len(want) {
		t.Fatalf("%d summaries, want %d: %+v", len(got), len(want), got)
	}
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("missing %+v in\n%+v", w, got)
		}
	}
	if !slices.IsSortedFunc(got, func(a, b line) int { return int(b.Total - a.Total) }) {
		t.Errorf("not sorted by falling Total: %+v", got)
	}
	if rest := table.Take(); len(rest) != 0 {
		t.Errorf("%d summaries right after Take, want 0", len(rest))
	}
}

func TestSeenIsFromFirstToLast(t *testing.T) {
	table := NewTable(Config{})
	for _, start := range []capture.Instant{-7, -30, -9} {
		table.Add([]capture.Event{{Source: app, Statement: statement(1), Start: start}})
	}
	if s := table.Take()[0]; s.FirstSeen != -30 || s.LastSeen != -7 {
		t.Errorf("seen from %d to %d, want -30 to -7", s.FirstSeen, s.LastSeen)
	}
}

func TestRoutesAreBounded(t *testing.T) {
	table := NewTable(Config{})
	for i := range 100 {
		table.Add([]capture.Event{{Source: app, Statement: statement(1), Scope: scope(fmt.Sprint("GET /", i%20))}})
	}
	s := table.Take()[0]
	if len(s.Routes) != maxRoutes || s.Routes[0] != (Route{"GET /0", 5}) || s.Attributed != 100 {
		t.Errorf("%d of %d calls by routes %v", len(s.Routes), s.Attributed, s.Routes)
	}
	more := &Summary{Calls: 9, Routes: []Route{{"GET /99", 9}, {"GET /7", 1}}}
	Merge(s, more)
	if len(s.Routes) != maxRoutes || s.Routes[0] != (Route{"GET /99", 9}) || s.Routes[1] != (Route{"GET /7", 6}) {
		t.Errorf("after Merge: %v, want the eight with most calls", s.Routes)
	}
}

func TestSnapshotSharesNothing(t *testing.T) {
	table := NewTable(Config{})
	ev := []capture.Event{{Source: app, Statement: statement(1), Scope: scope("GET /"), Total: 7}}
	table.Add(ev)
	copied := table.Snapshot()[0]
	table.Add(ev)
	if s := table.Take()[0]; copied.Calls != 1 || copied.Time.Count() != 1 || copied.Routes[0].Calls != 1 || s.Calls != 2 {
		t.Errorf("snapshot %+v after another event", copied)
	}
}

func TestEventsAreNotKeptAlive(t *testing.T) {
	table := NewTable(Config{})
	var scopes []weak.Pointer[capture.Scope]
	for i := range 10 {
		s := scope("GET /" + fmt.Sprint(i))
		scopes = append(scopes, weak.Make(s))
		table.Add([]capture.Event{
			{Source: app, Statement: statement(1), Scope: s},
			{Kind: capture.KindRequest, Scope: s},
		})
	}
	runtime.GC()
	for i, s := range scopes {
		if s.Value() != nil {
			t.Errorf("scope %d is still reachable", i)
		}
	}
	runtime.KeepAlive(table)
}

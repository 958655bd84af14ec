package request

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// statement is the n-th of many statements, every fourth of which writes.
func statement(n int) *capture.Statement {
	if n%4 == 3 {
		return &capture.Statement{Digest: uint64(n + 1), Fingerprint: fmt.Sprintf("DELETE FROM t%d WHERE id = ?", n), Summary: fmt.Sprintf("DELETE t%d", n), Writes: true, Changes: true}
	}
	return &capture.Statement{Digest: uint64(n + 1), Fingerprint: fmt.Sprintf("SELECT a FROM t%d WHERE id = ?", n), Summary: fmt.Sprintf("SELECT t%d", n), ReadOnly: true}
}

var (
	statements = func() (list []*capture.Statement) {
		for n := range 60 {
			list = append(list, statement(n))
		}
		return list
	}()
	source = capture.SourceOf("/data/request.db", "")
	site   = capture.SiteOf(capture.Site{Function: "app.handle", File: "app.go", Line: 7})
)

func scopeOf(name string) *capture.Scope {
	s := capture.NewScope()
	s.SetName(name)
	return s
}

// script draws the events of some requests, mixed, with whatever happens to events: scopes that never end, statements that come late,
// before their request's end or after, and some that were dropped.
func script(t *rapid.T) (events []capture.Event) {
	now := capture.Instant(time.Hour)
	var scopes []*capture.Scope
	for range rapid.IntRange(1, 40).Draw(t, "requests") {
		scopes = append(scopes, scopeOf(fmt.Sprint("GET /", rapid.IntRange(0, 12).Draw(t, "route"))))
	}
	for range rapid.IntRange(0, 600).Draw(t, "events") {
		now += capture.Instant(rapid.Int64Range(0, int64(200*time.Millisecond)).Draw(t, "later"))
		ev := capture.Event{Start: now, Total: time.Duration(rapid.Int64Range(0, int64(100*time.Millisecond)).Draw(t, "total")), Source: source, Site: site}
		if i := rapid.IntRange(-1, len(scopes)-1).Draw(t, "scope"); i >= 0 {
			ev.Scope = scopes[i]
		}
		switch rapid.IntRange(0, 12).Draw(t, "kind") {
		case 0:
			ev.Kind, ev.Source, ev.Rows = capture.KindRequest, nil, rapid.Int64Range(0, 20).Draw(t, "statements")
		case 1:
			ev.Kind, ev.Tx, ev.Rows = capture.KindTransaction, rapid.Uint64Range(1, 30).Draw(t, "tx"), rapid.Int64Range(0, 5).Draw(t, "ran")
		case 3:
			ev.Kind, ev.Source, ev.Statement = capture.KindOutgoing, nil, statements[rapid.IntRange(0, 9).Draw(t, "call")]
		case 2:
			ev.Flags = capture.FlagLate
			fallthrough
		default:
			ev.Statement, ev.First = statements[rapid.IntRange(0, 59).Draw(t, "statement")], ev.Total
			ev.Rows, ev.Params.Hash, ev.Params.Classes = rapid.Int64Range(0, 20).Draw(t, "rows"), rapid.Uint32Range(0, 3).Draw(t, "args"), 2
			ev.Tx = rapid.SampledFrom([]uint64{0, 0, 0, 7}).Draw(t, "in")
		}
		events = append(events, ev)
		for range rapid.SampledFrom([]int{0, 0, 0, 6, 40}).Draw(t, "again") { // loops
			now += capture.Instant(ev.Total) + 1
			ev.Start, ev.Params.Hash = now, ev.Params.Hash+1
			events = append(events, ev)
		}
	}
	return events
}

// TestBatchesChangeNothing: however events are cut into batches, the same is found and counted.
func TestBatchesChangeNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := script(t)
		c := Config{Hits: 1, Open: rapid.SampledFrom([]int{0, 4}).Draw(t, "open"), Routes: rapid.SampledFrom([]int{0, 5}).Draw(t, "routes")}
		whole, parts := NewTracker(c), NewTracker(c)
		whole.Add(slices.Clone(events))
		for len(events) > 0 {
			n := rapid.IntRange(1, len(events)).Draw(t, "batch")
			batch := slices.Clone(events[:n])
			parts.Add(batch)
			clear(batch) // as the recorder does
			parts.Findings()
			events = events[n:]
		}
		if a, b := whole.Stats(), parts.Stats(); a != b {
			t.Fatalf("whole %+v\nparts %+v", a, b)
		}
		if a, b := whole.Findings(), parts.Findings(); !reflect.DeepEqual(a, b) {
			t.Fatalf("whole %+v\nparts %+v", a, b)
		}
		s := whole.Stats()
		if s.Statements != s.Kept+s.Folded+s.Late+s.Straggled+s.Unattributed+s.Unknown || s.Events != s.Statements+s.Transactions+s.Requests+s.Outgoing+s.Others {
			t.Fatalf("not accounted for: %+v", s)
		}
	})
}

// TestMemoryIsBounded: whatever comes, a Tracker holds no more than its Config says.
func TestMemoryIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Config{Open: 5, Kept: 4, Trail: 6, Routes: 4, Issues: 3, Statements: 10, Hits: 1}
		tracker := NewTracker(c)
		for batch := range slices.Chunk(script(t), 20) {
			tracker.Add(batch)
			under, steps := 0, 0
			for _, r := range tracker.open {
				if r.done {
					if r.observation != nil {
						t.Fatal("what a finished request did is kept")
					}
					continue
				}
				under++
				steps = max(steps, len(r.steps))
				if len(r.groups) > fingerprints+1 || len(r.txs) > transactionsKept || len(r.calls) > callsKept {
					t.Fatalf("a record holds %d groups, %d transactions", len(r.groups), len(r.txs))
				}
			}
			if under > c.Open || len(tracker.open) > 2*c.Open+1 || len(tracker.ended) > c.Open || steps > c.Kept+c.Trail || len(tracker.routes) > c.Routes {
				t.Fatalf("%d requests under way of %d, %d ended, %d steps, %d routes", under, len(tracker.open), len(tracker.ended), steps, len(tracker.routes))
			}
			for _, r := range tracker.routes {
				if len(r.issues) > c.Issues {
					t.Fatalf("%d issues", len(r.issues))
				}
			}
			if len(tracker.usage.now)+len(tracker.usage.previous) > 2*c.Statements || len(tracker.usage.batches) > c.Statements || len(tracker.lost.now) > sitesKept {
				t.Fatal("too many statements are known")
			}
		}
	})
}

// visit makes the events of one request that ran a query and another for each of its rows, taking step each.
func visit(name string, at capture.Instant, rows int, step time.Duration) (events []capture.Event) {
	scope, start := scopeOf(name), at
	for i := range rows + 1 {
		ev := capture.Event{Start: at, First: step, Total: step, Rows: 1, Source: source, Statement: statements[1], Scope: scope, Site: site,
			Params: capture.Params{Classes: 2, Hash: uint32(i + 1)}}
		if i == 0 {
			ev.Statement, ev.Rows = statements[0], int64(rows)
		}
		at += capture.Instant(step) + 1000
		events = append(events, ev)
	}
	return append(events, capture.Event{Kind: capture.KindRequest, Status: 200, Start: start, Total: time.Duration(at - start), Rows: int64(rows + 1), Scope: scope})
}

// TestOrderOfRings: a request's event may be drained before its statements, and they in any order of connections.
func TestOrderOfRings(t *testing.T) {
	for name, reorder := range map[string]func([]capture.Event) []capture.Event{
		"the request first": func(ev []capture.Event) []capture.Event {
			return append([]capture.Event{ev[len(ev)-1]}, ev[:len(ev)-1]...)
		},
		"two connections": func(ev []capture.Event) (list []capture.Event) {
			for part := range 2 {
				for i := part; i < len(ev); i += 2 {
					list = append(list, ev[i])
				}
			}
			return list
		},
		"backwards": func(ev []capture.Event) []capture.Event { slices.Reverse(ev); return ev },
	} {
		tracker := NewTracker(Config{})
		for i := range 25 {
			tracker.Add(reorder(visit("GET /x", capture.Instant(time.Duration(i+1)*time.Second), 6+i%9, 5*time.Millisecond)))
		}
		list := tracker.Findings()
		if len(list) != 1 || list[0].Code != NPlusOne || !list[0].Grows || !list[0].Linked || list[0].Requests != 25 || list[0].Example.Statements != int64(list[0].Count+1) {
			t.Errorf("%s: %+v", name, list)
		}
	}
}

// TestDroppedEvents: a request whose statements did not all arrive is looked at all the same, a little later.
func TestDroppedEvents(t *testing.T) {
	tracker := NewTracker(Config{Hits: 1})
	events := visit("GET /x", capture.Instant(time.Minute), 12, 5*time.Millisecond)
	tracker.Add(append(events[1:6:6], events[7:]...)) // neither the source nor one of the rest
	if r := tracker.open[events[0].Scope.ID]; r.done {
		t.Fatal("it was not waited for")
	}
	tracker.Tick(tracker.clock + capture.Instant(time.Hour/60/6))
	if r := tracker.open[events[0].Scope.ID]; !r.done {
		t.Fatal("it is waited for for ever")
	}
	tracker.Add(events[:1])
	if s := tracker.Stats(); s.Straggled != 1 {
		t.Errorf("%+v", s)
	}
}

// TestIssuesOpenAndClose follows one issue from the third request to a day after the last.
func TestIssuesOpenAndClose(t *testing.T) {
	tracker := NewTracker(Config{})
	at := capture.Instant(time.Hour)
	for i := range 3 {
		if list := tracker.Findings(); len(list) != 0 {
			t.Fatalf("open after %d requests", i)
		}
		at += capture.Instant(time.Second)
		tracker.Add(visit("GET /x", at, 20, time.Millisecond))
	}
	list := tracker.Findings()
	if len(list) != 1 || list[0].Level != Warning || list[0].FirstSeen >= list[0].LastSeen || list[0].Database != source || list[0].Route != "GET /x" {
		t.Fatalf("%+v", list)
	}
	tracker.Tick(at + capture.Instant(23*time.Hour))
	if len(tracker.Findings()) != 1 {
		t.Error("it is closed too early")
	}
	tracker.Tick(at + capture.Instant(26*time.Hour))
	if len(tracker.Findings()) != 0 || len(list) != 1 {
		t.Error("it is never closed, or the list that was handed out has changed")
	}
	if len(tracker.routes) != 0 {
		t.Errorf("%d routes are left", len(tracker.routes))
	}
}

// TestRareIssues: two requests a quarter of an hour apart open nothing; one of a hundred does.
func TestRareIssues(t *testing.T) {
	rare := NewTracker(Config{})
	for i := range 6 {
		rare.Add(visit("GET /x", capture.Instant(time.Duration(i+1)*15*time.Minute), 20, time.Millisecond))
	}
	often := NewTracker(Config{})
	for i := range 150 {
		rows := 2
		if i == 20 || i == 149 {
			rows = 20
		}
		often.Add(visit("GET /x", capture.Instant(time.Duration(i+1)*time.Second), rows, time.Millisecond))
	}
	if a, b := len(rare.Findings()), len(often.Findings()); a != 0 || b != 1 {
		t.Errorf("found %d and %d, want 0 and 1", a, b)
	}
}

// TestRankCorrelation compares with values worked out by hand.
func TestRankCorrelation(t *testing.T) {
	for _, c := range []struct {
		a, b []int64
		want float64
	}{
		{[]int64{1, 2, 3, 4}, []int64{10, 20, 30, 40}, 1},
		{[]int64{1, 2, 3, 4}, []int64{4, 3, 2, 1}, -1},
		{[]int64{1, 2, 3, 4}, []int64{6, 6, 6, 6}, 0},
		{[]int64{1, 2, 3, 4, 5}, []int64{2, 1, 4, 3, 5}, 0.8},
		{[]int64{1, 1, 2, 2}, []int64{1, 2, 1, 2}, 0},
	} {
		if got := rankCorrelation(c.a, c.b); got < c.want-1e-9 || got > c.want+1e-9 {
			t.Errorf("%v and %v: %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

// BenchmarkAdd is what the drain pays for a request of ten statements, its own event included: of one that shows nothing, and of one that
// loops.
func BenchmarkAdd(b *testing.B) {
	quiet := visit("GET /x", capture.Instant(time.Hour), 9, 100*time.Microsecond)
	for i := range quiet[:10] {
		quiet[i].Statement = statements[i/2*4%60]
	}
	for name, events := range map[string][]capture.Event{"quiet": quiet, "loop": visit("GET /x", capture.Instant(time.Hour), 9, 100*time.Microsecond)} {
		b.Run(name, func(b *testing.B) {
			tracker := NewTracker(Config{})
			b.ReportAllocs()
			for b.Loop() {
				scope := scopeOf("GET /x")
				for i := range events {
					events[i].Scope = scope
					events[i].Start += capture.Instant(10 * time.Millisecond)
				}
				tracker.Add(events)
			}
		})
	}
}

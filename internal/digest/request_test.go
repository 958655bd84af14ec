package digest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

func TestRequestsAreSummedUp(t *testing.T) {
	site := capture.SiteOf(capture.Site{Function: "app.handler", File: "app.go", Line: 7})
	shop := scope("GET /shop")
	target := &capture.Statement{Fingerprint: "GET api.test/users/{id}"}
	served := capture.Event{Kind: capture.KindRequest, Status: 200, Scope: shop, Rows: 12, First: 5, Total: 9}
	served.SetBytes(30, 400)
	broken := capture.Event{Kind: capture.KindRequest, Status: 200, Error: capture.ErrorPanic, Scope: shop, Rows: 2, Site: site,
		Flags: capture.FlagPanicked | capture.FlagGone}
	asked := capture.Event{Kind: capture.KindOutgoing, Status: 200, Statement: target, Scope: shop, First: 3, Total: 4}
	asked.SetBytes(1, 2)
	refused := capture.Event{Kind: capture.KindOutgoing, Status: 404, Statement: target, Flags: capture.FlagLate, Site: site}
	nameless := capture.Event{Kind: capture.KindOutgoing, Error: capture.ErrorConnect}

	table := NewTable(Config{})
	table.Add([]capture.Event{served, broken, asked, refused, nameless})
	byName := map[string]*Summary{}
	for _, s := range table.Take() {
		byName[s.Name] = s
	}
	type facts struct {
		Calls, Errors, Panics, Gone, Late uint64
		RequestBytes, AnswerBytes, Most   int64
		Affected                          int64
		Routes                            []Route
		Callers                           []Caller
	}
	want := map[string]facts{
		"GET /shop": {Calls: 2, Errors: 1, Panics: 1, Gone: 1, RequestBytes: 30, AnswerBytes: 400, Most: 12, Callers: []Caller{{Site: site, Calls: 1}}},
		"GET api.test/users/{id}": {Calls: 2, Errors: 1, Late: 1, RequestBytes: 1, AnswerBytes: 2, Routes: []Route{{"GET /shop", 1}},
			Callers: []Caller{{Site: site, Calls: 1, Unattributed: 1}}},
		OtherName: {Calls: 1, Errors: 1},
	}
	got := map[string]facts{}
	for name, s := range byName {
		got[name] = facts{s.Calls, s.Errors, s.Panics, s.Gone, s.Late, s.RequestBytes, s.AnswerBytes, s.Statements.Max(), s.Affected, s.Routes, s.Callers}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("- expected, + summed up:\n%s", diff)
	}
	if s := byName["GET /shop"]; s.Statements.Sum() != 14 || s.Statements.Count() != 2 || time.Duration(s.First.Max()) != 5 {
		t.Errorf("%d statements in %d requests, first byte after %d", s.Statements.Sum(), s.Statements.Count(), s.First.Max())
	}
	if s := byName["GET api.test/users/{id}"]; s.Statement != nil || s.Statements.Count() != 0 {
		t.Error("a request that was sent is taken for SQL")
	}
}

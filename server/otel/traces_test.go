package otel

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	diff "github.com/google/go-cmp/cmp"
	"github.com/sqliteperf/sqliteperf/internal/capture"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

func slow(ev *capture.Event) { ev.Total = 100 * time.Millisecond }
func busy(ev *capture.Event) { ev.Error = capture.ErrorBusy }

func TestWhatBecomesASpan(t *testing.T) {
	none := Config{Ratio: -1}
	for name, test := range map[string]struct {
		config Config
		events []capture.Event
		want   []string
	}{
		"a quick one":      {none, []capture.Event{statement(nil)}, nil},
		"a slow one":       {none, []capture.Event{statement(slow)}, []string{"SELECT orders"}},
		"a failed one":     {none, []capture.Event{statement(busy)}, []string{"SELECT orders"}},
		"none is slow":     {Config{Slow: -1, Ratio: -1}, []capture.Event{statement(slow), statement(busy)}, []string{"SELECT orders"}},
		"all":              {Config{Ratio: 1}, []capture.Event{statement(nil)}, []string{"SELECT orders"}},
		"a request":        {none, []capture.Event{request("GET /", 404, capture.NewScope())}, nil},
		"a failed request": {none, []capture.Event{request("GET /", 503, capture.NewScope())}, []string{"GET /"}},
		"transactions": {none, []capture.Event{{Kind: capture.KindTransaction, Source: source, Mode: capture.ModeCommit},
			{Kind: capture.KindTransaction, Source: source, Mode: capture.ModeRollback, Error: capture.ErrorBusy, End: capture.EndNoBegin}},
			[]string{"transaction"}},
		"without a statement": {none, []capture.Event{{Error: capture.ErrorOther}}, []string{"sqlite"}},
		"no SQL": {none, []capture.Event{statement(func(ev *capture.Event) { busy(ev); ev.Statement = &capture.Statement{Fingerprint: "HELLO"} })},
			[]string{"sqlite"}},
		"an unknown kind":       {none, []capture.Event{{Kind: capture.KindOutgoing + 1, Error: capture.ErrorOther}}, nil},
		"a request of nobody's": {none, []capture.Event{{Kind: capture.KindRequest, Status: 500}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := names(begin(t, test.config).export(test.events...)); !slices.Equal(got, test.want) {
				t.Errorf("spans %q, want %q", got, test.want)
			}
		})
	}
}

// A request is exported with a statement of its own, in whichever order the rings are drained.
func TestTheRequestOfAnExportedStatement(t *testing.T) {
	for _, order := range []string{"statement first", "request first", "request long before"} {
		t.Run(order, func(t *testing.T) {
			e := begin(t, Config{Ratio: -1})
			scope := capture.NewScope()
			events := []capture.Event{
				statement(func(ev *capture.Event) { slow(ev); ev.Scope = scope }),
				statement(func(ev *capture.Event) { ev.Scope = scope }),
				request("GET /orders/:id", 200, scope),
			}
			if order != "statement first" {
				slices.Reverse(events)
			}
			if order == "request long before" {
				if early := e.export(events[0]); len(early) != 0 {
					t.Fatalf("exported without a reason: %q", names(early))
				}
				events = events[1:]
			}
			spans := e.export(events...)
			got := names(spans)
			slices.Sort(got)
			if !slices.Equal(got, []string{"GET /orders/:id", "SELECT orders"}) {
				t.Fatalf("spans %q", got)
			}
			for _, s := range spans {
				if s.Name == "SELECT orders" && s.Parent.SpanID() != scope.Trace().SpanID {
					t.Error("the statement is no child of its request")
				}
			}
			if again := e.export(statement(func(ev *capture.Event) { slow(ev); ev.Scope = scope })); len(again) != 1 {
				t.Errorf("the request is exported again: %q", names(again))
			}
		})
	}
}

func TestIdentities(t *testing.T) {
	e := begin(t, Config{Ratio: 1})
	remote, _ := capture.ParseTraceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "vendor=1")
	scope, own := capture.NewScope(), capture.NewTrace()
	scope.Continue(remote)
	own.Sampled = true
	spans := e.export(
		statement(func(ev *capture.Event) { ev.Scope = scope }),
		statement(func(ev *capture.Event) { ev.Scope, ev.Trace = scope, own }),
		statement(nil),
		request("GET /orders/:id", 200, scope),
	)
	req := *scope.Trace()
	for i, want := range []capture.Trace{
		{TraceID: remote.TraceID, Parent: req.SpanID, State: "vendor=1"},
		{TraceID: own.TraceID, Parent: own.SpanID},
		{TraceID: spans[2].SpanContext.TraceID()},
		{TraceID: remote.TraceID, SpanID: req.SpanID, Parent: remote.SpanID, State: "vendor=1"},
	} {
		sc := spans[i].SpanContext
		if sc.TraceID() != want.TraceID || spans[i].Parent.SpanID() != want.Parent || sc.TraceState().String() != want.State ||
			!sc.IsSampled() || !sc.IsValid() || want.SpanID != [8]byte{} && sc.SpanID() != want.SpanID {
			t.Errorf("span %d: %+v under %+v, want %+v", i, sc, spans[i].Parent, want)
		}
	}
	if !spans[3].Parent.IsRemote() || spans[0].Parent.IsRemote() || spans[3].SpanKind != trace.SpanKindServer {
		t.Errorf("the request: %+v", spans[3])
	}
}

// By default one trace in a hundred is kept, whole: the request and all of its statements.
func TestWholeTracesAreKept(t *testing.T) {
	t.Setenv("OTEL_BSP_MAX_QUEUE_SIZE", "100000")
	for _, ratio := range []float64{0, 0.5} {
		e := begin(t, Config{Ratio: ratio})
		var list []capture.Event
		for range 4000 {
			scope := capture.NewScope()
			inside := statement(func(ev *capture.Event) { ev.Scope = scope })
			list = append(list, inside, inside, request("GET /", 200, scope), statement(nil))
		}
		byTrace, alone := map[trace.TraceID]int{}, 0
		for _, s := range e.export(list...) {
			id := s.SpanContext.TraceID()
			if !e.traces.rule.trace(id) {
				t.Fatalf("trace %v is exported without a reason", id)
			}
			byTrace[id]++
		}
		for id, n := range byTrace {
			if n == 1 {
				alone++
			} else if n != 3 {
				t.Errorf("%d spans of trace %v, want 3", n, id)
			}
		}
		want := 4000 * cmp.Or(ratio, 0.01)
		for what, n := range map[string]int{"requests": len(byTrace) - alone, "statements alone": alone} {
			if float64(n) < want*0.6-10 || float64(n) > want*1.4+10 {
				t.Errorf("ratio %v: %d %s of 4000", ratio, n, what)
			}
		}
	}
}

func TestAttributes(t *testing.T) {
	e := begin(t, Config{Ratio: 1})
	full := statement(func(ev *capture.Event) {
		ev.Error, ev.Rows, ev.Affected, ev.Tx = capture.ErrorBusy, 3, 2, 9
		ev.Flags = capture.FlagLate | capture.FlagCached | capture.FlagCounted
		ev.Work = capture.Work{LockWait: 1500, Steps: 70, FullScan: 60, AutoIndex: 50, Sorts: 4, Reprepares: 1, Retries: 2}
		ev.Site = &capture.Site{Function: "main.find", File: "/src/find.go", Line: 42}
	})
	spans := e.export(full,
		statement(func(ev *capture.Event) { ev.Mode, ev.Statement = capture.ModePreparedExec, update }),
		capture.Event{Kind: capture.KindTransaction, Source: source, Mode: capture.ModeRollback, Begin: capture.BeginImmediate,
			End: capture.EndDeadline, Rows: 4, Tx: 9, Flags: capture.FlagUpgraded, Site: &capture.Site{Function: "main.pay", File: "/src/pay.go", Line: 7}},
		request("GET /orders/:id", 200, capture.NewScope()), request("PROPFIND\texample.com/dav", 500, capture.NewScope()),
		request("<unmatched>", 404, capture.NewScope()))
	for i, want := range []map[string]string{
		{"db.system.name": "sqlite", "db.namespace": "app.db", "db.query.text": lookup.Fingerprint, "db.query.summary": "SELECT orders",
			"db.operation.name": "SELECT", "db.response.status_code": "SQLITE_BUSY", "error.type": "busy", "db.response.returned_rows": "3",
			"code.function.name": "main.find", "code.file.path": "/src/find.go", "code.line.number": "42",
			"sqlite_perf.vm_steps": "70", "sqlite_perf.full_scan_rows": "60", "sqlite_perf.auto_index_rows": "50", "sqlite_perf.sorts": "4",
			"sqlite_perf.reprepares": "1", "sqlite_perf.lock_retries": "2", "sqlite_perf.lock_wait": "0.0015", "sqlite_perf.affected_rows": "2",
			"sqlite_perf.transaction.id": "9", "sqlite_perf.late": "true", "sqlite_perf.cached": "true"},
		{"db.system.name": "sqlite", "db.namespace": "app.db", "db.query.text": update.Fingerprint, "db.query.summary": "UPDATE orders",
			"db.operation.name": "UPDATE"},
		{"db.system.name": "sqlite", "db.namespace": "app.db", "sqlite_perf.transaction.outcome": "rollback", "sqlite_perf.transaction.id": "9",
			"sqlite_perf.transaction.begin": "immediate", "sqlite_perf.transaction.reason": "deadline", "sqlite_perf.transaction.statements": "4",
			"sqlite_perf.transaction.upgraded": "true", "code.function.name": "main.pay", "code.file.path": "/src/pay.go", "code.line.number": "7"},
		{"http.request.method": "GET", "http.route": "/orders/:id", "http.response.status_code": "200"},
		{"http.request.method": "_OTHER", "http.route": "/dav", "http.response.status_code": "500", "error.type": "500"},
		{"http.request.method": "_OTHER", "http.response.status_code": "404"},
	} {
		if d := diff.Diff(want, attributesOf(spans[i])); d != "" {
			t.Errorf("%s (-want +got):\n%s", spans[i].Name, d)
		}
	}
	if spans[0].Status.Code != codes.Error || spans[1].Status.Code != codes.Unset || spans[4].Status.Code != codes.Error {
		t.Error("the status does not say which failed")
	}
	if spans[4].Name != "HTTP /dav" || spans[5].Name != "HTTP" {
		t.Errorf("requests of unknown methods are named %q and %q", spans[4].Name, spans[5].Name)
	}
	if start := full.Start.Time(); !spans[0].StartTime.Equal(start) || !spans[0].EndTime.Equal(start.Add(full.Total)) {
		t.Errorf("from %v to %v, want %v and %v more", spans[0].StartTime, spans[0].EndTime, start, full.Total)
	}
}

// SQL is hostile input: one string that is not UTF-8 would cost the batch.
func TestHostileTexts(t *testing.T) {
	e := begin(t, Config{Ratio: 1})
	hostile := &capture.Statement{Fingerprint: "SELECT '\xff" + strings.Repeat("é", 5000), Summary: "SELECT \xc3"}
	span := e.export(statement(func(ev *capture.Event) { ev.Statement = hostile }))[0]
	for value := range maps.Values(attributesOf(span)) {
		if len(value) > textBytes+3 || strings.ToValidUTF8(value, "") != value {
			t.Errorf("%d bytes: %.40q", len(value), value)
		}
	}
	if span.Name != "SELECT \uFFFD" {
		t.Errorf("name %q", span.Name)
	}
}

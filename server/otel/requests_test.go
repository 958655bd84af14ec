package otel

import (
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/trace"
)

// outgoing is a request that was sent from within a request, with the span that the other service was told of.
func outgoing(scope *capture.Scope, class capture.ErrorClass, status uint16) capture.Event {
	ev := capture.Event{Kind: capture.KindOutgoing, Start: capture.Now(), Total: time.Millisecond, Status: status, Error: class, Scope: scope,
		Statement: &capture.Statement{Fingerprint: "GET api.test:8080/users/{id}"}, Trace: scope.Trace().Child()}
	ev.SetBytes(3, 5)
	return ev
}

func TestOutgoingSpanIsTheOneThatWasTold(t *testing.T) {
	scope := capture.NewScope()
	ev := outgoing(scope, capture.ErrorNone, 404)
	spans := begin(t, Config{Ratio: 1}).export(ev, request("GET /x", 200, scope))
	if len(spans) != 2 {
		t.Fatalf("spans %q", names(spans))
	}
	span := spans[0]
	if span.Name != "GET /users/{id}" || span.SpanKind != trace.SpanKindClient || span.SpanContext.SpanID() != trace.SpanID(ev.Trace.SpanID) {
		t.Errorf("%s %v %v", span.Name, span.SpanKind, span.SpanContext.SpanID())
	}
	if span.Parent.SpanID() != spans[1].SpanContext.SpanID() || span.Parent.IsRemote() {
		t.Errorf("its parent is %v, the request %v", span.Parent.SpanID(), spans[1].SpanContext.SpanID())
	}
	for key, want := range map[string]string{
		"http.request.method": "GET", "server.address": "api.test", "server.port": "8080", "url.template": "/users/{id}",
		"http.response.status_code": "404", "error.type": "404", "http.request.body.size": "3", "http.response.body.size": "5",
	} {
		if got := attributesOf(span)[key]; got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
}

func TestRequestSpanSaysWhyItFailed(t *testing.T) {
	scope := capture.NewScope()
	scope.Fail(&capture.Failure{Type: "*fs.PathError", Panic: true})
	ev := request("GET /x", 200, scope)
	ev.Error, ev.Flags = capture.ErrorPanic, capture.FlagPanicked|capture.FlagGone
	ev.Site = capture.SiteOf(capture.Site{Function: "app.handler", File: "app.go", Line: 7})
	spans := begin(t, Config{Ratio: 1}).export(ev)
	if len(spans) != 1 {
		t.Fatalf("spans %q", names(spans))
	}
	for key, want := range map[string]string{
		"exception.type": "*fs.PathError", "error.type": "panic", "code.function.name": "app.handler", "sqlite_perf.client_gone": "true",
	} {
		if got := attributesOf(spans[0])[key]; got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
}

func TestHistogramsOfRequests(t *testing.T) {
	e := begin(t, Config{})
	scope := capture.NewScope()
	served := request("POST /upload", 200, scope)
	served.SetBytes(30, 400)
	e.export(served, request("POST /upload", 204, capture.NewScope()), outgoing(scope, capture.ErrorTimeout, 0),
		capture.Event{Kind: capture.KindOutgoing, Status: 200})
	metrics := e.collect()
	for name, want := range map[string]uint64{
		"http.server.request.duration": 2, "http.server.request.body.size": 1, "http.server.response.body.size": 1,
		"http.client.request.duration": 2, "http.client.request.body.size": 1, "http.client.response.body.size": 1,
	} {
		var n uint64
		switch data := metrics[name].Data.(type) {
		case metricdata.ExponentialHistogram[float64]:
			for _, p := range data.DataPoints {
				n += p.Count
			}
		case metricdata.ExponentialHistogram[int64]:
			for _, p := range data.DataPoints {
				n += p.Count
			}
		}
		if n != want {
			t.Errorf("%s counts %d, want %d: %+v", name, n, want, metrics[name])
		}
	}
	if _, ok := metrics["http.server.active_requests"]; !ok {
		t.Error("nothing says how many requests are being served")
	}
}

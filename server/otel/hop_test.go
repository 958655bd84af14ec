package otel

import (
	"context"
	"net/http"
	"testing"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// Service A asks service B, and sends its span on as any OpenTelemetry client does.
func TestAcrossServices(t *testing.T) {
	kept := tracetest.NewInMemoryExporter()
	s := serve(t, Config{Ratio: 1, Spans: kept, Metrics: sdkmetric.NewManualReader()})
	b := s.mount("GET /b", func(_ http.ResponseWriter, r *http.Request) error {
		return total(r.Context(), s.db, "SELECT count(*) FROM orders")
	})
	a := s.mount("GET /a", func(_ http.ResponseWriter, r *http.Request) error {
		header := propagation.HeaderCarrier{}
		propagation.TraceContext{}.Inject(r.Context(), header)
		s.get(context.WithoutCancel(r.Context()), b.URL+"/b", "traceparent", header.Get("traceparent"))
		return total(r.Context(), s.db, "SELECT max(id), total FROM orders")
	})
	s.get(t.Context(), a.URL+"/a")
	a.Close()
	b.Close()
	s.must(s.adv.Close())
	s.must(s.exp.Flush(deadline(t)))

	byText := map[string]tracetest.SpanStub{}
	for _, span := range kept.GetSpans() {
		byText[attributesOf(span)["db.query.text"]+attributesOf(span)["http.route"]] = span
	}
	for _, link := range []struct{ child, parent string }{
		{"SELECT max(id), total FROM orders", "/a"}, {"/b", "/a"}, {"SELECT count(*) FROM orders", "/b"},
	} {
		child, parent := byText[link.child], byText[link.parent]
		own, above := child.SpanContext, parent.SpanContext
		if child.Parent.SpanID() != above.SpanID() || own.TraceID() != above.TraceID() || !own.IsValid() {
			t.Errorf("%s is in %v under %v; %s is %v", link.child, own.TraceID(), child.Parent.SpanID(), link.parent, above.SpanID())
		}
	}
	if root := byText["/a"]; root.Parent.IsValid() {
		t.Errorf("service A's request has parent %v", root.Parent.SpanID())
	}
}

// Start connects the scopes of the process with spans, and Shutdown lets go of them.
func TestStartInstallsTheTracer(t *testing.T) {
	s := serve(t, Config{Spans: tracetest.NewInMemoryExporter(), Metrics: sdkmetric.NewManualReader()})
	scope := capture.NewScope()
	if ctx := capture.WithTrace(t.Context(), scope); ctx == t.Context() {
		t.Error("no span in the context of a request")
	}
	s.close()
	if ctx := capture.WithTrace(t.Context(), scope); ctx != t.Context() {
		t.Error("a span in the context after Shutdown")
	}
}

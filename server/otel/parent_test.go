package otel

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/middleware"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// notChosen is the header of a trace that a ratio of 1 % does not choose.
const notChosen = "00-0af7651916cd43dd8448eb211c80319c-f7ad6b7169203331-0"

// Where the caller samples the trace, the application's spans are recorded: their parent must be too.
func TestParentsOfTheApplicationsSpansAreExported(t *testing.T) {
	kept := tracetest.NewInMemoryExporter()
	s := serve(t, Config{Spans: kept, Metrics: sdkmetric.NewManualReader()})
	app, work := application(t, sdktrace.ParentBased(sdktrace.AlwaysSample()))
	handler := middleware.HTTP(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/work" {
			_, span := app.Start(r.Context(), "work")
			span.End()
		}
	}))
	for _, path := range []string{"/work", "/idle"} {
		for _, sampled := range []string{"1", "0"} {
			r := httptest.NewRequest("GET", path, nil)
			r.Header.Set("traceparent", notChosen+sampled)
			handler.ServeHTTP(httptest.NewRecorder(), r)
		}
	}
	s.must(s.adv.Close())
	s.must(s.exp.Flush(deadline(t)))
	requests, children := kept.GetSpans(), work.GetSpans()
	if len(requests) != 1 || len(children) != 1 {
		t.Fatalf("%d requests and %d spans of the application, want those of the sampled trace with work", len(requests), len(children))
	}
	if requests[0].SpanContext.SpanID() != children[0].Parent.SpanID() {
		t.Error("the application's span is not a child of the request")
	}
}

// A span of the application's around the request or statement that is not sampled is exported by nobody.
func TestUnsampledSpansAreNoParents(t *testing.T) {
	app, _ := application(t, sdktrace.NeverSample())
	kept := tracetest.NewInMemoryExporter()
	s := serve(t, Config{Ratio: -1, Spans: kept, Metrics: sdkmetric.NewManualReader()})
	inner := middleware.HTTP(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }))
	var around trace.SpanContext
	ask := func(remote trace.SpanContext, header string) {
		ctx, span := app.Start(trace.ContextWithRemoteSpanContext(t.Context(), remote), "around")
		around = span.SpanContext()
		r := httptest.NewRequest("GET", "/", nil).WithContext(ctx)
		r.Header.Set("traceparent", header)
		inner.ServeHTTP(httptest.NewRecorder(), r)
		s.db.ExecContext(ctx, "SELECT nothing FROM nowhere")
	}
	caller, _ := capture.ParseTraceparent(notChosen+"0", "")
	ask(trace.SpanContext{}, "00-11111111111111111111111111111111-2222222222222222-00") // of another trace
	first := around
	ask(spanContext(caller, caller.SpanID, false), notChosen+"0")
	s.must(s.adv.Close())
	s.must(s.exp.Flush(deadline(t)))
	got := map[string]bool{}
	for _, span := range kept.GetSpans() {
		got[fmt.Sprint(span.Name, " in ", span.SpanContext.TraceID(), " under ", span.Parent.SpanID())] = true
	}
	none := trace.SpanID{}
	for _, want := range []string{
		fmt.Sprint("HTTP in ", first.TraceID(), " under ", none), fmt.Sprint("SELECT nowhere in ", first.TraceID(), " under ", none),
		fmt.Sprint("HTTP in ", around.TraceID(), " under ", trace.SpanID(caller.SpanID)), fmt.Sprint("SELECT nowhere in ", around.TraceID(), " under ", none),
	} {
		if !got[want] {
			t.Errorf("no %s among %v", want, got)
		}
	}
}

// Each of two Exporters exports the request of a statement that it exports.
func TestTwoExportersKeepRequests(t *testing.T) {
	a, b := begin(t, Config{Ratio: -1}), begin(t, Config{Ratio: -1})
	scope := capture.NewScope()
	for _, e := range []*exporter{a, b} {
		e.export(request("GET /", 200, scope))
	}
	for _, e := range []*exporter{a, b} {
		if got := names(e.export(statement(func(ev *capture.Event) { slow(ev); ev.Scope = scope }))); len(got) != 2 {
			t.Errorf("exported %q, want the statement and its request", got)
		}
	}
}

// The Exporter that is left goes on to connect requests with the application's spans.
func TestTheTracerOfTheExporterThatIsLeft(t *testing.T) {
	a, b, c := &tracer{}, &tracer{rule{below: 1}}, &tracer{rule{below: 2}}
	spanned := func() bool {
		return trace.SpanContextFromContext(capture.WithTrace(t.Context(), capture.NewScope())).IsValid()
	}
	a.install()
	b.install()
	c.install()
	b.remove()
	c.remove()
	if !spanned() {
		t.Error("a request has no span while an Exporter runs")
	}
	a.remove()
	a.remove()
	if spanned() {
		t.Error("a request has a span when no Exporter runs")
	}
}

// An exemplar never names a span that was dropped.
func TestNoExemplarOfADroppedSpan(t *testing.T) {
	t.Setenv("OTEL_BSP_MAX_QUEUE_SIZE", "1")
	e := begin(t, Config{Ratio: 1})
	release := make(chan struct{})
	e.traces.queue.exporter = held{e.spans, release}
	for range 200 {
		sink{e.Exporter}.Export([]capture.Event{statement(slow)})
	}
	var named []trace.SpanID
	for _, p := range e.collect()["db.client.operation.duration"].Data.(metricdata.ExponentialHistogram[float64]).DataPoints {
		for _, x := range p.Exemplars {
			named = append(named, trace.SpanID(x.SpanID))
		}
	}
	close(release)
	sent := map[trace.SpanID]bool{}
	for _, span := range e.export() {
		sent[span.SpanContext.SpanID()] = true
	}
	for _, id := range named {
		if !sent[id] {
			t.Errorf("an exemplar names span %v, which was not exported", id)
		}
	}
	if len(named) == 0 || e.Stats().Dropped == 0 {
		t.Errorf("%d exemplars, %+v", len(named), e.Stats())
	}
}

// held is an exporter that waits to be released.
type held struct {
	sdktrace.SpanExporter
	release chan struct{}
}

func (h held) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	<-h.release
	return h.SpanExporter.ExportSpans(ctx, spans)
}

package otel

import (
	"context"
	"net/http"
	"testing"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	global "go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// contextDone is a context that has ended.
func contextDone(t *testing.T) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx, cancel
}

// application is a tracing application of its own, which keeps what it samples.
func application(t *testing.T, s sdktrace.Sampler) (trace.Tracer, *tracetest.InMemoryExporter) {
	kept := tracetest.NewInMemoryExporter()
	p := sdktrace.NewTracerProvider(sdktrace.WithSyncer(kept), sdktrace.WithSampler(s))
	t.Cleanup(func() { p.Shutdown(context.Background()) })
	return p.Tracer("app"), kept
}

func TestTheApplicationsSpansAreChildrenOfTheRequests(t *testing.T) {
	tr := &tracer{rule{below: bound(1)}}
	request := capture.NewTrace()
	request.State = "vendor=1"
	ctx := tr.Into(t.Context(), request)
	if own := tr.Of(ctx); own != nil {
		t.Errorf("the request's own span counts as the application's: %+v", own)
	}
	app, kept := application(t, sdktrace.ParentBased(sdktrace.AlwaysSample()))
	ctx, span := app.Start(ctx, "work")
	span.End()
	made := kept.GetSpans()[0]
	if made.Parent.SpanID() != request.SpanID || made.SpanContext.TraceID() != request.TraceID {
		t.Errorf("the application's span has parent %v, want %x", made.Parent, request.SpanID)
	}
	own := tr.Of(ctx)
	if own == nil || own.SpanID != made.SpanContext.SpanID() || own.TraceID != request.TraceID || !own.Sampled || own.State != "vendor=1" {
		t.Errorf("the application's span is %+v", own)
	}
	header := propagation.HeaderCarrier(http.Header{})
	propagation.TraceContext{}.Inject(tr.Into(t.Context(), request), header)
	if got, want := header.Get("traceparent"), request.Traceparent()[:53]+"01"; got != want || header.Get("tracestate") != "vendor=1" {
		t.Errorf("sent on: %s, want %s", got, want)
	}
}

func TestIntoLeavesTheApplicationsSpan(t *testing.T) {
	app, _ := application(t, sdktrace.AlwaysSample())
	ctx, span := app.Start(t.Context(), "outside the middleware")
	defer span.End()
	tr := &tracer{}
	if tr.Into(ctx, capture.NewTrace()) != ctx {
		t.Error("the application's span is hidden by the request's")
	}
	remote := trace.ContextWithRemoteSpanContext(t.Context(), span.SpanContext())
	parent := &capture.Trace{TraceID: span.SpanContext().TraceID(), SpanID: span.SpanContext().SpanID()}
	child := parent.Child()
	if sc := trace.SpanContextFromContext(tr.Into(remote, child)); sc.SpanID() != child.SpanID {
		t.Error("another service's span stays in place of the request's")
	}
}

// A span that the application does not sample is exported by nobody, so it is no parent.
func TestOfUnsampledSpans(t *testing.T) {
	app, _ := application(t, sdktrace.ParentBased(sdktrace.AlwaysSample()))
	tr, scope := &tracer{}, capture.NewScope()
	ctx := tr.Into(capture.WithScope(t.Context(), scope), scope.Trace())
	ctx, span := app.Start(ctx, "not sampled")
	if span.IsRecording() {
		t.Fatal("the sampled flag of an unchosen trace is set")
	}
	if own := tr.Of(ctx); own != nil {
		t.Errorf("parent %+v is never exported", own)
	}
}

func TestTracerAllocations(t *testing.T) {
	tr := &tracer{}
	ours := tr.Into(t.Context(), capture.NewTrace())
	for name, ctx := range map[string]context.Context{"no span": t.Context(), "ours": ours} {
		if n := testing.AllocsPerRun(1000, func() { tr.Of(ctx) }); n != 0 {
			t.Errorf("%s: Of allocates %v times, want 0", name, n)
		}
	}
}

// Instrumentation that asks the span at hand for its provider gets the application's.
func TestProviderOfTheRequestsSpan(t *testing.T) {
	span := trace.SpanFromContext((&tracer{}).Into(t.Context(), capture.NewTrace()))
	if span.TracerProvider() != global.GetTracerProvider() {
		t.Errorf("%T is not the application's", span.TracerProvider())
	}
}

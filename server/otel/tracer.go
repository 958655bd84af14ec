package otel

import (
	"context"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	global "go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// tracer connects the spans of requests with those that the application makes itself.
type tracer struct{ rule rule }

// requestSpan stands in a context for the span of a request, which is built when the request was
// drained. What the application says to it goes nowhere; what it begins is a child.
type requestSpan struct {
	noop.Span
	context trace.SpanContext
}

// SpanContext is the identity of the request's span.
func (s *requestSpan) SpanContext() trace.SpanContext { return s.context }

// TracerProvider is the application's own: instrumentation that takes its provider from the span at
// hand, such as otelhttp's client, goes on to work.
func (s *requestSpan) TracerProvider() trace.TracerProvider { return global.GetTracerProvider() }

// Of returns the application's own span. Nobody exports one that is not sampled: within a request,
// the request's span is the nearest that may be.
func (t *tracer) Of(ctx context.Context) *capture.Trace {
	span := trace.SpanFromContext(ctx)
	if _, ours := span.(*requestSpan); ours {
		return nil
	}
	sc := span.SpanContext()
	if !sc.IsValid() || !sc.IsSampled() && capture.ScopeOf(ctx) != nil {
		return nil
	}
	own := &capture.Trace{TraceID: sc.TraceID(), SpanID: sc.SpanID(), Sampled: sc.IsSampled()}
	if state := sc.TraceState(); state.Len() > 0 {
		own.State = state.String()
	}
	return own
}

// Into puts a request's span into ctx, unless the application has begun a span there already, which
// then stays the parent of what follows. The sampled flag says whether the trace is chosen by its ID:
// whether the request will be slow is not known yet.
func (t *tracer) Into(ctx context.Context, request *capture.Trace) context.Context {
	if own := trace.SpanContextFromContext(ctx); own.IsValid() && !own.IsRemote() {
		return ctx
	}
	sampled := request.Sampled || t.rule.under(request, request.Parent != [8]byte{})
	return trace.ContextWithSpan(ctx, &requestSpan{context: spanContext(request, request.SpanID, sampled)})
}

// spanContext is the span id of t's trace as OpenTelemetry has it. A tracestate that is not what the
// specification says is left out.
func spanContext(t *capture.Trace, id [8]byte, sampled bool) trace.SpanContext {
	c := trace.SpanContextConfig{TraceID: t.TraceID, SpanID: id}
	if t.State != "" {
		c.TraceState, _ = trace.ParseTraceState(t.State)
	}
	return trace.NewSpanContext(c).WithTraceFlags(c.TraceFlags.WithSampled(sampled))
}

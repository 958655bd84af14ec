package otel

import (
	"context"
	"slices"
	"sync"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	global "go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// tracer connects the spans of requests with those that the application makes itself.
type tracer struct{ rule rule }

// installed are the tracers of the Exporters that run. The one started last is the process's.
var installed struct {
	sync.Mutex
	list []*tracer
}

// install makes t the process's tracer, until remove.
func (t *tracer) install() {
	installed.Lock()
	defer installed.Unlock()
	installed.list = append(installed.list, t)
	capture.SetTracer(t)
}

// remove lets the one before t be the process's tracer again.
func (t *tracer) remove() {
	installed.Lock()
	defer installed.Unlock()
	installed.list = slices.DeleteFunc(installed.list, func(other *tracer) bool { return other == t })
	if n := len(installed.list); n > 0 {
		capture.SetTracer(installed.list[n-1])
	} else {
		capture.SetTracer(nil)
	}
}

// requestSpan stands in a context for the span of a request, which is built when the request was
// drained. What the application says to it goes nowhere; what it begins is a child.
type requestSpan struct {
	noop.Span
	context trace.SpanContext
	keep    *capture.Scope // the request, if it is exported because it has children; else nil
}

// SpanContext is the identity of the request's span. Who asks for it makes children.
func (s *requestSpan) SpanContext() trace.SpanContext {
	if s.keep != nil {
		s.keep.Keep()
	}
	return s.context
}

// TracerProvider is the application's own: instrumentation that takes its provider from the span at
// hand, such as otelhttp's client, goes on to work.
func (s *requestSpan) TracerProvider() trace.TracerProvider { return global.GetTracerProvider() }

// Of returns the application's own span. Nobody exports one that is not sampled: within a request,
// the request's span is the nearest that may be; elsewhere what is exported of its trace has no parent.
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
	if !own.Sampled && !sc.IsRemote() && !t.rule.parent {
		own.SpanID = [8]byte{}
	}
	if state := sc.TraceState(); state.Len() > 0 {
		own.State = state.String()
	}
	return own
}

// Sampled says whether spans under t are chosen by its trace, which other services are told.
func (t *tracer) Sampled(parent *capture.Trace) bool {
	return t.rule.under(parent, parent.Parent != [8]byte{})
}

// Into puts a request's span into ctx, unless the application has begun a span there already, which
// then stays the parent of what follows. The sampled flag says whether the trace is chosen by its ID:
// whether the request will be slow is not known yet. Where the caller samples a trace that is not chosen,
// the application's spans go on to be recorded, and the request is exported if it has any.
func (t *tracer) Into(ctx context.Context, request *capture.Trace) context.Context {
	if own := trace.SpanContextFromContext(ctx); own.IsValid() && !own.IsRemote() {
		return ctx
	}
	chosen := t.rule.under(request, request.Parent != [8]byte{})
	span := &requestSpan{context: spanContext(request, request.SpanID, chosen || request.Sampled)}
	if request.Sampled && !chosen {
		span.keep = capture.ScopeOf(ctx)
	}
	return trace.ContextWithSpan(ctx, span)
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

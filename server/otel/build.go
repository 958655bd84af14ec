package otel

import (
	"context"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// scopeName is the instrumentation scope of all that is exported.
const scopeName = "github.com/sqliteperf/sqliteperf/server/otel"

// builder makes spans of the SDK's from events. It belongs to the queue's goroutine.
type builder struct {
	tracer trace.Tracer
	built  []sdktrace.ReadOnlySpan
	set    time.Duration // by which the clock was set since the process started
}

// processStart is instant 0, by both clocks.
var processStart = capture.Instant(0).Time()

// clockSteps are those that are followed: a clock that is kept right by less moves no span out of its parent.
const clockSteps = 10 * time.Millisecond

// at is the time of i by the clock as it is now. Somebody may have set it since the process started, as
// machines without a clock of their own do, and the monotonic one stands still while a machine sleeps.
func (b *builder) at(i capture.Instant) time.Time {
	now := time.Now()
	set := now.Round(0).Sub(processStart.Round(0)) - now.Sub(processStart)
	if (set - b.set).Abs() > clockSteps {
		b.set = set
	}
	return processStart.Round(0).Add(time.Duration(i) + b.set)
}

// newTracer has the SDK make spans that are all recorded, have the identities asked for, and end in
// the builder. Limits of attributes are the environment's.
func (b *builder) newTracer(res *resource.Resource) {
	b.tracer = sdktrace.NewTracerProvider(
		sdktrace.WithResource(res), sdktrace.WithSampler(sdktrace.AlwaysSample()),
		sdktrace.WithIDGenerator(identities{}), sdktrace.WithSpanProcessor(b),
	).Tracer(scopeName, trace.WithSchemaURL(semconv.SchemaURL))
}

// build makes one span, from the times that the event says.
func (b *builder) build(s span) {
	ctx := context.WithValue(context.Background(), identityKey{}, &s.id)
	if s.id.Parent != [8]byte{} {
		parent := spanContext(&s.id, s.id.Parent, true)
		ctx = trace.ContextWithSpanContext(ctx, parent.WithRemote(s.event.Kind == capture.KindRequest))
	}
	ev := &s.event
	start := b.at(ev.Start)
	_, made := b.tracer.Start(ctx, spanName(ev), trace.WithTimestamp(start),
		trace.WithSpanKind(spanKind(ev.Kind)), trace.WithAttributes(spanAttributes(ev)...))
	if ev.Failed() {
		made.SetStatus(codes.Error, ev.Error.String())
	}
	made.End(trace.WithTimestamp(start.Add(ev.Total)))
}

// OnEnd takes what build made.
func (b *builder) OnEnd(s sdktrace.ReadOnlySpan) { b.built = append(b.built, s) }

// OnStart, Shutdown and ForceFlush have nothing to do.
func (*builder) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (*builder) Shutdown(context.Context) error                  { return nil }
func (*builder) ForceFlush(context.Context) error                { return nil }

type identityKey struct{}

// identities gives each span the identity that its context asks for.
type identities struct{}

func (identities) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	id := ctx.Value(identityKey{}).(*capture.Trace)
	return id.TraceID, id.SpanID
}

func (g identities) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	_, id := g.NewIDs(ctx)
	return id
}

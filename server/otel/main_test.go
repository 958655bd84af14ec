package otel

import (
	"context"
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	global "go.opentelemetry.io/otel"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	global.SetErrorHandler(global.ErrorHandlerFunc(func(error) {})) // collectors here fail on purpose
	goleak.VerifyTestMain(m)
}

var (
	lookup = &capture.Statement{Digest: 11, Fingerprint: "SELECT total FROM orders WHERE id = ?", Summary: "SELECT orders", ReadOnly: true}
	update = &capture.Statement{Digest: 12, Fingerprint: "UPDATE orders SET total = ?", Summary: "UPDATE orders", Changes: true}
	source = capture.SourceOf("/data/app.db", "app.db")
)

// statement is an event of a quick, good statement.
func statement(change func(*capture.Event)) capture.Event {
	ev := capture.Event{Start: capture.Now(), Total: 20 * time.Microsecond, Rows: 1, Source: source, Statement: lookup, Conn: 1}
	if change != nil {
		change(&ev)
	}
	return ev
}

func request(name string, status uint16, scope *capture.Scope) capture.Event {
	scope.SetName(name)
	return capture.Event{Kind: capture.KindRequest, Status: status, Start: capture.Now(), Total: time.Millisecond, Scope: scope}
}

// exporter is an Exporter without an Advisor, whose spans and metrics stay in memory.
type exporter struct {
	*Exporter
	*testing.T
	spans  *tracetest.InMemoryExporter
	reader *sdkmetric.ManualReader
}

func begin(t *testing.T, c Config) *exporter {
	t.Helper()
	e := &exporter{T: t, spans: tracetest.NewInMemoryExporter(), reader: sdkmetric.NewManualReader()}
	if c.Spans == nil {
		c.Spans = e.spans
	}
	c.Metrics = e.reader
	var err error
	e.Exporter, err = start(t.Context(), func() capture.Counts { return capture.Counts{Recorded: 9, Drained: 7, Dropped: 2} }, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Shutdown(context.Background()) })
	return e
}

// export drains events and returns the spans that they became.
func (e *exporter) export(events ...capture.Event) tracetest.SpanStubs {
	e.Helper()
	sink{e.Exporter}.Export(events)
	if err := e.traces.queue.flush(deadline(e.T)); err != nil {
		e.Fatal(err)
	}
	defer e.spans.Reset()
	return e.spans.GetSpans()
}

// collect returns the metrics by name.
func (e *exporter) collect() map[string]metricdata.Metrics {
	e.Helper()
	var all metricdata.ResourceMetrics
	if err := e.reader.Collect(e.Context(), &all); err != nil {
		e.Fatal(err)
	}
	byName := map[string]metricdata.Metrics{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			byName[m.Name] = m
		}
	}
	return byName
}

// deadline is how long a test waits for what must happen.
func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// attributesOf are a span's, as text.
func attributesOf(s tracetest.SpanStub) map[string]string {
	m := map[string]string{}
	for _, kv := range s.Attributes {
		m[string(kv.Key)] = kv.Value.String()
	}
	return m
}

func names(spans tracetest.SpanStubs) (list []string) {
	for _, s := range spans {
		list = append(list, s.Name)
	}
	return list
}

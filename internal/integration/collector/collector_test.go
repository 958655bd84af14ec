package collector

import (
	"context"
	"database/sql"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/sqliteperf/sqliteperf/advisor"
	"github.com/sqliteperf/sqliteperf/driver"
	"github.com/sqliteperf/sqliteperf/middleware"
	"github.com/sqliteperf/sqliteperf/server/otel"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.uber.org/goleak"
)

// received is what the collector's receiver hands on.
type received struct {
	traces  consumertest.TracesSink
	metrics consumertest.MetricsSink
	logs    consumertest.LogsSink
}

// receive starts the receiver on a free port until the test ends and returns its address.
func receive(t *testing.T) (*received, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	address := listener.Addr().String()
	must(t, listener.Close())
	factory := otlpreceiver.NewFactory()
	config := factory.CreateDefaultConfig()
	must(t, confmap.NewFromStringMap(map[string]any{
		"protocols": map[string]any{"http": map[string]any{"endpoint": address}},
	}).Unmarshal(config))
	r, settings := &received{}, receivertest.NewNopSettings(component.MustNewType("otlp"))
	signals := []lifecycle{ // one server for all, which knows those that were made before it starts
		must1(factory.CreateTraces(t.Context(), settings, config, &r.traces))(t),
		must1(factory.CreateMetrics(t.Context(), settings, config, &r.metrics))(t),
		must1(factory.CreateLogs(t.Context(), settings, config, &r.logs))(t),
	}
	for _, signal := range signals {
		start(t, signal)
	}
	return r, "http://" + address
}

// lifecycle is what the receivers of the three signals have in common.
type lifecycle interface {
	Start(context.Context, component.Host) error
	Shutdown(context.Context) error
}

var _ lifecycle = receiver.Traces(nil)

func start(t *testing.T, r lifecycle) {
	t.Helper()
	must(t, r.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { must(t, r.Shutdown(context.Background())) })
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must1[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		must(t, err)
		return value
	}
}

// serve runs a service with a slow and a failing statement in a request that somebody else began, and
// shuts it down.
func serve(t *testing.T) {
	dir := t.TempDir()
	db := must1(sql.Open(driver.Name, filepath.Join(dir, "app.db")))(t)
	defer db.Close()
	adv := must1(advisor.Open(advisor.Config{History: filepath.Join(dir, "advisor.db"), Every: -1}))(t)
	exporter := must1(otel.Start(t.Context(), adv, otel.Config{}))(t)
	must(t, exporter.Watch(db, "app"))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		_, err := db.ExecContext(r.Context(), "CREATE TABLE orders(id INTEGER PRIMARY KEY)")
		must(t, err)
		if _, err := db.ExecContext(r.Context(), "INSERT INTO orders VALUES(1), (1)"); err == nil {
			t.Error("a row was inserted twice")
		}
	})
	request := httptest.NewRequest("GET", "/orders/7", nil)
	request.Header.Set("Traceparent", "00-"+traceID+"-"+callerID+"-01")
	middleware.HTTP(mux).ServeHTTP(httptest.NewRecorder(), request)
	must(t, adv.Close())
	must(t, exporter.Shutdown(t.Context()))
	if s := exporter.Stats(); s.Exported != s.Ended || s.Ended != 3 {
		t.Errorf("%+v", s)
	}
}

const (
	traceID  = "0af7651916cd43dd8448eb211c80319c"
	callerID = "b7ad6b7169203331"
)

// TestCollectorUnderstands sends everything to the collector's own receiver, by nothing but the standard
// environment, and reads it back in the collector's own types.
func TestCollectorUnderstands(t *testing.T) {
	r, endpoint := receive(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
	t.Setenv("OTEL_SERVICE_NAME", "shop")
	t.Setenv("OTEL_TRACES_SAMPLER", "always_on")
	t.Setenv("OTEL_LOGS_EXPORTER", "otlp")
	serve(t)
	checkSpans(t, spansOf(&r.traces))
	checkMetrics(t, metricsOf(&r.metrics))
	if r.logs.LogRecordCount() == 0 {
		t.Error("no log records")
	}
}

func spansOf(sink *consumertest.TracesSink) map[string]ptrace.Span {
	spans := map[string]ptrace.Span{}
	for _, traces := range sink.AllTraces() {
		for _, resource := range traces.ResourceSpans().All() {
			for _, scope := range resource.ScopeSpans().All() {
				for _, span := range scope.Spans().All() {
					spans[span.Name()] = span
				}
			}
		}
	}
	return spans
}

func checkSpans(t *testing.T, spans map[string]ptrace.Span) {
	request, insert := spans["GET /orders/{id}"], spans["INSERT orders"]
	if len(spans) != 3 || request == (ptrace.Span{}) || insert == (ptrace.Span{}) {
		t.Fatalf("spans %v", spans)
	}
	if request.TraceID().String() != traceID || request.ParentSpanID().String() != callerID || request.Kind() != ptrace.SpanKindServer {
		t.Errorf("the request: %v of trace %v, parent %v", request.Kind(), request.TraceID(), request.ParentSpanID())
	}
	if insert.TraceID().String() != traceID || insert.ParentSpanID() != request.SpanID() || insert.Kind() != ptrace.SpanKindClient {
		t.Errorf("the statement: %v of trace %v, parent %v", insert.Kind(), insert.TraceID(), insert.ParentSpanID())
	}
	if insert.Status().Code() != ptrace.StatusCodeError || request.StartTimestamp() > insert.StartTimestamp() || request.EndTimestamp() < insert.EndTimestamp() {
		t.Errorf("the statement: %v, not within its request", insert.Status())
	}
	for key, want := range map[string]string{
		"db.system.name": "sqlite", "db.namespace": "app.db", "db.query.summary": "INSERT orders",
		"db.query.text": "INSERT INTO orders VALUES (?)", "error.type": "constraint",
	} {
		if got, _ := insert.Attributes().Get(key); got.AsString() != want {
			t.Errorf("%s is %q, want %q", key, got.AsString(), want)
		}
	}
}

func metricsOf(sink *consumertest.MetricsSink) map[string]pmetric.Metric {
	metrics := map[string]pmetric.Metric{}
	for _, batch := range sink.AllMetrics() {
		for _, resource := range batch.ResourceMetrics().All() {
			if name, _ := resource.Resource().Attributes().Get("service.name"); name.AsString() != "shop" {
				continue
			}
			for _, scope := range resource.ScopeMetrics().All() {
				for _, metric := range scope.Metrics().All() {
					metrics[metric.Name()] = metric
				}
			}
		}
	}
	return metrics
}

func checkMetrics(t *testing.T, metrics map[string]pmetric.Metric) {
	duration, ok := metrics["db.client.operation.duration"]
	if !ok || duration.Unit() != "s" || duration.Type() != pmetric.MetricTypeExponentialHistogram {
		t.Fatalf("duration %v in %q", duration, duration.Unit())
	}
	exemplars := 0
	var calls uint64
	for _, point := range duration.ExponentialHistogram().DataPoints().All() {
		calls += point.Count()
		for _, exemplar := range point.Exemplars().All() {
			if exemplar.TraceID().String() == traceID {
				exemplars++
			}
		}
	}
	if calls != 2 || exemplars == 0 {
		t.Errorf("%d calls with %d exemplars of the trace, want 2 calls", calls, exemplars)
	}
	if _, ok := metrics["db.sql.connection.open"]; !ok {
		t.Errorf("no metrics of the pool among %d", len(metrics))
	}
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

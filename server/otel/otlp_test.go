package otel

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"testing"

	otlp "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracesv1 "go.opentelemetry.io/proto/otlp/trace/v1"
)

// Started by the environment alone, everything arrives as OTLP over HTTP.
func TestOTLP(t *testing.T) {
	r := receive(t, nil)
	setenv(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+r.URL, "OTEL_EXPORTER_OTLP_HEADERS=x-key=secret", "OTEL_EXPORTER_OTLP_COMPRESSION=gzip",
		"OTEL_SERVICE_NAME=shop", "OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=test,service.name=other",
		"OTEL_TRACES_SAMPLER=always_on", "OTEL_LOGS_EXPORTER=otlp", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf")
	s := serve(t, Config{})
	s.must(s.exp.Watch(s.db, "app"))
	srv := s.mount("GET /orders/{id}", func(_ http.ResponseWriter, req *http.Request) error {
		return total(req.Context(), s.db, "SELECT total FROM orders WHERE total > 5")
	})
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	s.get(t.Context(), srv.URL+"/orders/7", "traceparent", parent)
	srv.Close()
	s.close()

	for _, req := range r.requests {
		if req.Header.Get("X-Key") != "secret" || req.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%s: %v", req.URL.Path, req.Header)
		}
	}
	res := plain(r.resource.Attributes)
	if res["service.name"] != "shop" || res["deployment.environment.name"] != "test" || res["telemetry.sdk.language"] != "go" {
		t.Errorf("resource %v", res)
	}
	checkSpans(t, r)
	checkMetrics(t, r)
	checkRecords(t, r)
	if s := s.exp.Stats(); s != (Stats{Ended: 4, Exported: 4}) || len(r.spans) != 4 {
		t.Errorf("%+v, %d received", s, len(r.spans))
	}
}

func checkSpans(t *testing.T, r *receiver) {
	request, query := r.span("GET /orders/{id}"), r.span("SELECT orders")
	if !bytes.Equal(query.ParentSpanId, request.SpanId) || !bytes.Equal(query.TraceId, request.TraceId) {
		t.Errorf("the statement is in %x under %x, the request is %x in %x", query.TraceId, query.ParentSpanId, request.SpanId, request.TraceId)
	}
	if got := fmt.Sprintf("%x/%x", request.TraceId, request.ParentSpanId); got != "0af7651916cd43dd8448eb211c80319c/b7ad6b7169203331" {
		t.Errorf("the request continues %s", got)
	}
	if request.Kind != tracesv1.Span_SPAN_KIND_SERVER || query.Kind != tracesv1.Span_SPAN_KIND_CLIENT {
		t.Errorf("kinds %v and %v", request.Kind, query.Kind)
	}
	if query.StartTimeUnixNano < request.StartTimeUnixNano || query.EndTimeUnixNano > request.EndTimeUnixNano {
		t.Error("the statement is not within the request")
	}
	got := plain(query.Attributes)
	for name, want := range map[string]string{"db.system.name": "sqlite", "db.namespace": "app.db", "db.query.summary": "SELECT orders",
		"db.query.text": "SELECT total FROM orders WHERE total > ?", "db.operation.name": "SELECT", "db.response.returned_rows": "3"} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	if got := plain(request.Attributes); got["http.route"] != "/orders/{id}" || got["http.response.status_code"] != "200" {
		t.Errorf("the request has %v", got)
	}
}

func checkMetrics(t *testing.T, r *receiver) {
	duration := r.metrics["db.client.operation.duration"]
	if duration.GetUnit() != "s" || duration.GetExponentialHistogram() == nil {
		t.Fatalf("duration: %v", duration)
	}
	points := duration.GetExponentialHistogram().DataPoints
	i := slices.IndexFunc(points, func(p *otlp.ExponentialHistogramDataPoint) bool {
		return plain(p.Attributes)["db.query.summary"] == "SELECT orders"
	})
	if i < 0 || points[i].Count != 1 || points[i].Scale < 1 {
		t.Fatalf("series of the query: %d of %v", i, points)
	}
	query := r.span("SELECT orders")
	if e := points[i].Exemplars; len(e) != 1 || !bytes.Equal(e[0].SpanId, query.SpanId) || !bytes.Equal(e[0].TraceId, query.TraceId) {
		t.Errorf("exemplars %v", e)
	}
	for _, name := range []string{"http.server.request.duration", "db.client.response.returned_rows", "sqlite_perf.vm_steps",
		"sqlite_perf.capture.drained", "sqlite_perf.spans", "db.sql.connection.open"} {
		if r.metrics[name] == nil {
			t.Errorf("no metric %s", name)
		}
	}
	drained := r.metrics["sqlite_perf.capture.drained"].GetSum()
	if !drained.GetIsMonotonic() || drained.DataPoints[0].GetAsInt() < 4 {
		t.Errorf("drained: %v", drained)
	}
}

func checkRecords(t *testing.T, r *receiver) {
	if len(r.records) != 3 {
		t.Fatalf("%d log records", len(r.records))
	}
	for _, rec := range r.records {
		got := plain(rec.Attributes)
		if rec.EventName != "sqlite_perf.digest" || got["sqlite_perf.calls"] != "1" || len(got["sqlite_perf.digest"]) != 16 ||
			rec.Body.GetStringValue() != got["db.query.summary"] || got["sqlite_perf.p95"] == "" || got["sqlite_perf.total"] == "" {
			t.Errorf("%s %q %v", rec.EventName, rec.Body, got)
		}
	}
}

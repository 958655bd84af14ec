package otel

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	collectlogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	collectmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collecttraces "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	otlp "go.opentelemetry.io/proto/otlp/metrics/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	tracesv1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// receiver is a collector on loopback that decodes OTLP over HTTP, as it is on the wire.
type receiver struct {
	*httptest.Server
	*testing.T
	answer func(w http.ResponseWriter, r *http.Request) (done bool) // before anything is read; nil: takes all

	mu       sync.Mutex
	requests []*http.Request
	resource *resource.Resource
	spans    []*tracesv1.Span
	metrics  map[string]*otlp.Metric // the last of each name
	records  []*logs.LogRecord
}

func receive(t *testing.T, answer func(http.ResponseWriter, *http.Request) bool) *receiver {
	r := &receiver{T: t, answer: answer, metrics: map[string]*otlp.Metric{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/traces", r.handler(r.traces))
	mux.HandleFunc("POST /v1/metrics", r.handler(r.points))
	mux.HandleFunc("POST /v1/logs", r.handler(r.logs))
	r.Server = httptest.NewServer(mux)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) handler(decode func([]byte) proto.Message) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		r.requests = append(r.requests, req)
		r.mu.Unlock()
		if r.answer != nil && r.answer(w, req) {
			return
		}
		body, err := decompress(req)
		if err != nil || req.Header.Get("Content-Type") != "application/x-protobuf" {
			r.Errorf("%s %s: %v", req.URL.Path, req.Header.Get("Content-Type"), err)
		}
		r.mu.Lock()
		answer, err := proto.Marshal(decode(body))
		r.mu.Unlock()
		if err != nil {
			r.Error(err)
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
		w.Write(answer)
	}
}

func decompress(req *http.Request) ([]byte, error) {
	if req.Header.Get("Content-Encoding") != "gzip" {
		return io.ReadAll(req.Body)
	}
	z, err := gzip.NewReader(req.Body)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

func (r *receiver) decode(body []byte, m proto.Message) {
	if err := proto.Unmarshal(body, m); err != nil {
		r.Error(err)
	}
}

func (r *receiver) traces(body []byte) proto.Message {
	var m collecttraces.ExportTraceServiceRequest
	r.decode(body, &m)
	for _, rs := range m.ResourceSpans {
		r.resource = rs.Resource
		for _, ss := range rs.ScopeSpans {
			r.spans = append(r.spans, ss.Spans...)
		}
	}
	return &collecttraces.ExportTraceServiceResponse{}
}

func (r *receiver) points(body []byte) proto.Message {
	var m collectmetrics.ExportMetricsServiceRequest
	r.decode(body, &m)
	for _, rm := range m.ResourceMetrics {
		for _, sm := range rm.ScopeMetrics {
			for _, one := range sm.Metrics {
				r.metrics[one.Name] = one
			}
		}
	}
	return &collectmetrics.ExportMetricsServiceResponse{}
}

func (r *receiver) logs(body []byte) proto.Message {
	var m collectlogs.ExportLogsServiceRequest
	r.decode(body, &m)
	for _, rl := range m.ResourceLogs {
		for _, sl := range rl.ScopeLogs {
			r.records = append(r.records, sl.LogRecords...)
		}
	}
	return &collectlogs.ExportLogsServiceResponse{}
}

// span is the only one of a name, in which the service that sent it may be.
func (r *receiver) span(name string) *tracesv1.Span {
	r.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var found *tracesv1.Span
	for _, s := range r.spans {
		if s.Name == name && found != nil {
			r.Errorf("%s twice", name)
		}
		if s.Name == name {
			found = s
		}
	}
	if found == nil {
		r.Fatalf("no span %s", name)
	}
	return found
}

// plain are attributes as text.
func plain(list []*common.KeyValue) map[string]string {
	m := map[string]string{}
	for _, kv := range list {
		switch v := kv.Value.Value.(type) {
		case *common.AnyValue_StringValue:
			m[kv.Key] = v.StringValue
		case *common.AnyValue_IntValue:
			m[kv.Key] = fmt.Sprint(v.IntValue)
		case *common.AnyValue_DoubleValue:
			m[kv.Key] = fmt.Sprint(v.DoubleValue)
		case *common.AnyValue_BoolValue:
			m[kv.Key] = fmt.Sprint(v.BoolValue)
		default:
			m[kv.Key] = kv.Value.String()
		}
	}
	return m
}

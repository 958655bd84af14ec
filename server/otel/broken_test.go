package otel

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	collecttraces "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// remote starts an Exporter of spans that sends to a collector at url.
func remote(t *testing.T, url string) *Exporter {
	setenv(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+url, "OTEL_METRICS_EXPORTER=none", "OTEL_BSP_SCHEDULE_DELAY=3600000",
		"OTEL_BSP_MAX_QUEUE_SIZE=100", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=50", "OTEL_BSP_EXPORT_TIMEOUT=200")
	e, err := start(t.Context(), func() capture.Counts { return capture.Counts{} }, Config{Ratio: 1})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Whatever a collector answers, the counts add up: 120 spans in batches of 50, 50 and 20.
func TestCollectorsThatAnswerOddly(t *testing.T) {
	status := func(code int, header ...string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			if len(header) > 0 {
				w.Header().Set(header[0], header[1])
			}
			w.WriteHeader(code)
			return true
		}
	}
	for name, test := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request) bool
		want   Stats
	}{
		"takes all":       {nil, Stats{Ended: 120, Exported: 120}},
		"400":             {status(400), Stats{Ended: 120, Failed: 120}},
		"503":             {status(503), Stats{Ended: 120, Failed: 120}},
		"429 for an hour": {status(429, "Retry-After", "3600"), Stats{Ended: 120, Failed: 120}},
		"redirect":        {status(307, "Location", "/"), Stats{Ended: 120, Failed: 120}},
		"an empty 200":    {status(200), Stats{Ended: 120, Exported: 120}},
		"takes a part":    {partial(7), Stats{Ended: 120, Exported: 99, Failed: 21}},
		"hangs": {func(_ http.ResponseWriter, r *http.Request) bool {
			io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
			return true
		}, Stats{Ended: 120, Failed: 120}},
		"closes": {func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }, Stats{Ended: 120, Failed: 120}},
		"speaks other HTTP": {func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", "application/x-protobuf")
			w.Write([]byte("\xff"))
			return true
		}, Stats{Ended: 120, Failed: 120}},
	} {
		t.Run(name, func(t *testing.T) {
			r := receive(t, test.answer)
			e := remote(t, r.URL)
			for range 3 { // no more than the queue holds at once
				sink{e}.Export(events(40))
				e.Flush(deadline(t))
			}
			if s := e.Stats(); s != test.want {
				t.Errorf("%+v, want %+v", s, test.want)
			}
			if err := e.Shutdown(deadline(t)); err != nil {
				t.Error(err)
			}
		})
	}
}

// partial takes all but n spans.
func partial(n int64) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		body, _ := proto.Marshal(&collecttraces.ExportTraceServiceResponse{
			PartialSuccess: &collecttraces.ExportTracePartialSuccess{RejectedSpans: n, ErrorMessage: "too old"}})
		w.Header().Set("Content-Type", "application/x-protobuf")
		w.Write(body)
		return true
	}
}

// While a real collector holds a batch back, the drain goes on: Export returns and counts.
func TestExportReturnsWhileACollectorHolds(t *testing.T) {
	holds, release := make(chan struct{}, 100), make(chan struct{})
	r := receive(t, func(http.ResponseWriter, *http.Request) bool {
		holds <- struct{}{}
		<-release
		return false
	})
	e := remote(t, r.URL)
	e.traces.queue.within = time.Hour
	sink{e}.Export(events(50))
	<-holds
	for range 20 {
		sink{e}.Export(events(100))
	}
	if s, want := e.Stats(), (Stats{Ended: 2050, Pending: 150, Dropped: 1900}); s != want {
		t.Errorf("%+v, want %+v", s, want)
	}
	close(release)
	if err := e.Shutdown(deadline(t)); err != nil {
		t.Error(err)
	}
	if s, want := e.Stats(), (Stats{Ended: 2050, Exported: 150, Dropped: 1900}); s != want || len(r.spans) != 150 {
		t.Errorf("%+v with %d received, want %+v", s, len(r.spans), want)
	}
}

// Nobody listens, and Shutdown has no time at all.
func TestNoCollector(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + listener.Addr().String()
	listener.Close()
	e := remote(t, url)
	sink{e}.Export(events(70))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Shutdown(ctx); err == nil {
		t.Error("Shutdown says nothing of spans it could not send")
	}
	if s, want := e.Stats(), (Stats{Ended: 70, Failed: 70}); s != want {
		t.Errorf("%+v, want %+v", s, want)
	}
}

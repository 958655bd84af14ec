package otel

import (
	"fmt"
	"io"
	"log"
	"testing"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// workload is 4096 events, as a full ring has: 64 fingerprints, in requests of eight statements.
func workload() []capture.Event {
	var statements []*capture.Statement
	for i := range 64 {
		statements = append(statements, &capture.Statement{Digest: uint64(i),
			Fingerprint: fmt.Sprint("SELECT a FROM t", i), Summary: fmt.Sprint("SELECT t", i)})
	}
	var list []capture.Event
	for i := range 4096 / 8 {
		scope := capture.NewScope()
		for j := range 7 {
			list = append(list, statement(func(ev *capture.Event) {
				ev.Statement, ev.Scope, ev.Steps = statements[(i*7+j)%64], scope, 40
				ev.Total += capture.Since(ev.Start) % 3000
			}))
		}
		list = append(list, request(fmt.Sprint("GET /", i%20), 200, scope))
	}
	return list
}

func BenchmarkExport(b *testing.B) {
	for name, env := range map[string][2]string{"all": {}, "traces": {"", "none"}, "metrics": {"none", ""}} {
		b.Run(name, func(b *testing.B) {
			log.SetOutput(io.Discard)
			c := Config{}
			b.Setenv("OTEL_TRACES_EXPORTER", env[0])
			b.Setenv("OTEL_METRICS_EXPORTER", env[1])
			if env[0] == "" {
				c.Spans = tracetest.NewNoopExporter()
			}
			if env[1] == "" {
				c.Metrics = sdkmetric.NewManualReader()
			}
			e, err := start(b.Context(), func() capture.Counts { return capture.Counts{} }, c)
			if err != nil {
				b.Fatal(err)
			}
			defer e.Shutdown(b.Context())
			list := workload()
			b.ReportAllocs()
			for b.Loop() {
				sink{e}.Export(list)
			}
			b.ReportMetric(float64(len(list))*float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

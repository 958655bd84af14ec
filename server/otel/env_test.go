package otel

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
	global "go.opentelemetry.io/otel"
)

// started starts an Exporter of everything and returns its error and what was said of the environment.
func started(t *testing.T, environment string) (said string, err error) {
	global.SetErrorHandler(global.ErrorHandlerFunc(func(err error) { said += err.Error() + "\n" }))
	defer global.SetErrorHandler(global.ErrorHandlerFunc(func(error) {}))
	setenv(t, environment)
	e, err := start(t.Context(), func() capture.Counts { return capture.Counts{} }, Config{Logs: true})
	if err != nil {
		return said, err
	}
	before := said
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	e.Shutdown(ctx) // nobody listens
	return before, nil
}

// No number of the environment ends the process: the SDK would panic, or take all memory.
func TestNumbersWithoutSense(t *testing.T) {
	for _, name := range []string{"OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "OTEL_BSP_SCHEDULE_DELAY", "OTEL_BSP_EXPORT_TIMEOUT",
		"OTEL_METRIC_EXPORT_INTERVAL", "OTEL_METRIC_EXPORT_TIMEOUT", "OTEL_BLRP_MAX_QUEUE_SIZE", "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
		"OTEL_BLRP_SCHEDULE_DELAY", "OTEL_BLRP_EXPORT_TIMEOUT"} {
		for _, value := range []string{"9223372036855", "99999999999999999999", "-1", "0", "a lot"} {
			t.Run(name+"="+value, func(t *testing.T) {
				said, err := started(t, name+"="+value)
				if err != nil || !strings.Contains(said, name+"="+value+": not a number from 1 to ") {
					t.Errorf("said %q, error %v", said, err)
				}
			})
		}
	}
}

func TestEndpointsThatAreNone(t *testing.T) {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
		"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"} {
		for _, value := range []string{"localhost:4318", "127.0.0.1:4318", "/v1", "ftp://localhost", "http://", "http://%zz"} {
			t.Run(name+"="+value, func(t *testing.T) {
				if _, err := started(t, name+"="+value); err == nil || !strings.Contains(err.Error(), name+"="+value+": not a URL") {
					t.Errorf("error %v", err)
				}
			})
		}
	}
}

// Where the environment says nothing, a collector on this machine is spoken to as collectors listen: without TLS.
func TestNearbyCollectorIsSpokenToInPlain(t *testing.T) {
	var said strings.Builder
	global.SetErrorHandler(global.ErrorHandlerFunc(func(err error) { fmt.Fprintln(&said, err) }))
	defer global.SetErrorHandler(global.ErrorHandlerFunc(func(error) {}))
	for _, name := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
		"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"} {
		setenv(t, name+"=")
	}
	e, err := start(t.Context(), func() capture.Counts { return capture.Counts{} }, Config{Ratio: 1, Logs: true})
	if err != nil {
		t.Fatal(err)
	}
	sink{e}.Export(events(1))
	sink{e}.ExportInterval(time.Now(), time.Now(), []*digest.Summary{{Statement: lookup}})
	flushed := e.Flush(deadline(t))
	if said := fmt.Sprint(said.String(), flushed, e.Shutdown(deadline(t))); strings.Contains(said, "https:") {
		t.Error(said)
	}
}

package otel

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// The rule for a ratio is the SDK's, ID by ID.
func TestRatioIsTheSDKs(t *testing.T) {
	for _, ratio := range []float64{-1, 0, 0.01, 0.3, 0.5, 0.999, 1, 2} {
		theirs, ours := sdktrace.TraceIDRatioBased(ratio), rule{below: bound(ratio)}
		kept := 0
		for range 2000 {
			id := capture.NewTrace().TraceID
			want := theirs.ShouldSample(sdktrace.SamplingParameters{TraceID: id}).Decision == sdktrace.RecordAndSample
			if ours.trace(id) != want {
				t.Fatalf("ratio %v, trace %x: the SDK says %v", ratio, id, want)
			}
			if want {
				kept++
			}
		}
		if want := 2000 * min(max(ratio, 0), 1); float64(kept) < want*0.7-25 || float64(kept) > want*1.3+25 {
			t.Errorf("ratio %v kept %d of 2000", ratio, kept)
		}
	}
}

// Each OTEL_TRACES_SAMPLER decides as the SDK's sampler of that name does.
func TestSamplersAreTheSDKs(t *testing.T) {
	for name, theirs := range map[string]sdktrace.Sampler{
		"always_on":                    sdktrace.AlwaysSample(),
		"always_off":                   sdktrace.NeverSample(),
		"traceidratio 0.25":            sdktrace.TraceIDRatioBased(0.25),
		"traceidratio ":                sdktrace.TraceIDRatioBased(1),
		"parentbased_always_on":        sdktrace.ParentBased(sdktrace.AlwaysSample()),
		"parentbased_always_off":       sdktrace.ParentBased(sdktrace.NeverSample()),
		"ParentBased_TraceIDRatio 0.5": sdktrace.ParentBased(sdktrace.TraceIDRatioBased(0.5)),
	} {
		sampler, arg, _ := strings.Cut(name, " ")
		ours, err := ruleOf(Config{}, sampler, arg)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 400 {
			id, begun := capture.NewTrace(), i%2 == 0
			id.Sampled = rand.IntN(2) == 0
			p := sdktrace.SamplingParameters{TraceID: id.TraceID, ParentContext: t.Context()}
			if begun {
				p.ParentContext = trace.ContextWithRemoteSpanContext(t.Context(), spanContext(id, id.SpanID, id.Sampled))
			}
			want := theirs.ShouldSample(p).Decision == sdktrace.RecordAndSample
			if got := ours.under(id, begun); got != want {
				t.Fatalf("%s, begun %v, sampled %v: %v, want %v", name, begun, id.Sampled, got, want)
			}
		}
		if failed := statement(func(ev *capture.Event) { ev.Error = capture.ErrorBusy }); ours.remarkable(&failed) {
			t.Errorf("%s: the sampler alone decides, yet a failure is remarkable", name)
		}
	}
}

func TestEnvironmentThatIsRefused(t *testing.T) {
	for variables, want := range map[string]string{
		"OTEL_EXPORTER_OTLP_PROTOCOL=grpc":                             "OTEL_EXPORTER_OTLP_PROTOCOL=grpc: only http/protobuf is built in",
		"OTEL_EXPORTER_OTLP_METRICS_PROTOCOL=http/json":                "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL=http/json: only http/protobuf",
		"OTEL_TRACES_EXPORTER=zipkin":                                  "OTEL_TRACES_EXPORTER=zipkin: only otlp and none",
		"OTEL_METRICS_EXPORTER=prometheus":                             "server/prom",
		"OTEL_LOGS_EXPORTER=console":                                   "only otlp and none",
		"OTEL_TRACES_SAMPLER=jaeger_remote":                            "no such sampler",
		"OTEL_TRACES_SAMPLER=traceidratio OTEL_TRACES_SAMPLER_ARG=NaN": "not a number from 0 to 1",
		"OTEL_TRACES_SAMPLER=traceidratio OTEL_TRACES_SAMPLER_ARG=1.5": "not a number from 0 to 1",
	} {
		t.Run(variables, func(t *testing.T) {
			setenv(t, strings.Fields(variables)...)
			if _, err := start(t.Context(), nil, Config{}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("start says %v, want %q in it", err, want)
			}
		})
	}
}

func TestEnvironmentThatTurnsOff(t *testing.T) {
	for variables, want := range map[string]string{
		"":                       "true true false",
		"OTEL_SDK_DISABLED=true": "false false false",
		"OTEL_TRACES_EXPORTER=none OTEL_LOGS_EXPORTER=otlp":                                     "false true true",
		"OTEL_METRICS_EXPORTER=none OTEL_LOGS_EXPORTER=none":                                    "true false false",
		"OTEL_TRACES_SAMPLER=always_off":                                                        "false true false",
		"OTEL_EXPORTER_OTLP_PROTOCOL=grpc OTEL_TRACES_EXPORTER=none OTEL_METRICS_EXPORTER=none": "false false false",
		"OTEL_BSP_MAX_QUEUE_SIZE=-3 OTEL_BSP_SCHEDULE_DELAY=soon":                               "true true false",
	} {
		t.Run(variables, func(t *testing.T) {
			setenv(t, strings.Fields(variables)...)
			setenv(t, "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_TIMEOUT=1")
			e, err := start(t.Context(), func() capture.Counts { return capture.Counts{} }, Config{Ratio: -1})
			if err != nil {
				t.Fatal(err)
			}
			sink{e}.Export([]capture.Event{statement(nil)})
			if got := fmt.Sprint(e.traces != nil, e.metrics != nil, e.records != nil); got != want {
				t.Errorf("traces, metrics, logs: %s, want %s", got, want)
			}
			db, err := sql.Open("sqlite", ":memory:")
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if err := e.Watch(db, "app"); err != nil {
				t.Error(err)
			}
			ctx, cancel := contextDone(t)
			defer cancel()
			if n := e.Stats().Ended; n != 0 {
				t.Errorf("%d spans of one quick statement", n)
			}
			e.Flush(ctx)
			e.Shutdown(ctx) // nobody listens at that port
		})
	}
}

// What was begun when Start fails is ended.
func TestStartThatFails(t *testing.T) {
	ctx, cancel := contextDone(t)
	defer cancel()
	if _, err := start(ctx, nil, Config{Logs: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("start after its context: %v", err)
	}
}

func setenv(t *testing.T, variables ...string) {
	for _, v := range variables {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
}

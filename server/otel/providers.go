package otel

import (
	"context"
	"errors"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	global "go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
)

// build makes what the environment asks for. What was made when it fails is the caller's to stop.
func (e *Exporter) build(ctx context.Context, counts func() capture.Counts, c Config, env environment) error {
	res, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithService(), resource.WithFromEnv())
	if res == nil {
		return err
	}
	if err != nil {
		global.Handle(err) // as the SDK does: what could be read is used
	}
	return errors.Join(e.buildTraces(ctx, c, env, res), e.buildMetrics(ctx, counts, c, env, res),
		e.buildRecords(ctx, c, env, res))
}

func (e *Exporter) buildTraces(ctx context.Context, c Config, env environment, res *resource.Resource) (err error) {
	if !env.traces || env.rule.none() {
		return nil
	}
	exporter := c.Spans
	if exporter == nil {
		var options []otlptracehttp.Option
		if nearby("TRACES") {
			options = append(options, otlptracehttp.WithInsecure())
		}
		if exporter, err = otlptracehttp.New(ctx, options...); err != nil {
			return err
		}
	}
	q := &queue{exporter: exporter}
	q.newTracer(res)
	q.start(env)
	e.traces = &traces{rule: env.rule, queue: q}
	e.tracer = &tracer{env.rule}
	return nil
}

// cardinality bounds the attribute sets of each instrument. It is the SDK's default, written down.
const cardinality = 2000

func (e *Exporter) buildMetrics(ctx context.Context, counts func() capture.Counts, c Config, env environment,
	res *resource.Resource) error {
	if !env.metrics {
		return nil
	}
	reader := c.Metrics
	if reader == nil {
		var options []otlpmetrichttp.Option
		if nearby("METRICS") {
			options = append(options, otlpmetrichttp.WithInsecure())
		}
		exporter, err := otlpmetrichttp.New(ctx, options...)
		if err != nil {
			return err
		}
		reader = sdkmetric.NewPeriodicReader(exporter, sdkmetric.WithInterval(env.every), sdkmetric.WithTimeout(env.collectWithin))
	}
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithResource(res), sdkmetric.WithReader(reader),
		sdkmetric.WithView(fine), sdkmetric.WithCardinalityLimit(cardinality))
	m, err := newMetrics(provider, counts, e.Stats)
	e.metrics = m
	return err
}

// fine makes every histogram exponential: the conventional buckets begin at 5 ms, where a statement
// of SQLite's ends. With 160 buckets the error is 5 % if the slowest takes 2000 times the quickest.
var fine = sdkmetric.NewView(
	sdkmetric.Instrument{Kind: sdkmetric.InstrumentKindHistogram},
	sdkmetric.Stream{Aggregation: sdkmetric.AggregationBase2ExponentialHistogram{MaxSize: 160, MaxScale: 20}},
)

func (e *Exporter) buildRecords(ctx context.Context, c Config, env environment, res *resource.Resource) (err error) {
	if !env.logs {
		return nil
	}
	exporter := c.Records
	if exporter == nil {
		var options []otlploghttp.Option
		if nearby("LOGS") {
			options = append(options, otlploghttp.WithInsecure())
		}
		if exporter, err = otlploghttp.New(ctx, options...); err != nil {
			return err
		}
	}
	e.records = newRecords(exporter, res, c.Digests)
	return nil
}

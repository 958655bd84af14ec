package otel

import (
	"context"
	"errors"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/semconv/v1.43.0/httpconv"
)

// requests are the instruments of requests, served and sent, under the names of the conventions.
// https://opentelemetry.io/docs/specs/semconv/http/http-metrics/
type requests struct{ served, sent measured }

// measured are the histograms of requests in one direction.
type measured struct {
	duration        metric.Float64Histogram // seconds
	request, answer metric.Int64Histogram   // bytes of bodies
}

// instrument is one of the conventions' instruments.
type instrument interface {
	Name() string
	Unit() string
	Description() string
}

func (r *requests) register(meter metric.Meter) error {
	inFlight := httpconv.ServerActiveRequests{}
	_, err := meter.Int64ObservableUpDownCounter(inFlight.Name(), metric.WithUnit(inFlight.Unit()),
		metric.WithDescription(inFlight.Description()),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(capture.InFlight.Load())
			return nil
		}))
	return errors.Join(err,
		r.served.register(meter, httpconv.ServerRequestDuration{}, httpconv.ServerRequestBodySize{}, httpconv.ServerResponseBodySize{}),
		r.sent.register(meter, httpconv.ClientRequestDuration{}, httpconv.ClientRequestBodySize{}, httpconv.ClientResponseBodySize{}))
}

func (m *measured) register(meter metric.Meter, duration, request, answer instrument) error {
	var errs [3]error
	m.duration, errs[0] = meter.Float64Histogram(duration.Name(),
		metric.WithUnit(duration.Unit()), metric.WithDescription(duration.Description()))
	m.request, errs[1] = meter.Int64Histogram(request.Name(),
		metric.WithUnit(request.Unit()), metric.WithDescription(request.Description()))
	m.answer, errs[2] = meter.Int64Histogram(answer.Name(),
		metric.WithUnit(answer.Unit()), metric.WithDescription(answer.Description()))
	return errors.Join(errs[:]...)
}

// record records one request. A body that there was not has no size.
func (m *measured) record(ctx context.Context, ev *capture.Event, options []metric.RecordOption) {
	m.duration.Record(ctx, ev.Total.Seconds(), options...)
	if n := ev.RequestBytes(); n > 0 {
		m.request.Record(ctx, n, options...)
	}
	if n := ev.AnswerBytes(); n > 0 {
		m.answer.Record(ctx, n, options...)
	}
}

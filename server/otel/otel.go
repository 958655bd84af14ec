// Package otel sends what was captured to OpenTelemetry: statements, transactions and requests as
// spans and metrics and, if asked for, the costliest digests as log records.
//
// Start reads the standard OTEL_* variables, so that with none set a collector on this machine gets
// everything over OTLP. Statements that were slow or failed become spans, with their requests, and one
// trace in a hundred besides; never each statement, unless OTEL_TRACES_SAMPLER says so. A request in which
// the application made spans of its own, in a trace that the caller samples, becomes one too. Metrics count
// every event. Log records are off unless OTEL_LOGS_EXPORTER=otlp or the Config asks for them: they
// repeat what the history keeps.
//
// Nothing here is called by a query. The goroutine that drains the rings chooses what becomes a span
// and puts it into a queue of OTEL_BSP_MAX_QUEUE_SIZE, 2048 by default; a full queue drops the newest span
// and counts it. One goroutine of the Exporter sends what is in the queue, one of the SDK's collects the
// metrics, one sends the log records; Shutdown waits for all. An instrument has at most 2000 attribute
// sets: what is beyond is counted under the attribute otel.metric.overflow.
//
// An application that makes spans itself finds its request's span in the request's context, and its own
// become children. The sampled flag there says whether the trace was chosen by its ID, for whether the
// request will be slow is not known when it begins; a sampler of the application's that follows its
// parent then records as few traces. OTEL_TRACES_SAMPLER=always_on, which both read, records all. A sampler
// that does not follow its parent makes children of requests that are not exported.
package otel

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sqliteperf/sqliteperf/advisor"
	"github.com/sqliteperf/sqliteperf/internal/capture"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Config configures an Exporter. The zero value works.
type Config struct {
	// Slow is how long a statement, transaction or request takes that is exported in any case.
	// Default 100ms; negative: none is slow.
	Slow time.Duration

	// Ratio is the share of traces that are exported besides, chosen by their IDs as the SDK's
	// TraceIDRatioBased does: services with the same ratio keep the same traces. Default 0.01;
	// negative: none. OTEL_TRACES_SAMPLER replaces both Slow and Ratio.
	Ratio float64

	Logs    bool // log records without OTEL_LOGS_EXPORTER=otlp
	Digests int  // log records per interval of the Advisor, the costliest digests; default 20

	// Spans, Metrics and Records, where set, get what is exported instead of the exporters that the
	// environment asks for. Shutdown shuts them down, and waits for a call that does not heed its context.
	Spans   sdktrace.SpanExporter
	Metrics sdkmetric.Reader
	Records sdklog.Exporter
}

func (c Config) withDefaults() Config {
	c.Slow = cmp.Or(c.Slow, 100*time.Millisecond)
	c.Ratio = cmp.Or(c.Ratio, 0.01)
	c.Digests = cmp.Or(c.Digests, 20)
	return c
}

// Exporter exports what one Advisor drains. Its methods are safe for concurrent use.
type Exporter struct {
	traces  *traces // nil if there are no traces, and so on
	metrics *metrics
	records *records

	tracer   *tracer
	remove   func()
	shutdown func(context.Context) error
}

// Start exports what adv drains from now on. The context bounds Start alone. It fails if the
// environment asks for what is not built in, such as OTEL_EXPORTER_OTLP_PROTOCOL=grpc; a collector that
// does not answer is no failure. With OTEL_SDK_DISABLED=true nothing is exported.
func Start(ctx context.Context, adv *advisor.Advisor, c Config) (*Exporter, error) {
	e, err := start(ctx, adv.Counts, c)
	if err != nil {
		return nil, fmt.Errorf("start OpenTelemetry: %w", err)
	}
	e.remove = adv.Export(sink{e})
	if e.traces != nil {
		e.tracer.install()
	}
	return e, nil
}

// start is Start without an Advisor.
func start(ctx context.Context, counts func() capture.Counts, c Config) (*Exporter, error) {
	c = c.withDefaults()
	env, err := readEnvironment(c)
	if err != nil {
		return nil, err
	}
	e := &Exporter{remove: func() {}}
	var once sync.Once
	e.shutdown = func(ctx context.Context) (err error) {
		once.Do(func() { err = e.stop(ctx) })
		return err
	}
	if err := e.build(ctx, counts, c, env); err != nil {
		return nil, errors.Join(err, e.stop(ctx))
	}
	return e, nil
}

// Stats says what became of the spans: Ended = Exported + Dropped + Failed + Pending.
type Stats struct {
	Ended    uint64 // chosen to be exported
	Exported uint64 // accepted by the collector
	Dropped  uint64 // lost because the queue was full
	Failed   uint64 // refused by the collector, or not sent in time
	Pending  uint64 // in the queue, or being sent
}

// Stats says what became of the spans so far.
func (e *Exporter) Stats() Stats {
	if e.traces == nil {
		return Stats{}
	}
	return e.traces.queue.Stats()
}

// Watch exports the connection pool's metrics of db as db.sql.connection.*, by XSAM/otelsql, under the
// pool's name, until Shutdown. Pools of one name add up; watching a pool again under its name does nothing.
func (e *Exporter) Watch(db *sql.DB, name string) error {
	if e.metrics == nil {
		return nil
	}
	return e.metrics.watch(db, name)
}

// Flush sends what was drained so far and returns when it is sent, or has failed.
func (e *Exporter) Flush(ctx context.Context) error {
	return e.all(ctx, (*queue).flush, (*metrics).flush, (*records).flush)
}

// Shutdown takes the Exporter off its Advisor, sends what was drained within ctx, counts the rest as
// failed, and waits for its goroutines. Events of the last second are drained by Advisor.Close: call it
// before. Calling Shutdown again does nothing more. The SDK keeps an idle connection for 90 s.
func (e *Exporter) Shutdown(ctx context.Context) error { return e.shutdown(ctx) }

func (e *Exporter) stop(ctx context.Context) error {
	e.remove()
	if e.tracer != nil {
		e.tracer.remove()
	}
	return e.all(ctx, (*queue).shutdown, (*metrics).shutdown, (*records).shutdown)
}

// all does the three at once, for one that waits for its collector must not use up the others' time.
func (e *Exporter) all(ctx context.Context, spans func(*queue, context.Context) error,
	points func(*metrics, context.Context) error, logs func(*records, context.Context) error) error {
	var wg sync.WaitGroup
	var errs [3]error
	if e.traces != nil {
		wg.Go(func() { errs[0] = spans(e.traces.queue, ctx) })
	}
	if e.metrics != nil {
		wg.Go(func() { errs[1] = points(e.metrics, ctx) })
	}
	if e.records != nil {
		wg.Go(func() { errs[2] = logs(e.records, ctx) })
	}
	wg.Wait()
	return errors.Join(errs[:]...)
}

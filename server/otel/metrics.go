package otel

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"github.com/XSAM/otelsql"
	"github.com/sqliteperf/sqliteperf/internal/capture"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/semconv/v1.43.0/dbconv"
)

// metrics records each event. Histograms are the SDK's; what only adds up is added up here, which
// costs a twentieth of it, and read when the metrics are collected.
type metrics struct {
	provider *sdkmetric.MeterProvider
	counts   func() capture.Counts
	spans    func() Stats

	duration metric.Float64Histogram
	rows     metric.Int64Histogram
	http     requests
	sums     sums

	mu         sync.Mutex // held by the drain for a batch, and by a collection while it copies totals
	statements map[statementKey][]metric.RecordOption
	routes     map[routeKey][]metric.RecordOption
	targets    map[targetKey][]metric.RecordOption
	sources    map[*capture.Source]*totals
	databases  map[string]*totals // by name, which several sources may share
	endings    []*ended           // of transactions, in order of first use

	watching sync.Mutex
	watched  map[pool]metric.Registration
}

// pool is what is watched.
type pool struct {
	db   *sql.DB
	name string
}

// statementKey is what the attributes of a statement's series depend on.
type statementKey struct {
	statement *capture.Statement
	source    *capture.Source
	class     capture.ErrorClass
}

// routeKey is what the attributes of a request's series depend on.
type routeKey struct {
	name   string
	status uint16
}

// targetKey is what the attributes of an outgoing request's series depend on.
type targetKey struct {
	name   *capture.Statement
	status uint16
	class  capture.ErrorClass
}

// setsKept bounds each cache of attribute sets. A full one is emptied and fills up again.
const setsKept = 4096

func newMetrics(p *sdkmetric.MeterProvider, counts func() capture.Counts, spans func() Stats) (*metrics, error) {
	m := &metrics{
		provider: p, counts: counts, spans: spans,
		statements: map[statementKey][]metric.RecordOption{}, routes: map[routeKey][]metric.RecordOption{},
		targets: map[targetKey][]metric.RecordOption{},
		sources: map[*capture.Source]*totals{}, databases: map[string]*totals{}, watched: map[pool]metric.Registration{},
	}
	meter := p.Meter(scopeName, metric.WithSchemaURL(semconv.SchemaURL))
	var errs [4]error
	duration, rows := dbconv.ClientOperationDuration{}, dbconv.ClientResponseReturnedRows{}
	m.duration, errs[0] = meter.Float64Histogram(duration.Name(),
		metric.WithUnit(duration.Unit()), metric.WithDescription(duration.Description()))
	m.rows, errs[1] = meter.Int64Histogram(rows.Name(),
		metric.WithUnit(rows.Unit()), metric.WithDescription(rows.Description()))
	errs[2] = m.http.register(meter)
	errs[3] = m.sums.register(meter, m)
	return m, errors.Join(errs[:]...)
}

// record records one event. An exemplar takes the span from ctx. The drain holds m.mu.
func (m *metrics) record(ctx context.Context, ev *capture.Event) {
	switch ev.Kind {
	case capture.KindRequest:
		m.http.served.record(ctx, ev, m.routeOptions(ev))
		return
	case capture.KindOutgoing:
		m.http.sent.record(ctx, ev, m.targetOptions(ev))
		return
	}
	t := m.totalsOf(ev.Source)
	t.add(ev)
	if ev.Kind == capture.KindTransaction {
		m.end(t, ev)
		return
	}
	options := m.statementOptions(ev)
	m.duration.Record(ctx, ev.Total.Seconds(), options...)
	if ev.Error == capture.ErrorNone && (ev.Mode == capture.ModeQuery || ev.Mode == capture.ModePreparedQuery) {
		m.rows.Record(ctx, ev.Rows, options...)
	}
}

func (m *metrics) statementOptions(ev *capture.Event) []metric.RecordOption {
	key := statementKey{ev.Statement, ev.Source, ev.Error}
	return remember(m.statements, key, func() []attribute.KeyValue {
		list := []attribute.KeyValue{semconv.DBSystemNameSQLite}
		if ev.Source != nil {
			list = append(list, semconv.DBNamespace(text(ev.Source.Name())))
		}
		if ev.Statement != nil {
			list = append(list, semconv.DBQuerySummary(text(ev.Statement.Summary)))
		}
		if ev.Error != capture.ErrorNone {
			list = append(list, errorAttributes(ev.Error)...)
		}
		return list
	})
}

func (m *metrics) routeOptions(ev *capture.Event) []metric.RecordOption {
	key := routeKey{status: ev.Status}
	if ev.Scope != nil {
		key.name = ev.Scope.Name()
	}
	return remember(m.routes, key, func() []attribute.KeyValue { return requestAttributes(ev) })
}

func (m *metrics) targetOptions(ev *capture.Event) []metric.RecordOption {
	key := targetKey{ev.Statement, ev.Status, ev.Error}
	return remember(m.targets, key, func() []attribute.KeyValue { return outgoingAttributes(ev) })
}

// remember looks up the options of key, or makes them.
func remember[K comparable](cache map[K][]metric.RecordOption, key K, make func() []attribute.KeyValue) []metric.RecordOption {
	if options, ok := cache[key]; ok {
		return options
	}
	if len(cache) >= setsKept {
		clear(cache)
	}
	options := []metric.RecordOption{metric.WithAttributeSet(attribute.NewSet(make()...))}
	cache[key] = options
	return options
}

func (m *metrics) watch(db *sql.DB, name string) error {
	m.watching.Lock()
	defer m.watching.Unlock()
	if m.watched[pool{db, name}] != nil {
		return nil
	}
	r, err := otelsql.RegisterDBStatsMetrics(db, otelsql.WithMeterProvider(m.provider),
		otelsql.WithAttributes(semconv.DBSystemNameSQLite, semconv.DBClientConnectionPoolName(text(name))))
	if err != nil {
		return fmt.Errorf("watch %s: %w", name, err)
	}
	m.watched[pool{db, name}] = r
	return nil
}

func (m *metrics) flush(ctx context.Context) error { return m.provider.ForceFlush(ctx) }

// shutdown collects a last time, then lets go of the pools.
func (m *metrics) shutdown(ctx context.Context) error {
	errs := []error{m.provider.Shutdown(ctx)}
	m.watching.Lock()
	defer m.watching.Unlock()
	for _, r := range m.watched {
		errs = append(errs, r.Unregister())
	}
	clear(m.watched)
	return errors.Join(errs...)
}

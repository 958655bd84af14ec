package otel

import (
	"context"
	"database/sql"
	"testing"

	"github.com/XSAM/otelsql"
	"github.com/google/go-cmp/cmp"
	"github.com/sqliteperf/sqliteperf/internal/capture"
	"go.opentelemetry.io/otel/codes"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// script runs statements whose texts are their own fingerprints. Some are run within a span of the
// application's own, some fail.
func script(ctx context.Context, db *sql.DB, app trace.Tracer) {
	db.ExecContext(ctx, "INSERT INTO orders(id, total) VALUES (?, ?)", 4, 40)
	db.ExecContext(ctx, "INSERT INTO orders(id, total) VALUES (?, ?)", 4, 41) // a constraint fails
	total(ctx, db, "SELECT total FROM orders")
	total(ctx, db, "SELECT missing FROM orders") // no such column
	own, span := app.Start(ctx, "work")
	total(own, db, "SELECT id FROM orders")
	var n int
	db.QueryRowContext(own, "SELECT total FROM orders WHERE id = ?", 99).Scan(&n) // no rows, which is no failure
	span.End()
	if tx, err := db.BeginTx(ctx, nil); err == nil {
		tx.ExecContext(ctx, "UPDATE orders SET total = ? WHERE id = ?", 1, 2)
		tx.QueryRowContext(ctx, "SELECT count(*) FROM orders").Scan(&n)
		tx.Rollback()
	}
	if stmt, err := db.PrepareContext(ctx, "DELETE FROM orders WHERE id = ?"); err == nil {
		for id := range 3 {
			stmt.ExecContext(ctx, id)
		}
		stmt.Close()
	}
	if stmt, err := db.PrepareContext(ctx, "SELECT id FROM orders WHERE total > ?"); err == nil {
		stmt.QueryRowContext(ctx, 7).Scan(&n)
		stmt.Close()
	}
}

// seen is what both sides say of one statement.
type seen struct {
	Query, Parent string
	Failed        bool
}

func seenOf(s tracetest.SpanStub, request *capture.Trace) seen {
	one := seen{Query: attributesOf(s)["db.query.text"], Parent: "the application's span", Failed: s.Status.Code == codes.Error}
	if s.Parent.SpanID() == request.SpanID {
		one.Parent = "the request"
	}
	if s.Parent.TraceID() != request.TraceID {
		one.Parent += " of another trace"
	}
	return one
}

// calls counts the points of a duration metric, by whether the call failed.
func calls[D any](t *testing.T, m metricdata.Metrics, points []D, each func(D) (uint64, bool)) map[bool]uint64 {
	t.Helper()
	if m.Name != "db.client.operation.duration" || m.Unit != "s" {
		t.Errorf("metric %s in %s", m.Name, m.Unit)
	}
	counts := map[bool]uint64{}
	for _, p := range points {
		n, failed := each(p)
		counts[failed] += n
	}
	return counts
}

// theirs runs the script on the bare driver under otelsql.
func theirs(s *service) (list []seen, counts map[bool]uint64) {
	kept, reader := tracetest.NewInMemoryExporter(), sdkmetric.NewManualReader()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(kept))
	db := s.open(func(driver, dsn string) (*sql.DB, error) {
		return otelsql.Open(driver, dsn, otelsql.WithTracerProvider(provider),
			otelsql.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))))
	}, "sqlite")
	scope := capture.NewScope()
	script(capture.WithTrace(capture.WithScope(s.Context(), scope), scope), db, provider.Tracer("app"))
	methods := map[string]bool{"sql.conn.query": true, "sql.conn.exec": true, "sql.stmt.query": true, "sql.stmt.exec": true}
	for _, span := range kept.GetSpans() {
		if methods[span.Name] && span.SpanContext.TraceID() == scope.Trace().TraceID {
			list = append(list, seenOf(span, scope.Trace()))
		}
	}
	var all metricdata.ResourceMetrics
	s.must(reader.Collect(s.Context(), &all))
	for _, m := range all.ScopeMetrics[0].Metrics {
		if h, ok := m.Data.(metricdata.Histogram[float64]); ok {
			counts = calls(s.T, m, h.DataPoints, func(p metricdata.HistogramDataPoint[float64]) (uint64, bool) {
				set := emit(p.Attributes)
				if !methods[set["db.operation.name"]] {
					return 0, false
				}
				return p.Count, set["error.type"] != ""
			})
		}
	}
	return list, counts
}

// ours runs it on our driver.
func ours(s *service, kept *tracetest.InMemoryExporter, reader sdkmetric.Reader) (list []seen, counts map[bool]uint64) {
	s.must(s.exp.Flush(deadline(s.T)))
	provider := sdktrace.NewTracerProvider()
	defer provider.Shutdown(s.Context())
	scope := capture.NewScope()
	start := capture.Now()
	script(capture.WithTrace(capture.WithScope(s.Context(), scope), scope), s.db, provider.Tracer("app"))
	end := capture.Now()
	s.must(s.adv.Close())
	s.must(s.exp.Flush(deadline(s.T)))
	for _, span := range kept.GetSpans() {
		if span.SpanKind != trace.SpanKindClient || span.SpanContext.TraceID() != scope.Trace().TraceID {
			continue // the schema's
		}
		list = append(list, seenOf(span, scope.Trace()))
		if span.StartTime.Before(start.Time()) || span.EndTime.After(end.Time()) || span.EndTime.Before(span.StartTime) {
			s.Errorf("%s from %v to %v, not within the request", span.Name, span.StartTime, span.EndTime)
		}
	}
	var all metricdata.ResourceMetrics
	s.must(reader.Collect(s.Context(), &all))
	for _, m := range all.ScopeMetrics[0].Metrics {
		if h, ok := m.Data.(metricdata.ExponentialHistogram[float64]); ok && m.Name == "db.client.operation.duration" {
			counts = calls(s.T, m, h.DataPoints, func(p metricdata.ExponentialHistogramDataPoint[float64]) (uint64, bool) {
				return p.Count, emit(p.Attributes)["error.type"] != ""
			})
		}
	}
	return list, counts
}

// The same script gives the same statements in the same order, under the same parents, with the same
// failures and as many measurements as otelsql sees on the bare driver.
func TestOtelsqlSeesTheSame(t *testing.T) {
	kept, reader := tracetest.NewInMemoryExporter(), sdkmetric.NewManualReader()
	s := serve(t, Config{Ratio: 1, Spans: kept, Metrics: reader})
	wantSpans, wantCounts := theirs(s)
	gotSpans, gotCounts := ours(s, kept, reader)
	if diff := cmp.Diff(wantSpans, gotSpans); diff != "" {
		t.Errorf("spans (-otelsql +ours):\n%s", diff)
	}
	if diff := cmp.Diff(wantCounts, gotCounts); diff != "" {
		t.Errorf("measurements, by whether they failed (-otelsql +ours):\n%s", diff)
	}
	if len(wantSpans) != 12 {
		t.Errorf("otelsql saw %d statements of 12", len(wantSpans))
	}
}

package otel

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sqliteperf/sqliteperf/internal/capture"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

func emit(set attribute.Set) map[string]string {
	m := map[string]string{}
	for _, kv := range set.ToSlice() {
		m[string(kv.Key)] = kv.Value.String()
	}
	return m
}

func TestHistograms(t *testing.T) {
	e := begin(t, Config{Ratio: -1})
	spans := e.export(statement(nil), statement(slow), statement(busy), request("GET /x", 200, capture.NewScope()),
		statement(func(ev *capture.Event) { ev.Mode = capture.ModeExec }))
	got := e.collect()
	duration := got["db.client.operation.duration"]
	points := duration.Data.(metricdata.ExponentialHistogram[float64]).DataPoints
	if duration.Unit != "s" || len(points) != 2 {
		t.Fatalf("%d series in %q", len(points), duration.Unit)
	}
	for _, p := range points {
		want := map[string]string{"db.system.name": "sqlite", "db.namespace": "app.db", "db.query.summary": "SELECT orders"}
		count, exemplar := uint64(3), spans[0]
		if p.Count == 1 {
			count, exemplar, want["error.type"] = 1, spans[1], "busy"
			want["db.response.status_code"] = "SQLITE_BUSY"
		}
		if diff := cmp.Diff(want, emit(p.Attributes)); diff != "" || p.Count != count {
			t.Errorf("%d calls (-want +got):\n%s", p.Count, diff)
		}
		if len(p.Exemplars) != 1 || fmt.Sprintf("%x", p.Exemplars[0].SpanID) != exemplar.SpanContext.SpanID().String() {
			t.Errorf("exemplars %+v, want the span that was exported", p.Exemplars)
		}
	}
	rows := got["db.client.response.returned_rows"].Data.(metricdata.ExponentialHistogram[int64]).DataPoints
	if len(rows) != 1 || rows[0].Count != 2 || rows[0].Sum != 2 {
		t.Errorf("rows: %+v", rows)
	}
	requests := got["http.server.request.duration"].Data.(metricdata.ExponentialHistogram[float64]).DataPoints
	if len(requests) != 1 || requests[0].Count != 1 || requests[0].Sum != 0.001 || emit(requests[0].Attributes)["http.route"] != "/x" {
		t.Errorf("requests: %+v", requests)
	}
}

// sum is a counter's points, by their attributes besides the database's.
func sum(t *testing.T, m metricdata.Metrics) map[string]int64 {
	points := map[string]int64{}
	data := m.Data.(metricdata.Sum[int64])
	for _, p := range data.DataPoints {
		set, _ := p.Attributes.Filter(func(kv attribute.KeyValue) bool { return kv.Key != "db.system.name" && kv.Key != "db.namespace" })
		points[fmt.Sprint(set.Encoded(attribute.DefaultEncoder()))] = p.Value
	}
	return points
}

func TestSums(t *testing.T) {
	e := begin(t, Config{Ratio: -1})
	for range 2 {
		e.export(statement(func(ev *capture.Event) {
			ev.Affected, ev.Flags = 2, capture.FlagLate
			ev.Work = capture.Work{LockWait: 1500, Steps: 70, FullScan: 60, AutoIndex: 50, Sorts: 4, Retries: 2}
		}), statement(slow))
	}
	transaction := capture.Event{Kind: capture.KindTransaction, Source: source, Mode: capture.ModeCommit}
	back := transaction
	back.Mode, back.End, back.Error = capture.ModeRollback, capture.EndNoBegin, capture.ErrorBusy
	e.export(transaction, transaction, back)
	got := e.collect()
	for name, want := range map[string]int64{
		"sqlite_perf.full_scan_rows": 120, "sqlite_perf.auto_index_rows": 100, "sqlite_perf.sorts": 8, "sqlite_perf.vm_steps": 140,
		"sqlite_perf.lock_retries": 4, "sqlite_perf.affected_rows": 4, "sqlite_perf.late_statements": 2,
		"sqlite_perf.spans.pending": 0, "sqlite_perf.capture.recorded": 9, "sqlite_perf.capture.drained": 7, "sqlite_perf.capture.dropped": 2,
	} {
		if points := sum(t, got[name]); points[""] != want || len(points) != 1 {
			t.Errorf("%s: %v, want %d", name, points, want)
		}
	}
	wait := got["sqlite_perf.lock_wait"]
	if p := wait.Data.(metricdata.Sum[float64]).DataPoints; len(p) != 1 || p[0].Value != 0.003 || wait.Unit != "s" {
		t.Errorf("lock wait: %+v %s", p, wait.Unit)
	}
	want := map[string]int64{"sqlite_perf.transaction.outcome=commit": 2,
		"error.type=busy,sqlite_perf.transaction.outcome=rollback,sqlite_perf.transaction.reason=begin failed": 1}
	if diff := cmp.Diff(want, sum(t, got["sqlite_perf.transactions"])); diff != "" {
		t.Errorf("transactions (-want +got):\n%s", diff)
	}
	want = map[string]int64{"sqlite_perf.outcome=exported": 3, "sqlite_perf.outcome=dropped": 0, "sqlite_perf.outcome=failed": 0}
	if diff := cmp.Diff(want, sum(t, got["sqlite_perf.spans"])); diff != "" {
		t.Errorf("spans (-want +got):\n%s", diff)
	}
}

// Whatever the workload, caches and series are bounded, and no call is lost.
func TestCardinality(t *testing.T) {
	const n = setsKept + 1000
	e := begin(t, Config{Ratio: -1})
	var list []capture.Event
	for i := range n {
		list = append(list, statement(func(ev *capture.Event) {
			ev.Statement = &capture.Statement{Summary: fmt.Sprint("SELECT t", i)}
			ev.Source = capture.SourceOf(fmt.Sprintf("/tenants/%d.db", i), "")
		}), request(fmt.Sprint("GET /", i), 200, capture.NewScope()))
	}
	e.export(list...)
	e.export(list...)
	m := e.metrics
	if len(m.statements) > setsKept || len(m.routes) > setsKept || len(m.sources) > setsKept || len(m.databases) > databasesKept+1 {
		t.Errorf("caches of %d, %d, %d, %d", len(m.statements), len(m.routes), len(m.sources), len(m.databases))
	}
	for _, name := range []string{"db.client.operation.duration", "http.server.request.duration"} {
		points := e.collect()[name].Data.(metricdata.ExponentialHistogram[float64]).DataPoints
		var calls, overflow uint64
		for _, p := range points {
			calls += p.Count
			if _, ok := p.Attributes.Value("otel.metric.overflow"); ok {
				overflow += p.Count
			}
		}
		if len(points) > cardinality || calls != 2*n || overflow == 0 {
			t.Errorf("%s: %d series with %d calls, %d of them in the overflow", name, len(points), calls, overflow)
		}
	}
}

// Metrics are read while events arrive.
func TestCollectWhileDraining(t *testing.T) {
	e := begin(t, Config{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 200 {
			sink{e.Exporter}.Export(events(50))
		}
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
			e.collect()
		}
	}
	var calls uint64
	for _, p := range e.collect()["db.client.operation.duration"].Data.(metricdata.ExponentialHistogram[float64]).DataPoints {
		calls += p.Count
	}
	if calls != 10000 {
		t.Errorf("%d calls, want 10000", calls)
	}
}

func TestWatch(t *testing.T) {
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "app.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(3)
	e := begin(t, Config{})
	if err := e.Watch(db, "app"); err != nil {
		t.Fatal(err)
	}
	p := e.collect()["db.sql.connection.max_open"].Data.(metricdata.Gauge[int64]).DataPoints
	if len(p) != 1 || p[0].Value != 3 || emit(p[0].Attributes)["db.client.connection.pool.name"] != "app" {
		t.Errorf("max open: %+v", p)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := e.Shutdown(ctx); err != nil || len(e.metrics.watched) != 0 {
		t.Errorf("Shutdown: %v, still watched: %v", err, e.metrics.watched)
	}
}

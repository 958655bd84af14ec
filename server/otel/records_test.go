package otel

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
	"go.opentelemetry.io/otel/attribute"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// journal keeps log records; one with a block waits until its context ends.
type journal struct {
	records []sdklog.Record
	block   bool
}

func (j *journal) Export(ctx context.Context, records []sdklog.Record) error {
	if j.block {
		<-ctx.Done()
		return ctx.Err()
	}
	for _, r := range records {
		j.records = append(j.records, r.Clone())
	}
	return nil
}

func (j *journal) Shutdown(context.Context) error   { return nil }
func (j *journal) ForceFlush(context.Context) error { return nil }

// interval are the summaries of an interval, as the Advisor hands them out.
func interval() []*digest.Summary {
	table := digest.NewTable(digest.Config{})
	list := []capture.Event{request("GET /slow", 200, capture.NewScope()), statement(func(ev *capture.Event) { ev.Statement = update })}
	for range 20 {
		list = append(list, statement(func(ev *capture.Event) { ev.Total, ev.Rows = time.Millisecond, 2 }))
	}
	list[2].Error = capture.ErrorBusy
	table.Add(list)
	return table.Take()
}

func logging(t *testing.T, j *journal, digests int) *Exporter {
	e, err := start(t.Context(), func() capture.Counts { return capture.Counts{} },
		Config{Records: j, Digests: digests, Spans: tracetest.NewNoopExporter(), Metrics: sdkmetric.NewManualReader()})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestRecordsOfTheCostliestDigests(t *testing.T) {
	for digests, want := range map[int][]string{0: {"SELECT orders", "UPDATE orders"}, 1: {"SELECT orders"}, -1: nil} {
		j := &journal{}
		e := logging(t, j, digests)
		end := time.Now()
		sink{e}.ExportInterval(end.Add(-10*time.Second), end, interval())
		if err := e.Flush(deadline(t)); err != nil {
			t.Fatal(err)
		}
		var bodies []string
		for _, r := range j.records {
			bodies = append(bodies, r.Body().AsString())
		}
		if !slices.Equal(bodies, want) {
			t.Errorf("%d digests: %q, want %q", digests, bodies, want)
		}
		if digests == 0 {
			checkRecord(t, j.records[0])
		}
		if err := e.Shutdown(deadline(t)); err != nil {
			t.Error(err)
		}
	}
}

func checkRecord(t *testing.T, r sdklog.Record) {
	got := map[string]string{}
	r.WalkAttributes(func(kv attribute.KeyValue) bool {
		got[string(kv.Key)] = kv.Value.String()
		return true
	})
	if p95, err := strconv.ParseFloat(got["sqlite_perf.p95"], 64); err != nil || p95 < 0.00098 || p95 > 0.00102 {
		t.Errorf("p95 is %v, %v", p95, err)
	}
	delete(got, "sqlite_perf.p95")
	want := map[string]string{"db.system.name": "sqlite", "db.namespace": "app.db", "db.query.summary": "SELECT orders",
		"db.query.text": lookup.Fingerprint, "sqlite_perf.digest": "000000000000000b", "sqlite_perf.calls": "20",
		"sqlite_perf.errors": "1", "sqlite_perf.rows": "40", "sqlite_perf.total": "0.02", "sqlite_perf.interval": "10"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A collector that hangs holds up neither the drain nor, beyond its context, Shutdown.
func TestRecordsToACollectorThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := logging(t, &journal{block: true}, 20)
		for range 3000 { // more than the SDK's queue holds
			sink{e}.ExportInterval(time.Now(), time.Now(), interval()[:2])
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if err := e.Shutdown(ctx); err == nil || time.Since(began) != time.Second {
			t.Errorf("Shutdown after %v: %v", time.Since(began), err)
		}
	})
}

package otel

import (
	"database/sql"
	"fmt"
	"testing"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// Beyond the SDK's limit of attribute sets what is counted together only grows: it is always the same.
func TestEndingsBeyondTheLimitStayTheSame(t *testing.T) {
	e := begin(t, Config{Ratio: -1})
	var list []capture.Event
	for i := range databasesKept {
		database := capture.SourceOf(fmt.Sprintf("/data/ending%d.db", i), "")
		for end := capture.EndCalled; int(end) < capture.Ends; end++ {
			for range i%7 + 1 {
				list = append(list, capture.Event{Kind: capture.KindTransaction, Mode: capture.ModeRollback, End: end, Source: database})
			}
		}
	}
	e.export(list...)
	together := func() (n int64) {
		for _, p := range e.collect()["sqlite_perf.transactions"].Data.(metricdata.Sum[int64]).DataPoints {
			if p.Attributes.HasValue("otel.metric.overflow") {
				n = p.Value
			}
		}
		return n
	}
	first := together()
	for range 3 {
		if again := together(); again != first || first == 0 {
			t.Errorf("%d transactions beyond the limit, then %d", first, again)
		}
	}
}

// A pool that is watched twice is counted once.
func TestPoolWatchedTwice(t *testing.T) {
	e := begin(t, Config{})
	db, err := sql.Open("sqlite-perf", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxIdleConns(-1) // each connection is closed when it is returned
	for range 3 {
		if err := db.Ping(); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := e.Watch(db, "shop"); err != nil {
			t.Fatal(err)
		}
	}
	points := e.collect()["db.sql.connection.closed_max_idle"].Data.(metricdata.Sum[int64]).DataPoints
	if len(points) != 1 || points[0].Value != 3 {
		t.Errorf("%+v, want 3", points)
	}
}

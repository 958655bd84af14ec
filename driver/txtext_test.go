package driver

import (
	"context"
	"testing"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// A transaction that a text began, and whose connection went back to the pool, lends its span to
// nobody: whoever comes next may know nothing of it.
func TestTransactionsLeftOpenLendNoSpan(t *testing.T) {
	traceAll(t)
	r := record(t, "", Config{})
	r.SetMaxOpenConns(1)
	span := capture.NewTrace()
	_, err := r.ExecContext(testTracer{}.Into(context.Background(), span), "BEGIN")
	must(t, err)
	exec(t, r.DB, "SELECT 1")
	if events := r.events(); len(events) != 2 || events[0].Trace != span || events[1].Trace != nil || events[1].Tx == 0 {
		t.Errorf("%+v", events)
	}
}

package otel_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sqliteperf/sqliteperf/advisor"
	_ "github.com/sqliteperf/sqliteperf/driver" // registers "sqlite-perf"
	"github.com/sqliteperf/sqliteperf/middleware"
	"github.com/sqliteperf/sqliteperf/server/otel"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// A service whose requests and statements become spans. Leave Spans and Metrics out, and a collector
// gets them that OTEL_EXPORTER_OTLP_ENDPOINT names, by default http://localhost:4318.
func ExampleStart() {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()

	db, err := sql.Open("sqlite-perf", filepath.Join(dir, "app.db"))
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	adv, err := advisor.Open(advisor.Config{History: filepath.Join(dir, "advisor.db")})
	if err != nil {
		log.Fatal(err)
	}
	spans := tracetest.NewInMemoryExporter()
	exporter, err := otel.Start(ctx, adv, otel.Config{Ratio: 1, Spans: spans, Metrics: sdkmetric.NewManualReader()})
	if err != nil {
		log.Fatal(err)
	}
	if err := exporter.Watch(db, "app"); err != nil {
		log.Fatal(err)
	}

	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		var greeting string
		if err := db.QueryRowContext(r.Context(), "SELECT 'hello ' || ?", r.PathValue("name")).Scan(&greeting); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	middleware.HTTP(mux).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/hello/gopher", nil))

	// At the end: the Advisor drains the last second, then the Exporter sends it.
	if err := adv.Close(); err != nil {
		log.Fatal(err)
	}
	if err := exporter.Flush(ctx); err != nil {
		log.Fatal(err)
	}
	made := spans.GetSpans()
	slices.SortFunc(made, func(a, b tracetest.SpanStub) int { return strings.Compare(a.Name, b.Name) })
	for _, span := range made {
		fmt.Printf("%v %s, with a parent: %v\n", span.SpanKind, span.Name, span.Parent.IsValid())
	}
	if err := exporter.Shutdown(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%+v\n", exporter.Stats())
	// Output:
	// server GET /hello/{name}, with a parent: false
	// client SELECT, with a parent: true
	// {Ended:2 Exported:2 Dropped:0 Failed:0 Pending:0}
}

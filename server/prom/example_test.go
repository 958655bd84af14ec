package prom_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/sqliteperf/sqliteperf/advisor"
	_ "github.com/sqliteperf/sqliteperf/driver" // registers "sqlite-perf"
	"github.com/sqliteperf/sqliteperf/server/prom"
)

// A service that Prometheus can scrape.
func ExampleNewCollector() {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	db, err := sql.Open("sqlite-perf", filepath.Join(dir, "app.db"))
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	adv, err := advisor.Open(advisor.Config{History: filepath.Join(dir, "advisor.db")})
	if err != nil {
		log.Fatal(err)
	}
	collector := prom.NewCollector(adv, prom.Config{})
	defer collector.Close()
	registry := prometheus.NewRegistry() // or prometheus.MustRegister
	registry.MustRegister(collector)
	metrics := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	defer metrics.Close()

	if _, err := db.ExecContext(context.Background(), "CREATE TABLE orders(id INTEGER PRIMARY KEY)"); err != nil {
		log.Fatal(err)
	}
	if err := adv.Close(); err != nil { // drains; a running Advisor does so each second
		log.Fatal(err)
	}
	res, err := metrics.Client().Get(metrics.URL)
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		log.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "sqlite_perf_statement_duration_seconds_count") {
			fmt.Print(line)
		}
	}
	// Output:
	// sqlite_perf_statement_duration_seconds_count{database="app.db",operation="CREATE"} 1
}

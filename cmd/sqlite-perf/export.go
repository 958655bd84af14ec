package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/sqliteperf/sqliteperf/advisor"
	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/server/otel"
	"github.com/sqliteperf/sqliteperf/server/prom"
)

// mountMetrics serves what is captured to Prometheus until the collector is closed.
func mountMetrics(e *echo.Echo, adv *advisor.Advisor) *prom.Collector {
	collector, registry := prom.NewCollector(adv, prom.Config{}), prometheus.NewRegistry()
	registry.MustRegister(collector)
	e.GET("/metrics", unseen(promhttp.HandlerFor(registry, promhttp.HandlerOpts{})))
	return collector
}

// unseen serves requests of the toolkit's own, which are not captured.
func unseen(h http.Handler) echo.HandlerFunc {
	return func(c echo.Context) error {
		if s := capture.ScopeOf(c.Request().Context()); s != nil {
			s.Mute()
		}
		h.ServeHTTP(c.Response(), c.Request())
		return nil
	}
}

// otlpAsked says that the environment names a collector.
func otlpAsked() bool {
	for _, variable := range os.Environ() {
		if name, value, _ := strings.Cut(variable, "="); value != "" && strings.HasPrefix(name, "OTEL_EXPORTER_OTLP_") && strings.HasSuffix(name, "ENDPOINT") {
			return true
		}
	}
	return false
}

// exportSpans sends what is captured to OpenTelemetry, if the environment names a collector. stop sends
// the rest; the advisor is to be closed before.
func exportSpans(ctx context.Context, out io.Writer, adv *advisor.Advisor, db *sql.DB) (stop func() error, err error) {
	if !otlpAsked() {
		return func() error { return nil }, nil
	}
	exporter, err := otel.Start(ctx, adv, otel.Config{})
	if err != nil {
		return nil, err
	}
	stop = func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := exporter.Shutdown(ctx); err != nil {
			fmt.Fprintln(out, "OpenTelemetry:", oneLine(err)) // a collector that is away does not fail the demo
		}
		return nil
	}
	if err := exporter.Watch(db, "shop"); err != nil {
		return nil, errors.Join(err, stop())
	}
	return stop, nil
}

package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/sqliteperf/sqliteperf/advisor"
	"github.com/sqliteperf/sqliteperf/middleware"
)

// A variable that is empty is one that is not set.
func TestOTLPAsked(t *testing.T) {
	for value, want := range map[string]bool{"": false, "http://localhost:4318": true} {
		t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", value)
		if got := otlpAsked(); got != want {
			t.Errorf("%q: %v", value, got)
		}
	}
}

// Scrapes are the toolkit's own requests: they are not counted among the application's.
func TestScrapesAreNotCaptured(t *testing.T) {
	adv, err := advisor.Open(advisor.Config{History: filepath.Join(t.TempDir(), "advisor.db"), Every: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer adv.Close()
	e := echo.New()
	e.Use(middleware.Echo())
	e.GET("/", func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
	defer mountMetrics(e, adv).Close()
	srv := httptest.NewServer(e)
	defer srv.Close()
	get := func(path string) string {
		res, err := http.Get(srv.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	get("/")
	get("/metrics")
	if err := adv.Close(); err != nil {
		t.Fatal(err)
	}
	text := get("/metrics")
	if !strings.Contains(text, `route="/"`) || strings.Contains(text, `route="/metrics"`) {
		t.Errorf("the metrics have\n%s", text)
	}
}

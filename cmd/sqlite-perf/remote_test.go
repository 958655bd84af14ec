package main

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/advisor"
	"github.com/sqliteperf/sqliteperf/driver"
	"github.com/sqliteperf/sqliteperf/server"
)

// application is a running one with one proved index. It returns the address of its interface.
func application(t *testing.T, c server.Config) (base, path string) {
	t.Helper()
	path = database(t, "PRAGMA journal_mode = wal")
	adv, err := advisor.Open(advisor.Config{History: filepath.Join(t.TempDir(), "advisor.db"), ShadowDir: t.TempDir(), Every: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { adv.Close() })
	db, err := sql.Open(driver.Name, "file:"+path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	news := adv.Subscribe(0)
	defer news.Close()
	err = adv.Watch("app", db)
	for range 20 {
		var total int
		err = errors.Join(err, db.QueryRowContext(ctx, "SELECT sum(total) FROM orders WHERE customer = ?", 7).Scan(&total))
	}
	for err == nil { // until the statements have been drained
		stats, failed := adv.Stats(ctx, time.Minute)
		if err = failed; err == nil && stats.Totals.Queries >= 20 {
			break
		}
		select {
		case <-news.C:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	if err := errors.Join(err, adv.Analyze(ctx)); err != nil {
		t.Fatal(err)
	}
	admin := server.New(adv, c)
	srv := httptest.NewServer(http.StripPrefix("/performance", admin))
	t.Cleanup(srv.Close)
	return srv.URL + "/performance", path
}

func TestRunningApplication(t *testing.T) {
	base, path := application(t, server.Config{Token: "sesame"})
	text := schema(t, path)
	sqlitePerf(t, "analyze", base).exits(0).prints(base+": ", "PROVED", "CREATE INDEX sqliteperf_orders_customer")
	got := report(t, base+"/")
	if got.Schema != "sqlite-perf/analyze/v1" || len(got.Recommendations) == 0 || got.Recommendations[0].State != "proved" {
		t.Fatalf("%+v", got)
	}
	id := got.Recommendations[0].ID

	sqlitePerf(t, "optimize", base).exits(exitRefused).prints("CREATE INDEX")
	for _, args := range [][]string{
		{"optimize", base, "--yes"},
		{"optimize", base, "--yes", "--token", "wrong"},
		{"optimize", base + "/dashboard#token=wrong", "--yes"},
		{"SQLITE_PERF_TOKEN=wrong", "optimize", base, "--yes"},
	} {
		if r := sqlitePerf(t, args...).exits(exitUnreachable); !strings.Contains(r.err, "token") || strings.Contains(r.out, "applied") {
			t.Errorf("%q: %s %s", args, r.out, r.err)
		}
	}
	if schema(t, path) != text {
		t.Fatal("changed without a token")
	}

	// The address as the dashboard shows it counts for more than the environment.
	ids := applied(sqlitePerf(t, "SQLITE_PERF_TOKEN=wrong", "optimize", base+"/dashboard#token=sesame", "--yes").exits(0).out)
	if len(ids) != 1 || ids[0] != id || !strings.Contains(schema(t, path), "\nindex|sqliteperf_orders_customer") {
		t.Fatalf("applied %q, the schema is\n%s", ids, schema(t, path))
	}
	sqlitePerf(t, "optimize", base, "--yes", "--token", "sesame").exits(0).prints("nothing to apply")
	sqlitePerf(t, "optimize", base, "--undo", "ix01-nosuch", "--token", "sesame").exits(exitError).complains("no such recommendation")
	sqlitePerf(t, "optimize", base+"/dashboard/?range=1h#/advice?id=1&token=sesame", "--undo", id).exits(0).prints("undone " + id)
	if schema(t, path) != text {
		t.Errorf("undone, the schema is\n%s", schema(t, path))
	}
	sqlitePerf(t, "SQLITE_PERF_TOKEN=sesame", "optimize", base, "--undo", id).exits(exitRefused).complains("not applied")
}

func TestReadOnlyApplication(t *testing.T) {
	base, _ := application(t, server.Config{Token: "sesame", ReadOnly: true})
	r := sqlitePerf(t, "optimize", base, "--yes", "--token", "sesame").exits(exitUnreachable)
	if !strings.Contains(r.err, "makes no changes") {
		t.Errorf("stderr: %s", r.err)
	}
}

// nobody is an address that nothing listens at.
func nobody(t *testing.T) string {
	t.Helper()
	var l net.ListenConfig
	listener, err := l.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return "http://" + listener.Addr().String() + "/performance"
}

func TestNotTheInterface(t *testing.T) {
	answers := map[string]func(w http.ResponseWriter){
		"page":     func(w http.ResponseWriter) { w.Write([]byte("<html>hello</html>")) },
		"object":   func(w http.ResponseWriter) { w.Write([]byte("{}")) },
		"null":     func(w http.ResponseWriter) { w.Write([]byte("null")) },
		"array":    func(w http.ResponseWriter) { w.Write([]byte("[]")) },
		"empty":    func(http.ResponseWriter) {},
		"no":       func(w http.ResponseWriter) { w.WriteHeader(404) },
		"no entry": func(w http.ResponseWriter) { w.WriteHeader(401) },
		"hostile": func(w http.ResponseWriter) {
			w.WriteHeader(403)
			w.Write([]byte(`{"detail": "\u001b[2J\u202e\nsqlite-perf: all is well"}`))
		},
		"hangs up": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w) }))
			defer srv.Close()
			sqlitePerf(t, "analyze", srv.URL).exits(exitUnreachable).complains(srv.URL)
			sqlitePerf(t, "optimize", srv.URL, "--yes").exits(exitUnreachable).complains(srv.URL)
		})
	}
	t.Run("nobody", func(t *testing.T) {
		base := nobody(t)
		sqlitePerf(t, "analyze", base).exits(exitUnreachable).complains(base)
		sqlitePerf(t, "optimize", base, "--undo", "x").exits(exitUnreachable).complains(base)
	})
}

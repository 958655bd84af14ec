package otel

import (
	"context"
	"database/sql"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/sqliteperf/sqliteperf/advisor"
	_ "github.com/sqliteperf/sqliteperf/driver"
	"github.com/sqliteperf/sqliteperf/middleware"
)

// service is an application with a database, an Advisor and an Exporter.
type service struct {
	*testing.T
	db  *sql.DB
	adv *advisor.Advisor
	exp *Exporter
}

func serve(t *testing.T, c Config) *service {
	t.Helper()
	s := &service{T: t}
	var err error
	s.adv, err = advisor.Open(advisor.Config{History: filepath.Join(t.TempDir(), "advisor.db"), Every: -1})
	s.must(err)
	t.Cleanup(func() { s.adv.Close() })
	s.exp, err = Start(t.Context(), s.adv, c)
	s.must(err)
	t.Cleanup(func() { s.exp.Shutdown(context.Background()) })
	s.db = s.open(sql.Open, "sqlite-perf")
	return s
}

// open opens a database with one table of three rows.
func (s *service) open(open func(driver, dsn string) (*sql.DB, error), driver string) *sql.DB {
	s.Helper()
	db, err := open(driver, "file:"+filepath.Join(s.TempDir(), "app.db")+"?_pragma=busy_timeout(5000)")
	s.must(err)
	s.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	for _, query := range []string{"CREATE TABLE orders(id INTEGER PRIMARY KEY, total INT)", "INSERT INTO orders VALUES (1, 10), (2, 20), (3, 30)"} {
		_, err := db.ExecContext(s.Context(), query)
		s.must(err)
	}
	return db
}

func (s *service) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// close drains what was recorded and sends it.
func (s *service) close() {
	s.Helper()
	s.must(s.adv.Close())
	s.must(s.exp.Shutdown(deadline(s.T)))
}

// mount starts an HTTP server of the service.
func (s *service) mount(pattern string, handle func(http.ResponseWriter, *http.Request) error) *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		if err := handle(w, r); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	srv := httptest.NewServer(middleware.HTTP(mux))
	s.Cleanup(srv.Close)
	return srv
}

// get asks a server, with headers as names and values by turns.
func (s *service) get(ctx context.Context, url string, header ...string) {
	s.Helper()
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	s.must(err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	s.must(err)
	s.must(res.Body.Close())
}

// total reads all rows.
func total(ctx context.Context, db *sql.DB, query string) error {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
	}
	return rows.Err()
}

package server

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/sqliteperf/sqliteperf/advisor"
	"github.com/sqliteperf/sqliteperf/driver"
	"github.com/sqliteperf/sqliteperf/internal/capture"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// token authorizes changes in every test.
const token = "start-up-token"

// app is an application with one database, its advisor, and the admin interface mounted twice: for
// net/http and for Echo.
type app struct {
	*testing.T
	path  string
	db    *sql.DB
	adv   *advisor.Advisor
	admin *Admin
	base  map[string]string // by "http" and "echo": address of the interface, with its prefix
}

const (
	table = `CREATE TABLE orders(id INTEGER PRIMARY KEY, customer INTEGER NOT NULL, total INTEGER NOT NULL, note TEXT);`
	rows  = `WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
	INSERT INTO orders SELECT i, i * 7919 % 4001, i % 997, 'a note of some length ' || i FROM n`
)

// lookup scans without an index.
const lookup = "SELECT id, total FROM orders WHERE customer = ?"

// open starts an application without traffic.
func open(t *testing.T, c Config, ac advisor.Config) *app {
	t.Helper()
	a := &app{T: t, path: filepath.Join(t.TempDir(), "app.db"), base: map[string]string{}}
	dsn := "file:" + a.path + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)"
	bare, err := sql.Open("sqlite", dsn)
	a.must(err)
	_, err = bare.Exec(table+rows, 1, 1000)
	a.must(errors.Join(err, bare.Close()))
	ac.History, ac.ShadowDir = filepath.Join(t.TempDir(), "advisor.db"), t.TempDir()
	if ac.Every == 0 {
		ac.Every = -1
	}
	a.adv, err = advisor.Open(ac)
	a.must(err)
	t.Cleanup(func() { a.must(a.adv.Close()) })
	a.db = sql.OpenDB(driver.NewConnector(dsn, driver.Config{Parameters: driver.ParametersValues}))
	t.Cleanup(func() { a.must(a.db.Close()) })
	a.must(a.adv.Watch("app", a.db))
	c.Token = token
	a.admin = New(a.adv, c)
	t.Cleanup(a.admin.Close)
	mux := http.NewServeMux()
	mux.Handle("/performance/", http.StripPrefix("/performance", a.admin))
	a.serve("http", mux)
	e := echo.New()
	a.admin.Mount(e.Group("/performance"))
	a.serve("echo", e)
	return a
}

func (a *app) serve(kind string, h http.Handler) {
	srv := httptest.NewServer(h)
	a.Cleanup(srv.Close)
	a.Cleanup(client.CloseIdleConnections)
	a.Cleanup(a.admin.Close)
	a.base[kind] = srv.URL + "/performance"
}

func (a *app) must(err error) {
	a.Helper()
	if err != nil {
		a.Fatal(err)
	}
}

// deadline is how long a test waits for what must happen.
func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// traffic runs the lookup n times for a route and waits until the statistics show it.
func (a *app) traffic(n int) {
	a.Helper()
	scope := capture.NewScope()
	scope.SetName("GET /orders")
	ctx := capture.WithScope(deadline(a.T), scope)
	for i := range n {
		rows, err := a.db.QueryContext(ctx, lookup, i%4001)
		a.must(err)
		for rows.Next() {
		}
		a.must(errors.Join(rows.Err(), rows.Close()))
	}
	a.until(func(s *advisor.Stats) bool { return s.Totals.Queries >= uint64(n) })
}

// until waits for statistics: they change with the samples of the stream.
func (a *app) until(ok func(*advisor.Stats) bool) {
	a.Helper()
	ctx, news := deadline(a.T), a.adv.Subscribe(0)
	defer news.Close()
	for {
		s, err := a.adv.Stats(ctx, time.Minute)
		a.must(err)
		if ok(s) {
			return
		}
		select {
		case <-news.C:
		case <-ctx.Done():
			a.Fatal("the statistics do not show it")
		}
	}
}

// advise gives the application traffic and one applicable recommendation.
func (a *app) advise() *advisor.Recommendation {
	a.Helper()
	a.traffic(20)
	a.must(a.adv.Analyze(deadline(a.T)))
	list, err := a.adv.Recommendations(deadline(a.T))
	a.must(err)
	for _, r := range list {
		if r.Type == "index" && r.Applicable {
			return r
		}
	}
	a.Fatalf("no index among %d recommendations", len(list))
	return nil
}

// response is an answer that was read to its end.
type response struct {
	*http.Response
	body []byte
}

// send sends a request; header holds names and values by turns.
func (a *app) send(method, url, body string, header ...string) response {
	a.Helper()
	req, err := http.NewRequestWithContext(deadline(a.T), method, url, strings.NewReader(body))
	a.must(err)
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
		req.Header.Set(header[i], header[i+1])
	}
	res, err := client.Do(req)
	a.must(err)
	text, err := io.ReadAll(res.Body)
	a.must(errors.Join(err, res.Body.Close()))
	return response{res, text}
}

// client follows no redirect.
var client = &http.Client{
	Transport:     &http.Transport{},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func (a *app) get(path string, header ...string) response {
	a.Helper()
	return a.send("GET", a.base["http"]+path, "", header...)
}

// post sends an authorized change under an Idempotency-Key, if any.
func (a *app) post(body map[string]string, key string) response {
	a.Helper()
	text, err := json.Marshal(body)
	a.must(err)
	header := []string{"Authorization", "Bearer " + token, "Content-Type", "application/json"}
	if key != "" {
		header = append(header, "Idempotency-Key", key)
	}
	return a.send("POST", a.base["http"]+"/optimize", string(text), header...)
}

// decode reads a JSON answer.
func (r response) decode(t *testing.T) map[string]any {
	t.Helper()
	var out map[string]any
	d := json.NewDecoder(bytes.NewReader(r.body))
	if err := d.Decode(&out); err != nil {
		t.Fatalf("%d %s: %v", r.StatusCode, r.body, err)
	}
	return out
}

// problem checks an error answer.
func (r response) problem(t *testing.T, status int, code string) {
	t.Helper()
	p := r.decode(t)
	if r.StatusCode != status || p["code"] != code || p["status"] != float64(status) || p["type"] != "about:blank" ||
		p["title"] != http.StatusText(status) || p["detail"] == "" || r.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %s %s, want %d %s", r.StatusCode, r.Header.Get("Content-Type"), r.body, status, code)
	}
}

// plan is how SQLite runs the lookup now. EXPLAIN alone would not notice a new schema.
func (a *app) plan() string {
	a.Helper()
	_, err := a.db.ExecContext(capture.Mute(deadline(a.T)), lookup, 1)
	a.must(err)
	var id, parent, unused int
	var detail string
	a.must(a.db.QueryRowContext(capture.Mute(deadline(a.T)), "EXPLAIN QUERY PLAN "+lookup, 1).Scan(&id, &parent, &unused, &detail))
	return detail
}

// schema is all of sqlite_schema but the places in the file.
func (a *app) schema() string {
	a.Helper()
	var text string
	a.must(a.db.QueryRowContext(capture.Mute(deadline(a.T)),
		"SELECT group_concat(concat_ws('|', type, name, tbl_name, sql), char(10)) FROM sqlite_schema").Scan(&text))
	return text
}

// change is the body that asks for an action under the plan hash of r.
func change(action string, r *advisor.Recommendation) map[string]string {
	return map[string]string{"action": action, "id": r.ID, "plan_hash": r.PlanHash}
}

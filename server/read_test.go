package server

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/sqliteperf/sqliteperf/advisor"
	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/middleware"
)

// hostile is a statement whose text attacks pages, terminals and logs.
const hostile = "SELECT total AS \"</script><script>alert('x')</script>\x1b[31m\u202e\\\" FROM orders WHERE customer = 1"

func TestContract(t *testing.T) {
	a := open(t, Config{}, advisor.Config{})
	_, err := a.db.ExecContext(capture.Mute(t.Context()), rows, 1001, 20000) // enough for a proof
	a.must(err)
	var total int
	a.must(a.db.QueryRowContext(t.Context(), hostile).Scan(&total))
	_, err = a.db.ExecContext(t.Context(), "UPDATE orders SET total = total + 1 WHERE id = ?", 1)
	a.must(err)
	if _, err := a.db.ExecContext(t.Context(), "INSERT INTO orders(id) VALUES (?)", 1); err == nil {
		t.Error("a row without a customer was stored")
	}
	r := a.advise()
	if r.State != advisor.Proved {
		t.Errorf("the index is %s: %+v", r.State, r.Evidence)
	}
	if res := a.post(change("apply", r), "key"); res.StatusCode != 200 {
		t.Fatalf("apply: %d %s", res.StatusCode, res.body)
	}
	for path, text := range forms {
		for kind, base := range a.base {
			res := a.send("GET", base+path, "")
			if res.StatusCode != 200 || res.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%s %s: %d %v", kind, path, res.StatusCode, res.Header)
			}
			conform(t, kind+" "+path, res.decode(t), form(t, text))
			if strings.ContainsAny(string(res.body), "<>\x1b") {
				t.Errorf("%s %s: markup or control characters are sent as they are", kind, path)
			}
		}
	}
	checkStats(t, a.get("/stats"), r.ID)
}

// checkStats compares the numbers of one answer with each other.
func checkStats(t *testing.T, res response, advice string) {
	var s advisor.Stats
	if err := json.Unmarshal(res.body, &s); err != nil {
		t.Fatal(err)
	}
	if c := s.Capture; c.Recorded != c.Drained+c.Dropped+c.Pending || c.Recorded == 0 {
		t.Errorf("capture %+v", c)
	}
	if n := len(s.Series.Time); n == 0 || n != len(s.Series.Queries) || n != len(s.Series.Errors) || n != len(s.Series.P50) || n != len(s.Series.P99) {
		t.Errorf("series of different lengths: %+v", s.Series)
	}
	var calls, errors uint64
	var share float64
	for _, q := range s.Queries {
		calls, errors, share = calls+q.Calls, errors+q.Errors, share+q.Share
		if q.P50 > q.P95 || q.P95 > q.P99 || math.Abs(q.Mean*float64(q.Calls)-q.Total) > 1e-6*q.Total {
			t.Errorf("%s: latency %+v of %d calls in %v ms", q.Fingerprint, q.Latency, q.Calls, q.Total)
		}
	}
	if calls != s.Totals.Queries || calls != 23 || errors != s.Totals.Errors || errors != 1 || s.Totals.Writes != 2 || math.Abs(share-1) > 1e-9 {
		t.Errorf("totals %+v; statements add up to %d calls, %d errors, share %v", s.Totals, calls, errors, share)
	}
	if q := s.Queries[0]; q.Database != "app" || q.Calls != 20 || len(q.Routes) != 1 || q.Routes[0] != (advisor.RouteCalls{Route: "GET /orders", Calls: 20}) ||
		len(q.Advice) != 1 || q.Advice[0] != advice || q.Summary != "SELECT orders" || !q.ReadOnly {
		t.Errorf("the lookup is shown as %+v", q)
	}
	if len(s.Markers) != 1 || s.Markers[0].Action != "applied" || s.Markers[0].ID != advice {
		t.Errorf("markers %+v", s.Markers)
	}
	if d := s.Databases; len(d) != 1 || d[0].Name != "app" || d[0].Size == 0 || len(d[0].Settings) == 0 {
		t.Errorf("databases %+v", d)
	}
	if math.Abs(s.Range.To.Sub(s.Range.From).Seconds()-s.Range.Seconds) > 1e-3 || s.Range.Seconds != 300 || s.Range.Interval != 10 {
		t.Errorf("range %+v", s.Range)
	}
}

// An application nobody uses has no percentiles to divide by; every answer is still JSON.
func TestEmpty(t *testing.T) {
	a := open(t, Config{}, advisor.Config{})
	for path, text := range forms {
		conform(t, path, a.get(path).decode(t), form(t, text))
	}
}

func TestRange(t *testing.T) {
	a := open(t, Config{}, advisor.Config{})
	for _, test := range []struct {
		text    string
		seconds float64 // 0: refused
	}{
		{"1m", 60}, {"5m", 300}, {"15m", 900}, {"1h", 3600}, {"6h", 21600}, {"24h", 86400}, {"90m30s", 5430}, {"1s", 1}, {"2160h", 7776000}, {"", 300},
		{"0", 0}, {"-5m", 0}, {"999ms", 0}, {"2161h", 0}, {"5", 0}, {"NaN", 0}, {"1d", 0}, {"99999999999h", 0}, {"1e3s", 0}, {"%00", 0},
		{"5m%22%3E%3Cscript%3E", 0},
	} {
		res := a.get("/stats?range=" + test.text)
		if test.seconds == 0 {
			res.problem(t, 400, "bad_range")
			continue
		}
		got, _ := res.decode(t)["range"].(map[string]any)
		if res.StatusCode != 200 || got["seconds"] != test.seconds {
			t.Errorf("range %q: %d %v", test.text, res.StatusCode, got)
		}
	}
}

// More statements than an answer lists are one entry in the end, and nothing is lost.
func TestOther(t *testing.T) {
	a := open(t, Config{}, advisor.Config{})
	for i := range 60 {
		rows, err := a.db.QueryContext(t.Context(), fmt.Sprintf("SELECT total AS t%d FROM orders WHERE id = ?", i), i)
		a.must(err)
		a.must(rows.Close())
	}
	a.until(func(s *advisor.Stats) bool { return s.Totals.Queries >= 60 })
	var s advisor.Stats
	a.must(json.Unmarshal(a.get("/stats").body, &s))
	last := s.Queries[len(s.Queries)-1]
	if len(s.Queries) != 51 || last.Digest != "" || last.Fingerprint != "(other)" || last.Calls != 10 {
		t.Errorf("%d entries, the last is %+v", len(s.Queries), last)
	}
}

// Behind the application's middleware its own requests are recorded and those of the interface are not.
func TestOwnRequests(t *testing.T) {
	a := open(t, Config{}, advisor.Config{NoProof: true})
	e := echo.New()
	e.Use(middleware.Echo())
	e.GET("/hello", func(c echo.Context) error { return c.String(200, "hello") })
	a.admin.Mount(e.Group("/performance"))
	a.serve("captured", e)
	mux := http.NewServeMux()
	mux.Handle("/performance/", http.StripPrefix("/performance", a.admin))
	a.serve("wrapped", middleware.HTTP(mux))
	own, _ := strings.CutSuffix(a.base["captured"], "/performance")
	for _, kind := range []string{"captured", "wrapped"} {
		for path := range forms {
			a.send("GET", a.base[kind]+path, "")
		}
		a.send("GET", a.base[kind]+"/nothing", "")
		a.send("POST", a.base[kind]+"/optimize", "")
	}
	a.send("GET", own+"/hello", "")
	a.until(func(s *advisor.Stats) bool { return len(s.Requests) > 0 })
	var s advisor.Stats
	a.must(json.Unmarshal(a.get("/stats").body, &s))
	if s.Totals.Requests != 1 || len(s.Requests) != 1 || s.Requests[0].Route != "GET /hello" {
		t.Errorf("%d requests: %+v", s.Totals.Requests, s.Requests)
	}
}

// The interface's own statements are not captured.
func TestOwnStatements(t *testing.T) {
	a := open(t, Config{}, advisor.Config{NoProof: true})
	r := a.advise()
	for range 3 {
		for path := range forms {
			a.get(path)
		}
	}
	a.post(change("review", r), "")
	if res := a.post(change("apply", r), ""); res.StatusCode != 200 {
		t.Fatalf("%s", res.body)
	}
	before := capture.Default.Counts().Recorded
	a.get("/stats")
	a.get("/recommendations")
	if after := capture.Default.Counts().Recorded; after != before {
		t.Errorf("reading recorded %d events", after-before)
	}
	a.until(func(s *advisor.Stats) bool { return s.Capture.Pending == 0 })
	var s advisor.Stats
	a.must(json.Unmarshal(a.get("/stats").body, &s))
	if s.Totals.Queries != 20 || len(s.Queries) != 1 {
		t.Errorf("%d queries of %d statements, want the application's 20 of 1", s.Totals.Queries, len(s.Queries))
	}
}

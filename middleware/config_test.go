package middleware

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
)

func TestSkipAndIgnore(t *testing.T) {
	for name, config := range map[string]Config{
		"skip":   {Skip: func(r *http.Request) bool { return r.URL.Path == "/healthz" }},
		"ignore": {Ignore: func(route string) bool { return route == "GET /healthz" }},
	} {
		mux := http.NewServeMux()
		inScope := map[string]bool{}
		note := func(r *http.Request) { inScope[r.URL.Path] = capture.ScopeOf(r.Context()) != nil }
		mux.HandleFunc("/healthz", func(_ http.ResponseWriter, r *http.Request) { note(r) })
		mux.HandleFunc("/x", func(_ http.ResponseWriter, r *http.Request) { note(r) })
		e := newEcho(config.Echo())
		e.GET("/healthz", func(c echo.Context) error { note(c.Request()); return nil })
		e.GET("/x", func(c echo.Context) error { note(c.Request()); return nil })
		for kind, h := range map[string]http.Handler{"HTTP": config.HTTP(mux), "Echo": e} {
			t.Run(name+" "+kind, func(t *testing.T) {
				s := serve(t, h)
				s.do(t, "GET", "/healthz")
				s.do(t, "GET", "/x")
				expect(t, s.events(), seen{Name: "GET /x", Status: 200})
				if inScope["/healthz"] != (name == "ignore") || !inScope["/x"] {
					t.Errorf("in a scope: %v", inScope)
				}
			})
		}
	}
}

func TestRouteIsAskedWhereNobodyKnows(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(http.ResponseWriter, *http.Request) {})
	s := serve(t, Config{Route: Routes(mux)}.HTTP(replaced(mux)))
	s.do(t, "GET", "/orders/7")
	s.do(t, "GET", "/secret")
	expect(t, s.events(), seen{Name: "GET /orders/{id}", Status: 200}, seen{Name: Unmatched, Status: 404})
}

func TestServerTiming(t *testing.T) {
	db := database(t)
	form := regexp.MustCompile(`^total;dur=[0-9.]+, db;dur=[0-9.]+;desc="2 statements"$`)
	handlers := map[string]func(http.ResponseWriter, *http.Request){
		"a body":   func(w http.ResponseWriter, r *http.Request) { lookUp(db, r, 2); io.WriteString(w, "hi") },
		"a status": func(w http.ResponseWriter, r *http.Request) { lookUp(db, r, 2); w.WriteHeader(404) },
		"nothing":  func(_ http.ResponseWriter, r *http.Request) { lookUp(db, r, 2) },
		"early hints": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(103)
			lookUp(db, r, 2)
			w.WriteHeader(200)
		},
	}
	config := Config{ServerTiming: true}
	for name, handle := range handlers {
		e := newEcho(config.Echo())
		e.GET("/", func(c echo.Context) error { handle(c.Response(), c.Request()); return nil })
		for kind, h := range map[string]http.Handler{"HTTP": config.HTTP(http.HandlerFunc(handle)), "Echo": e, "both": config.HTTP(e)} {
			t.Run(name+" "+kind, func(t *testing.T) {
				s := serve(t, h)
				answer, err := s.Client().Get(s.URL)
				if err != nil {
					t.Fatal(err)
				}
				answer.Body.Close()
				if got := answer.Header.Values("Server-Timing"); len(got) != 1 || !form.MatchString(got[0]) {
					t.Errorf("Server-Timing: %q", got)
				}
			})
		}
	}
	t.Run("off", func(t *testing.T) {
		w := httptest.NewRecorder()
		HTTP(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if got := w.Result().Header["Server-Timing"]; got != nil {
			t.Errorf("Server-Timing: %q", got)
		}
	})
}

// TestPathsOfStrangersAreNoNames: names stay few however many paths there are.
func TestPathsOfStrangersAreNoNames(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/orders/{id}", func(http.ResponseWriter, *http.Request) {})
	h := HTTP(mux)
	reader, err := capture.Default.Attach()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Detach()
	drain := func(f func([]capture.Event)) { reader.Drain(f) }
	drain(func([]capture.Event) {})
	table := digest.NewTable(digest.Config{})
	for i := range 100_000 {
		r := &http.Request{Method: fmt.Sprint("M", i), Header: http.Header{}, Body: http.NoBody}
		r.URL = &url.URL{Path: fmt.Sprintf("/secret/%d", i)}
		if i%2 == 0 {
			r.URL.Path = fmt.Sprintf("/orders/%d", i)
		}
		h.ServeHTTP(httptest.NewRecorder(), r)
		if i%1000 == 0 {
			drain(table.Add)
		}
	}
	drain(table.Add)
	counts := map[string]uint64{}
	for _, s := range table.Take() {
		counts[s.Name] += s.Calls
	}
	if len(counts) != 2 || counts[Unmatched] != 50_000 || counts["_OTHER /orders/{id}"] != 50_000 {
		t.Errorf("recorded as %v", counts)
	}
}

func TestTheContextSaysLittle(t *testing.T) {
	r := httptest.NewRequest("GET", "/secret", nil)
	_, _, inner := new(Config).begin(httptest.NewRecorder(), r)
	capture.InFlight.Add(-1)
	if text := fmt.Sprint(inner.Context()); text != "sqlite-perf request" {
		t.Errorf("printed as %q", text)
	}
	if _, ok := inner.Context().Deadline(); ok || inner.Context().Value(t) != nil {
		t.Error("the context is not the request's")
	}
}

package middleware

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// answers are handlers with what their clients get; status 0 is a dropped connection.
var answers = map[string]struct {
	handle http.HandlerFunc
	status int
	record uint16
}{
	"nothing written":      {func(http.ResponseWriter, *http.Request) {}, 200, 200},
	"a body":               {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hi") }, 200, 200},
	"a copied body":        {func(w http.ResponseWriter, _ *http.Request) { io.Copy(w, strings.NewReader("hi")) }, 200, 200},
	"a status":             {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }, 418, 418},
	"an error":             {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusBadRequest) }, 400, 400},
	"a second status":      {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201); w.WriteHeader(500) }, 201, 201},
	"a status too late":    {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hi"); w.WriteHeader(500) }, 200, 200},
	"early hints":          {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103); w.WriteHeader(404) }, 404, 404},
	"only early hints":     {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103) }, 200, 200},
	"other protocol":       {switchProtocols, 101, 101},
	"panic":                {func(http.ResponseWriter, *http.Request) { panic("no") }, 0, 500},
	"panic after a status": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202); panic("no") }, 0, 202},
	"panic after a flush":  {func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush(); panic("no") }, 200, 200},
	"panic after a copy": {func(w http.ResponseWriter, _ *http.Request) {
		io.Copy(w, strings.NewReader(filler))
		panic("no")
	}, 0, 200},
	"abort": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 0, 200},
}

func switchProtocols(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Connection", "Upgrade")
	w.Header().Set("Upgrade", "test")
	w.WriteHeader(http.StatusSwitchingProtocols)
}

func TestHTTPRecordsTheStatusTheClientGets(t *testing.T) {
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			mux := http.NewServeMux()
			mux.HandleFunc("/x", answer.handle)
			s := serve(t, HTTP(mux))
			if status, _ := s.do(t, "GET", "/x"); status != answer.status {
				t.Errorf("the client got %d, want %d", status, answer.status)
			}
			expect(t, s.events(), seen{Name: "GET /x", Status: answer.record})
		})
	}
}

func TestHTTPPanicsGoOn(t *testing.T) {
	for name, want := range map[string]any{"text": "no", "abort": http.ErrAbortHandler} {
		t.Run(name, func(t *testing.T) {
			var got any
			s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer func() { got = recover() }()
				HTTP(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(want) })).ServeHTTP(w, r)
			}))
			s.do(t, "GET", "/")
			if s.served.Wait(); got != want {
				t.Errorf("the outer handler recovers %v, want %v", got, want)
			}
		})
	}
}

// replaced hands next another request with the same context, as many middlewares do.
func replaced(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(r.Context()))
	})
}

func TestHTTPNamesRequestsByTheirPattern(t *testing.T) {
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	mux := func(wrap func(http.Handler) http.Handler) *http.ServeMux {
		m := http.NewServeMux()
		for _, pattern := range []string{"GET /orders/{id}", "/any/{rest...}", "POST\t/tab", "PROPFIND /dav", "example.com/host", "/exact/{$}"} {
			m.Handle(pattern, wrap(ok))
		}
		return m
	}
	same := func(h http.Handler) http.Handler { return h }
	outside := HTTP(mux(same))
	for name, test := range map[string]struct {
		handler      http.Handler
		method, path string
		want         seen
	}{
		"pattern with a method":       {outside, "GET", "/orders/7", seen{Name: "GET /orders/{id}", Status: 200}},
		"HEAD of a GET pattern":       {outside, "HEAD", "/orders/7", seen{Name: "GET /orders/{id}", Status: 200}},
		"pattern without a method":    {outside, "PUT", "/any/a/b", seen{Name: "PUT /any/{rest...}", Status: 200}},
		"pattern with a tab":          {outside, "POST", "/tab", seen{Name: "POST\t/tab", Status: 200}},
		"pattern of another method":   {outside, "PROPFIND", "/dav", seen{Name: "PROPFIND /dav", Status: 200}},
		"method made up by a client":  {outside, "EVIL", "/any/a", seen{Name: "_OTHER /any/{rest...}", Status: 200}},
		"unmatched":                   {outside, "GET", "/secret/token", seen{Name: Unmatched, Status: 404}},
		"method not allowed":          {outside, "DELETE", "/orders/7", seen{Name: Unmatched, Status: 405}},
		"no ServeMux at all":          {HTTP(ok), "GET", "/orders/7", seen{Name: Unmatched, Status: 200}},
		"inside the ServeMux":         {mux(HTTP), "GET", "/orders/7", seen{Name: "GET /orders/{id}", Status: 200}},
		"outside and inside":          {HTTP(mux(HTTP)), "GET", "/orders/7", seen{Name: "GET /orders/{id}", Status: 200}},
		"request replaced":            {HTTP(replaced(mux(same))), "GET", "/orders/7", seen{Name: Unmatched, Status: 200}},
		"request replaced, two HTTPs": {HTTP(replaced(mux(HTTP))), "GET", "/orders/7", seen{Name: "GET /orders/{id}", Status: 200}},
		"an HTTP around the ServeMux": {HTTP(replaced(HTTP(mux(same)))), "GET", "/orders/7", seen{Name: "GET /orders/{id}", Status: 200}},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, test.handler)
			s.do(t, test.method, test.path)
			expect(t, s.events(), test.want)
		})
	}
}

func TestHTTPCountsTheStatementsOfARequest(t *testing.T) {
	db := database(t)
	mux := http.NewServeMux()
	mux.HandleFunc("/n", func(w http.ResponseWriter, r *http.Request) {
		if err := lookUp(db, r, len(r.URL.RawQuery)); err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("/tx", func(w http.ResponseWriter, r *http.Request) {
		tx, err := db.BeginTx(r.Context(), nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer tx.Rollback()
		if _, err := tx.Exec("DELETE FROM t"); err != nil { // without the request's context
			t.Error(err)
		}
	})
	s := serve(t, HTTP(mux))
	for _, path := range []string{"/n", "/n?nnn", "/tx"} {
		s.do(t, "GET", path)
	}
	events := s.events()
	expect(t, events, seen{"GET /n", 200, 0}, seen{"GET /n", 200, 3}, seen{"GET /tx", 200, 1})
	scopes := map[*capture.Scope]bool{}
	for _, ev := range events {
		if ev.Scope == nil {
			t.Errorf("%v is nobody's", ev.Statement)
		}
		scopes[ev.Scope] = true
	}
	if len(scopes) != 3 {
		t.Errorf("%d scopes, want one per request", len(scopes))
	}
}

func TestHTTPLeavesMutedRequestsAlone(t *testing.T) {
	db := database(t)
	ok := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { lookUp(db, r, 1) })
	mux := http.NewServeMux()
	mux.Handle("/x", HTTP(ok))
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		HTTP(mux).ServeHTTP(w, r.WithContext(capture.Mute(r.Context())))
	}))
	s.do(t, "GET", "/x")
	if events := s.events(); len(events) != 0 {
		t.Errorf("recorded %+v", events)
	}
	if name := capture.ScopeOf(capture.Mute(t.Context())).Name(); name != "" {
		t.Errorf("what is muted is called %q", name)
	}
}

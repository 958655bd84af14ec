package httpbench

import (
	"io"
	"net/http"
	"testing"

	"github.com/go-chi/chi/v5"
	peers "github.com/go-chi/chi/v5/middleware"
	"github.com/sqliteperf/sqliteperf/middleware"
)

// routes are chi's, with a router in a router.
func routes(use ...func(http.Handler) http.Handler) http.Handler {
	r := chi.NewRouter()
	r.Use(use...)
	ok := func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, chi.URLParam(r, "id"))
	}
	r.Post("/orders/{id}", ok)
	r.Route("/shops/{shop}", func(r chi.Router) { r.Post("/items/{id}", ok) })
	return r
}

// TestChi: as one of chi's middlewares, also inside another HTTP, the middleware knows the whole pattern.
func TestChi(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("/", routes(middleware.HTTP))
	for name, h := range map[string]http.Handler{
		"a middleware":             routes(middleware.HTTP),
		"behind others":            routes(peers.RequestID, peers.Logger, peers.Recoverer, middleware.HTTP),
		"before others":            routes(middleware.HTTP, peers.RequestID, peers.Recoverer, peers.Compress(5)),
		"inside and around":        middleware.HTTP(routes(middleware.HTTP)),
		"around and behind others": middleware.HTTP(routes(peers.RequestID, middleware.HTTP)),
		"below a ServeMux":         mux,
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, h)
			for path, want := range map[string]string{
				"/orders/7":        "POST /orders/{id}",
				"/shops/3/items/7": "POST /shops/{shop}/items/{id}",
			} {
				if status := s.post(t, path); status != 200 {
					t.Errorf("%s: status %d", path, status)
				}
				if ev := s.only(t); ev.Scope.Name() != want || ev.Status != 200 || ev.RequestBytes() != 8 || ev.AnswerBytes() != 1 {
					t.Errorf("%s is recorded as %q, %+v", path, ev.Scope.Name(), ev)
				}
			}
			s.post(t, "/secret")
			if ev := s.only(t); ev.Scope.Name() != middleware.Unmatched || ev.Status != 404 {
				t.Errorf("unmatched is recorded as %q, %d", ev.Scope.Name(), ev.Status)
			}
		})
	}
}

// TestChiAround: from the outside alone, the pattern cannot be seen, and the path is not shown.
func TestChiAround(t *testing.T) {
	s := serve(t, middleware.HTTP(routes()))
	s.post(t, "/orders/7")
	if ev := s.only(t); ev.Scope.Name() != middleware.Unmatched {
		t.Errorf("recorded as %q", ev.Scope.Name())
	}
}

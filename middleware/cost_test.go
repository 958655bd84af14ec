package middleware

import (
	"context"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// bare is the writer of a server, without a server: what it can do is what HTTP/1's can.
type bare struct {
	shape1
	header http.Header
}

func (b *bare) Header() http.Header               { return b.header }
func (b *bare) WriteHeader(int)                   {}
func (b *bare) Write(p []byte) (int, error)       { return len(p), nil }
func (b *bare) WriteString(s string) (int, error) { return len(s), nil }

func TestHTTPAllocatesThreeTimesARequest(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusOK)
		io.WriteString(w, "hi")
	})
	w := &bare{header: http.Header{}}
	r, err := http.NewRequest("GET", "/orders/7", strings.NewReader("question"))
	if err != nil {
		t.Fatal(err)
	}
	measure := func(h http.Handler) float64 { return testing.AllocsPerRun(1000, func() { h.ServeHTTP(w, r) }) }
	if n := measure(HTTP(mux)) - measure(mux); n > 3 {
		t.Errorf("HTTP adds %v allocations to a request, want 3", n)
	}
}

func TestAStatementInARequestAllocatesNothingMore(t *testing.T) {
	db := database(t)
	stmt, err := db.Prepare("SELECT id FROM t WHERE id = ?")
	if err != nil {
		t.Fatal(err)
	}
	defer stmt.Close()
	measure := func(ctx context.Context) float64 { // the fewest, for the race detector empties pools at random
		var id int
		fewest := math.Inf(1)
		for range 100 {
			fewest = min(fewest, testing.AllocsPerRun(3, func() {
				if err := stmt.QueryRowContext(ctx, 1).Scan(&id); err != nil {
					t.Fatal(err)
				}
			}))
		}
		return fewest
	}
	outer := httptest.NewRequest("GET", "/", nil).WithContext(t.Context())
	HTTP(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if alone, within := measure(outer.Context()), measure(r.Context()); within > alone {
			t.Errorf("a statement allocates %v times in a request, %v times outside", within, alone)
		}
	})).ServeHTTP(&bare{header: http.Header{}}, outer)
}

// BenchmarkAttribution is what a request adds to a statement in it: the driver finds its scope and adds to it.
func BenchmarkAttribution(b *testing.B) {
	outer := httptest.NewRequest("GET", "/", nil).WithContext(b.Context())
	attribute := func(b *testing.B, ctx context.Context) {
		ctx, cancel := context.WithCancel(ctx) // as a transaction has, and many handlers
		defer cancel()
		b.ReportAllocs()
		for b.Loop() {
			if s := capture.ScopeOf(ctx); !s.Muted() && s != nil && !s.Ended(1) {
				s.Add(1)
			}
		}
	}
	b.Run("raw", func(b *testing.B) { attribute(b, outer.Context()) })
	HTTP(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b.Run("wrapped", func(b *testing.B) { attribute(b, r.Context()) })
	})).ServeHTTP(&bare{header: http.Header{}}, outer)
}

func BenchmarkHTTP(b *testing.B) {
	ok := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hi") })
	mux := http.NewServeMux()
	mux.Handle("GET /orders/{id}", ok)
	w, r := &bare{header: http.Header{}}, &http.Request{Method: "GET", URL: &url.URL{Path: "/orders/7"}, Body: http.NoBody}
	for name, h := range map[string]http.Handler{"raw": mux, "wrapped": HTTP(mux)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(w, r)
			}
		})
	}
}

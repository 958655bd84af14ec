package middleware

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
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

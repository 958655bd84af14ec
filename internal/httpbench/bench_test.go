package httpbench

import (
	"bufio"
	"context"
	"database/sql"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/felixge/httpsnoop"
	"github.com/labstack/echo/v4"
	_ "github.com/sqliteperf/sqliteperf/driver" // registers "sqlite-perf"
	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/middleware"
	"go.opentelemetry.io/contrib/instrumentation/github.com/labstack/echo/otelecho"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	metric "go.opentelemetry.io/otel/metric/noop"
	trace "go.opentelemetry.io/otel/trace/noop"
)

// writer is a writer with the shape of HTTP/1's, without a connection.
type writer struct{ header http.Header }

func (w *writer) Header() http.Header                        { return w.header }
func (*writer) WriteHeader(int)                              {}
func (*writer) Write(p []byte) (int, error)                  { return len(p), nil }
func (*writer) WriteString(s string) (int, error)            { return len(s), nil }
func (*writer) ReadFrom(r io.Reader) (int64, error)          { return io.Copy(io.Discard, r) }
func (*writer) Flush()                                       {}
func (*writer) FlushError() error                            { return nil }
func (*writer) CloseNotify() <-chan bool                     { return nil }
func (*writer) SetReadDeadline(time.Time) error              { return nil }
func (*writer) SetWriteDeadline(time.Time) error             { return nil }
func (*writer) EnableFullDuplex() error                      { return nil }
func (*writer) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, http.ErrNotSupported }

// cpu is the processor time of the process, garbage collection included.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure reports time, allocations and processor time of f.
func measure(b *testing.B, f func()) {
	b.ReportAllocs()
	before := cpu()
	n := 0
	for b.Loop() {
		f()
		n++
	}
	b.ReportMetric(float64(cpu()-before)/float64(n), "cpu-ns/op")
}

// drained drains the recorder as an Advisor does, so that its rings are not full.
func drained(b *testing.B) {
	reader, err := capture.Default.Attach()
	if err != nil {
		b.Fatal(err)
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-reader.Wake():
			}
			reader.Drain(func([]capture.Event) {})
		}
	}()
	b.Cleanup(func() { close(stop); <-done; reader.Detach() })
}

// snooped is what the middleware would be with httpsnoop alone: status and bytes.
func snooped(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { httpsnoop.CaptureMetrics(next, w, r) })
}

func BenchmarkRequest(b *testing.B) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) { w.Write(answer) })
	traced := otelhttp.NewHandler(mux, "server", otelhttp.WithTracerProvider(trace.NewTracerProvider()), otelhttp.WithMeterProvider(metric.NewMeterProvider()))
	echoed := func(use ...echo.MiddlewareFunc) http.Handler {
		e := echo.New()
		e.Use(use...)
		e.GET("/orders/:id", func(c echo.Context) error { _, err := c.Response().Write(answer); return err })
		return e
	}
	for _, peer := range []struct {
		name string
		h    http.Handler
	}{
		{"bare", mux}, {"ours", middleware.HTTP(mux)}, {"httpsnoop", snooped(mux)}, {"otelhttp no-op", traced},
		{"echo bare", echoed(nothing)}, {"echo ours", echoed(middleware.Echo())}, {"echo ours in HTTP", middleware.HTTP(echoed(middleware.Echo()))},
		{"otelecho no-op", echoed(otelecho.Middleware("server", otelecho.WithTracerProvider(trace.NewTracerProvider())))},
	} {
		b.Run(peer.name, func(b *testing.B) {
			drained(b)
			w := &writer{http.Header{}}
			r := (&http.Request{Method: "GET", URL: &url.URL{Path: "/orders/7"}, Header: http.Header{}, Body: http.NoBody}).WithContext(b.Context())
			measure(b, func() { peer.h.ServeHTTP(w, r) })
		})
	}
}

// nothing is a middleware that does nothing: Echo allocates for each, at each request.
func nothing(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error { return next(c) }
}

var answer = []byte("hi")

// BenchmarkQuery is a prepared SELECT, with the driver alone and within a request.
func BenchmarkQuery(b *testing.B) {
	db, err := sql.Open("sqlite-perf", filepath.Join(b.TempDir(), "x.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("CREATE TABLE t(id INTEGER PRIMARY KEY); INSERT INTO t VALUES(1)"); err != nil {
		b.Fatal(err)
	}
	stmt, err := db.Prepare("SELECT id FROM t WHERE id = ?")
	if err != nil {
		b.Fatal(err)
	}
	defer stmt.Close()
	query := func(b *testing.B, ctx context.Context) {
		var id int
		measure(b, func() {
			if err := stmt.QueryRowContext(ctx, 1).Scan(&id); err != nil {
				b.Fatal(err)
			}
		})
	}
	b.Run("driver alone", func(b *testing.B) {
		drained(b)
		query(b, b.Context())
	})
	b.Run("in a request", func(b *testing.B) {
		drained(b)
		r := (&http.Request{Method: "GET", URL: &url.URL{Path: "/"}, Header: http.Header{}, Body: http.NoBody}).WithContext(b.Context())
		middleware.HTTP(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { query(b, r.Context()) })).ServeHTTP(&writer{http.Header{}}, r)
	})
}

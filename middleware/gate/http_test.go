package gate

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
)

// serve is a real server on loopback for h.
func serve(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = stdlog.New(io.Discard, "", 0)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// adapters put a handler behind a Gate.
var adapters = map[string]func(*Gate, http.HandlerFunc) http.Handler{
	"HTTP": func(g *Gate, h http.HandlerFunc) http.Handler {
		mux := http.NewServeMux()
		mux.HandleFunc("/", h)
		return g.HTTP(mux)
	},
	"Echo":             func(g *Gate, h http.HandlerFunc) http.Handler { return echoes(h, g.Echo()) },
	"Echo within HTTP": func(g *Gate, h http.HandlerFunc) http.Handler { return g.HTTP(echoes(h, g.Echo())) },
	"Echo before routes": func(g *Gate, h http.HandlerFunc) http.Handler {
		e := echoes(h)
		e.Pre(g.Echo())
		return e
	},
}

func echoes(h http.HandlerFunc, use ...echo.MiddlewareFunc) *echo.Echo {
	e := echo.New()
	e.Logger.SetOutput(io.Discard)
	e.Use(use...)
	e.Any("/*", echo.WrapHandler(h))
	return e
}

func get(t *testing.T, url string, header ...string) (status int, h http.Header) {
	t.Helper()
	r, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	a, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return 0, nil
	}
	defer a.Body.Close()
	_, _ = io.Copy(io.Discard, a.Body)
	return a.StatusCode, a.Header
}

func TestRejectedClientsAreToldToRetry(t *testing.T) {
	for name, adapt := range adapters {
		t.Run(name, func(t *testing.T) {
			defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
			g := unticked(t, Config{Max: 1, RetryAfter: 1500 * time.Millisecond})
			s := serve(t, adapt(g, func(http.ResponseWriter, *http.Request) {}))
			if status, _ := get(t, s.URL+"/x"); status != 200 {
				t.Errorf("status %d with room", status)
			}
			p := acquire(t, g, Ordinary)
			for range 20 {
				status, h := get(t, s.URL+"/x")
				wait, err := strconv.Atoi(h.Get("Retry-After"))
				if status != 503 || err != nil || wait < 2 || wait > 4 || h.Get("Cache-Control") != "no-store" {
					t.Fatalf("status %d, %v", status, h)
				}
			}
			for path, header := range map[string][]string{
				"/healthz": nil, "/metrics": nil, "/debug/pprof/heap": nil,
				"/sse": {"Accept", "text/html, Text/Event-Stream;q=1"},
				"/ws":  {"Connection", "keep-alive, Upgrade", "Upgrade", "websocket"},
			} {
				if status, _ := get(t, s.URL+path, header...); status != 200 {
					t.Errorf("%s: status %d", path, status)
				}
			}
			p.Release(Done)
			if status, _ := get(t, s.URL+"/x"); status != 200 {
				t.Errorf("status %d with room again", status)
			}
			if st := g.Stats(); st.InFlight != 0 || st.Admitted.Ordinary != 3 || st.Rejected.Ordinary != 20 {
				t.Errorf("%+v", st)
			}
		})
	}
}

// TestPermitsEnd whatever a handler does, and only what was answered in time without fault counts as done.
func TestPermitsEnd(t *testing.T) {
	for name, test := range map[string]struct {
		handle  http.HandlerFunc
		status  int
		samples uint64
	}{
		"nothing":   {func(http.ResponseWriter, *http.Request) {}, 200, 1},
		"a body":    {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hi") }, 200, 1},
		"not found": {http.NotFound, 404, 1},
		"a fault":   {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, 500, 0},
		"a panic":   {func(http.ResponseWriter, *http.Request) { panic("oh") }, 0, 0},
		"an abort":  {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 0, 0},
		"a stream": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
			w.WriteHeader(200)
		}, 200, 0},
		"flushed": {func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush() }, 200, 1},
		"hijacked": {func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				fmt.Fprint(c, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
				c.Close()
			}
		}, 202, 0},
	} {
		for adapter, adapt := range adapters {
			t.Run(name+"/"+adapter, func(t *testing.T) {
				defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
				g := unticked(t, Config{Objective: time.Hour})
				var served sync.WaitGroup
				h := adapt(g, test.handle)
				s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					served.Add(1)
					defer served.Done()
					h.ServeHTTP(w, r)
				}))
				if status, _ := get(t, s.URL+"/x"); status != test.status {
					t.Errorf("status %d, want %d", status, test.status)
				}
				served.Wait()
				if st := g.Stats(); st.InFlight != 0 || st.Admitted.Ordinary != 1 || g.window.count() != test.samples {
					t.Errorf("%+v, %d samples", st, g.window.count())
				}
			})
		}
	}
}

// TestOpenConnectionsHoldNoPermit: a stream or another protocol gives it back while it lives.
func TestOpenConnectionsHoldNoPermit(t *testing.T) {
	for name, adapt := range adapters {
		t.Run(name, func(t *testing.T) {
			g := unticked(t, Config{})
			inside := make(chan int, 2)
			note := func(http.ResponseWriter) { inside <- g.Stats().InFlight }
			h := adapt(g, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/hijack" {
					c, _, err := w.(http.Hijacker).Hijack()
					if err != nil {
						t.Error(err)
						return
					}
					defer c.Close()
				} else {
					w.Header().Set("Content-Type", "text/event-stream")
					_, _ = io.WriteString(w, "data: 1\n\n")
				}
				note(w)
			})
			s := serve(t, h)
			for _, path := range []string{"/hijack", "/events"} {
				get(t, s.URL+path)
				if n := <-inside; n != 0 {
					t.Errorf("%s: %d in flight", path, n)
				}
			}
			http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		})
	}
}

func TestEchoErrorsAreClassified(t *testing.T) {
	for _, test := range []struct {
		sent int
		err  error
		want bool
	}{
		{0, nil, true}, {200, nil, true}, {503, nil, false}, {0, errors.New("no"), false}, {0, echo.ErrNotFound, true},
		{0, echo.NewHTTPError(500), false}, {0, echo.NewHTTPError(500).SetInternal(echo.ErrNotFound), true}, {200, errors.New("no"), true},
	} {
		if got := succeeded(test.sent, test.err); got != test.want {
			t.Errorf("%d, %v: %v", test.sent, test.err, got)
		}
	}
}

// abilities are what handlers ask their writers for.
var abilities = []reflect.Type{
	reflect.TypeFor[http.Flusher](), reflect.TypeFor[http.Hijacker](), reflect.TypeFor[io.ReaderFrom](), reflect.TypeFor[http.Pusher](),
	reflect.TypeFor[interface{ FlushError() error }](),
}

// Writers of other middlewares.
type (
	bare     struct{ http.ResponseWriter }
	flushing struct {
		http.ResponseWriter
		http.Flusher
	}
	taking struct {
		flushing
		http.Hijacker
	}
)

func TestWritersKeepTheirAbilities(t *testing.T) {
	compare := func(w http.ResponseWriter, r *http.Request, but int) {
		g := unticked(t, Config{})
		g.HTTP(http.HandlerFunc(func(inner http.ResponseWriter, _ *http.Request) {
			for _, ability := range abilities[:but] {
				if got, want := reflect.TypeOf(inner).Implements(ability), reflect.TypeOf(w).Implements(ability); got != want {
					t.Errorf("%T: %v is %v, want %v", w, ability, got, want)
				}
			}
			if u, ok := inner.(interface{ Unwrap() http.ResponseWriter }); !ok || u.Unwrap() != w {
				t.Errorf("%T: Unwrap is not the writer", w)
			}
		})).ServeHTTP(w, r)
	}
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { compare(w, r, len(abilities)) })
	s := serve(t, h)
	get(t, s.URL)
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	two := httptest.NewUnstartedServer(h)
	two.EnableHTTP2 = true
	two.StartTLS()
	defer two.Close()
	a, err := two.Client().Get(two.URL)
	if err != nil {
		t.Fatal(err)
	}
	if a.Body.Close(); a.ProtoMajor != 2 {
		t.Errorf("the server speaks %s", a.Proto)
	}
	recorder := httptest.NewRecorder()
	for _, w := range []http.ResponseWriter{bare{recorder}, flushing{recorder, recorder}, taking{flushing{recorder, recorder}, nil}} {
		compare(w, httptest.NewRequest("GET", "/", nil), len(abilities)-1)
	}
}

// TestLoopback sends more than a small backend can do through a real server. Whatever the machine's speed, what was
// admitted is completed, and the rest was told so.
func TestLoopback(t *testing.T) {
	for name, adapt := range adapters {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := started(t, Config{Objective: 20 * time.Millisecond, Max: 8, Window: leastWindow, Classify: func(r *http.Request) Class {
				return Class(len(r.Header["X-High"]))
			}})
			backend := make(chan struct{}, 2)
			s := serve(t, adapt(g, func(w http.ResponseWriter, r *http.Request) {
				backend <- struct{}{}
				defer func() { <-backend }()
				hash := 0
				for i := range 200_000 {
					hash = hash*31 + i
				}
				fmt.Fprint(w, hash)
			}))
			client := &http.Transport{MaxIdleConnsPerHost: 32}
			defer client.CloseIdleConnections()
			var ok, busy sync.Map
			var wg sync.WaitGroup
			for i := range 24 {
				wg.Go(func() {
					for n := range 60 {
						r, _ := http.NewRequest("GET", s.URL+"/x", nil)
						if i%8 == 0 {
							r.Header.Set("X-High", "1")
						}
						a, err := client.RoundTrip(r)
						if err != nil {
							t.Error(err)
							return
						}
						_, _ = io.Copy(io.Discard, a.Body)
						a.Body.Close()
						switch {
						case a.StatusCode == 200:
							ok.Store(i*1000+n, true)
						case a.StatusCode == 503 && a.Header.Get("Retry-After") != "":
							busy.Store(i*1000+n, true)
						default:
							t.Errorf("status %d, %v", a.StatusCode, a.Header)
						}
					}
				})
			}
			wg.Wait()
			s.Close() // waits for the handlers
			st := g.Stats()
			admitted, rejected := st.Admitted.Ordinary+st.Admitted.High, st.Rejected.Ordinary+st.Rejected.High
			if st.InFlight != 0 || admitted != uint64(length(&ok)) || rejected != uint64(length(&busy)) || admitted+rejected != 24*60 {
				t.Errorf("%d answered, %d rejected, %+v", length(&ok), length(&busy), st)
			}
		})
	}
}

func length(m *sync.Map) (n int) {
	m.Range(func(any, any) bool { n++; return true })
	return n
}

// TestClientsThatLeave: a cancelled request gives its permit back and is no success.
func TestClientsThatLeave(t *testing.T) {
	g := unticked(t, Config{Objective: time.Hour})
	began, ended := make(chan struct{}), make(chan struct{})
	h := g.HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(began)
		<-r.Context().Done()
	}))
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		h.ServeHTTP(w, r)
	}))
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(c)
	fmt.Fprint(w, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
	w.Flush()
	<-began
	c.Close()
	<-ended
	if st := g.Stats(); st.InFlight != 0 || g.window.count() != 0 || g.window.completions.Load() != 0 {
		t.Errorf("%+v, %d samples", st, g.window.count())
	}
}

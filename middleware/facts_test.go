package middleware

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// fact is what a test expects of one request besides its time.
type fact struct {
	Status           uint16
	Received, Sent   int64
	Flags            capture.Flags
	Error            capture.ErrorClass
	Failure          string // Go type
	FirstIsBeforeEnd bool
}

func factOf(ev capture.Event) fact {
	f := fact{
		Status: ev.Status, Received: ev.RequestBytes(), Sent: ev.AnswerBytes(), Flags: ev.Flags, Error: ev.Error,
		FirstIsBeforeEnd: ev.First < ev.Total,
	}
	if why := ev.Scope.Failure(); why != nil {
		f.Failure = why.Type
	}
	return f
}

// only is the one request that was recorded.
func (s *site) only(t *testing.T) capture.Event {
	t.Helper()
	var found []capture.Event
	for _, ev := range s.events() {
		if ev.Kind == capture.KindRequest {
			found = append(found, ev)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d requests are recorded, want one", len(found))
	}
	return found[0]
}

// versions start servers of both versions of HTTP.
var versions = map[string]func(*testing.T, http.Handler) *site{
	"HTTP/1": serve,
	"HTTP/2": func(t *testing.T, h http.Handler) *site {
		s := unstarted(t, h)
		s.EnableHTTP2 = true
		s.StartTLS()
		return s
	},
}

// tick lets the clock go on, which may be coarse.
func tick() {
	for start := capture.Now(); capture.Now() == start; {
	}
}

func TestFactsOfARequest(t *testing.T) {
	const ended = true
	for name, test := range map[string]struct {
		method, body string
		handle       http.HandlerFunc
		want         fact
	}{
		"nothing written": {"GET", "", func(http.ResponseWriter, *http.Request) {}, fact{Status: 200}},
		"a body": {"GET", "", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hi"); tick() },
			fact{Status: 200, Sent: 2, FirstIsBeforeEnd: ended}},
		"a body by all ways": {"GET", "", func(w http.ResponseWriter, _ *http.Request) {
			w.Write([]byte("1"))
			io.WriteString(w, "22")
			io.Copy(w, onlyReader{strings.NewReader("333")})
			tick()
		}, fact{Status: 200, Sent: 6, FirstIsBeforeEnd: ended}},
		"a question read": {"POST", "question", func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			w.WriteHeader(201)
			tick()
		}, fact{Status: 201, Received: 8, FirstIsBeforeEnd: ended}},
		"a question read in part": {"POST", "question", func(_ http.ResponseWriter, r *http.Request) { io.ReadFull(r.Body, make([]byte, 3)) },
			fact{Status: 200, Received: 3}},
		"a question unread": {"POST", "question", func(http.ResponseWriter, *http.Request) {}, fact{Status: 200}},
		"HEAD": {"HEAD", "", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, filler); tick() },
			fact{Status: 200, FirstIsBeforeEnd: ended}},
		"not modified": {"GET", "", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(304)
			io.WriteString(w, filler)
			tick()
		}, fact{Status: 304, FirstIsBeforeEnd: ended}},
		"early hints": {"GET", "", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(103)
			w.WriteHeader(404)
			io.WriteString(w, "no")
			tick()
		}, fact{Status: 404, Sent: 2, FirstIsBeforeEnd: ended}},
		"a flush": {"GET", "", func(w http.ResponseWriter, _ *http.Request) {
			http.NewResponseController(w).Flush()
			tick()
			w.WriteHeader(500) // too late
		}, fact{Status: 200, FirstIsBeforeEnd: ended}},
		"panic before": {"GET", "", func(http.ResponseWriter, *http.Request) { panic(errors.New("no")) },
			fact{Status: 500, Flags: capture.FlagPanicked, Error: capture.ErrorPanic, Failure: "*errors.errorString"}},
		"panic after": {"GET", "", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hi"); tick(); panic(7) },
			fact{Status: 200, Sent: 2, Flags: capture.FlagPanicked, Error: capture.ErrorPanic, Failure: "int", FirstIsBeforeEnd: ended}},
		"abort": {"GET", "", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, fact{Status: 200}},
	} {
		for version, start := range versions {
			t.Run(name+" "+version, func(t *testing.T) {
				s := start(t, HTTP(test.handle))
				r, err := http.NewRequest(test.method, s.URL, strings.NewReader(test.body))
				if err != nil {
					t.Fatal(err)
				}
				if answer, err := s.Client().Do(r); err == nil {
					if version == "HTTP/2" && answer.ProtoMajor != 2 {
						t.Error(answer.Proto)
					}
					io.Copy(io.Discard, answer.Body)
					answer.Body.Close()
				}
				if diff := cmp.Diff(test.want, factOf(s.only(t))); diff != "" {
					t.Errorf("- expected, + recorded:\n%s", diff)
				}
			})
		}
	}
}

func TestAPanicIsFoundWhereItWas(t *testing.T) {
	inner := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { dereference(nil) })
	again := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { panic(recover()) }()
		inner(w, r)
	})
	s := serve(t, HTTP(again))
	s.do(t, "GET", "/")
	if ev := s.only(t); ev.Site == nil || !strings.HasSuffix(ev.Site.Function, "middleware.dereference") {
		t.Errorf("panicked at %v", ev.Site)
	}
}

//go:noinline
func dereference(n *int) int { return *n }

// A handler that somebody recovers inside tells of its panic all the same.
func TestAPanicRecoveredInsideIsSeen(t *testing.T) {
	recovering := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() {
				if recover() != nil {
					http.Error(w, "no", http.StatusBadGateway)
				}
			}()
			next.ServeHTTP(w, r)
		})
	}
	s := serve(t, HTTP(recovering(HTTP(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("no") })))))
	if status, _ := s.do(t, "GET", "/"); status != http.StatusBadGateway {
		t.Errorf("the client got %d", status)
	}
	ev := s.only(t)
	if ev.Status != http.StatusBadGateway || !ev.Flags.Has(capture.FlagPanicked) || ev.Scope.Failure().Type != "string" {
		t.Errorf("recorded %+v", ev)
	}
}

// dial sends a request by hand and returns the connection.
func (s *site) dial(t *testing.T, text string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	fmt.Fprint(conn, text)
	return conn
}

func TestClientsThatLeave(t *testing.T) {
	for version, start := range versions {
		t.Run(version, func(t *testing.T) {
			entered := make(chan struct{})
			s := start(t, HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				close(entered)
				<-r.Context().Done()
			})))
			ctx, leave := context.WithCancel(t.Context())
			r, err := http.NewRequestWithContext(ctx, "GET", s.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			go func() { <-entered; leave() }()
			if _, err := s.Client().Do(r); err == nil {
				t.Error("the client got an answer")
			}
			if ev := s.only(t); ev.Flags != capture.FlagGone {
				t.Errorf("recorded %+v", ev)
			}
		})
	}
}

func TestADeadlineIsNoClientThatLeft(t *testing.T) {
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithDeadline(r.Context(), time.Now())
		defer cancel()
		HTTP(http.NotFoundHandler()).ServeHTTP(w, r.WithContext(ctx))
	}))
	s.do(t, "GET", "/")
	if ev := s.only(t); ev.Flags != 0 {
		t.Errorf("recorded %+v", ev)
	}
}

func TestBytesAreCountedUntilTheProtocolChanges(t *testing.T) {
	const upgrade = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n"
	for name, test := range map[string]struct {
		handle http.HandlerFunc
		want   fact
	}{
		"hijack": {func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				panic(err)
			}
			fmt.Fprint(conn, filler)
			if _, err := w.Write([]byte("late")); !errors.Is(err, http.ErrHijacked) {
				panic("written")
			}
			tick()
			conn.Close()
		}, fact{Status: 101, Flags: capture.FlagHijacked, FirstIsBeforeEnd: true}},
		"hijack after a body": {func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "hi")
			http.NewResponseController(w).Flush()
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				panic(err)
			}
			w.WriteHeader(500)
			tick()
			conn.Close()
		}, fact{Status: 200, Sent: 2, Flags: capture.FlagHijacked, FirstIsBeforeEnd: true}},
		"101": {func(w http.ResponseWriter, r *http.Request) { switchProtocols(w, r); w.Write([]byte("x")); tick() },
			fact{Status: 101, FirstIsBeforeEnd: true}},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, HTTP(test.handle))
			conn := s.dial(t, upgrade)
			bufio.NewReader(conn).ReadByte() // until the handler is there
			if name == "101" {
				conn.Close()
			} else {
				io.Copy(io.Discard, conn)
			}
			ev := s.only(t)
			ev.Flags &^= capture.FlagGone // whether the server has seen the end is a matter of time
			if diff := cmp.Diff(test.want, factOf(ev)); diff != "" {
				t.Errorf("- expected, + recorded:\n%s", diff)
			}
		})
	}
}

// TestUseAfterTheEnd: what a handler leaves behind neither breaks nor counts, and other requests get nothing of it.
func TestUseAfterTheEnd(t *testing.T) {
	type left struct {
		w http.ResponseWriter
		r *http.Request
	}
	kept := make(chan left, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("/leave", func(w http.ResponseWriter, r *http.Request) { kept <- left{w, r} })
	mux.HandleFunc("/other", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "mine") })
	for name, wrapped := range map[string]http.ResponseWriter{
		"HTTP/1": &bare{header: http.Header{}}, "any shape": httptest.NewRecorder(),
	} {
		t.Run(name, func(t *testing.T) {
			h := HTTP(mux)
			h.ServeHTTP(wrapped, httptest.NewRequest("POST", "/leave", strings.NewReader(filler)))
			old := <-kept
			scope := capture.ScopeOf(old.r.Context())
			q := old.r.Body.(*body)
			done := make(chan struct{})
			go func() {
				defer close(done)
				old.w.WriteHeader(500)
				io.WriteString(old.w, "stale")
				io.Copy(io.Discard, old.r.Body)
			}()
			other := httptest.NewRecorder()
			for range 100 {
				h.ServeHTTP(other, httptest.NewRequest("GET", "/other", nil))
			}
			<-done
			if text := other.Body.String(); text != strings.Repeat("mine", 100) {
				t.Errorf("others got %q", text)
			}
			if !scope.Ended(capture.Now()+1) || q.n.Load() != int64(len(filler)) {
				t.Error("the request is not over, or its body was not read")
			}
		})
	}
}

func TestInFlight(t *testing.T) {
	before := InFlight()
	var within int64
	s := serve(t, HTTP(HTTP(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { within = InFlight(); panic("no") }))))
	s.do(t, "GET", "/")
	s.served.Wait()
	if within != before+1 || InFlight() != before {
		t.Errorf("%d before, %d within, %d after", before, within, InFlight())
	}
}

func TestControllersReachTheConnection(t *testing.T) {
	for version, start := range versions {
		t.Run(version, func(t *testing.T) {
			s := start(t, HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				c := http.NewResponseController(w)
				if err := errors.Join(c.SetReadDeadline(time.Now().Add(-time.Second)), c.EnableFullDuplex()); err != nil && version == "HTTP/1" {
					t.Error(err)
				}
				if _, err := io.ReadAll(r.Body); err == nil {
					t.Error("the body was read in time")
				}
			})))
			question, unfinished := io.Pipe()
			defer unfinished.Close()
			r, err := http.NewRequest("POST", s.URL, question)
			if err != nil {
				t.Fatal(err)
			}
			if answer, err := s.Client().Do(r); err == nil {
				answer.Body.Close()
			}
			s.served.Wait()
		})
	}
}

func TestHostileHeaders(t *testing.T) {
	s := serve(t, HTTP(http.NewServeMux()))
	for _, header := range []string{
		"Traceparent: 00-" + strings.Repeat("f", 5000), "Traceparent: \xff\xfe", "Traceparent:", "Tracestate: " + strings.Repeat("a=b,", 9000),
		"Traceparent: 00-" + traceID + "-" + spanID + "-01\r\nTraceparent: 00-" + traceID + "-" + spanID + "-01",
		"Content-Length: 5\r\nExpect: 100-continue", "Upgrade: websocket", "Server-Timing: x",
	} {
		conn := s.dial(t, "BREW /"+strings.Repeat("%2e", 300)+" HTTP/1.1\r\nHost: x\r\n"+header+"\r\n\r\n")
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil || !strings.HasPrefix(line, "HTTP/1.1 ") {
			t.Errorf("%.40s: %q, %v", header, line, err)
		}
		conn.Close()
	}
	for _, ev := range s.events() {
		if ev.Scope.Name() != Unmatched {
			t.Errorf("recorded as %q", ev.Scope.Name())
		}
	}
}

// TestACompressedAnswerIsSeen: what is counted outside of compression is not the answer's own size.
func TestACompressedAnswerIsSeen(t *testing.T) {
	for name, encoding := range map[string]string{"plain": "", "compressed": "gzip"} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if encoding != "" {
					w.Header().Set("Content-Encoding", encoding)
				}
				w.Write([]byte("what a client would unpack"))
			})))
			s.do(t, "GET", "/")
			if ev := s.only(t); ev.Flags.Has(capture.FlagEncoded) != (encoding != "") {
				t.Errorf("flags %b", ev.Flags)
			}
		})
	}
}

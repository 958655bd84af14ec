//lint:file-ignore SA1019 old roads are roads, and old abilities abilities

package middleware

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"
)

// abilities are what a ResponseWriter may do besides.
var abilities = map[string]reflect.Type{
	"Flusher":          reflect.TypeFor[http.Flusher](),
	"FlushError":       reflect.TypeFor[interface{ FlushError() error }](),
	"Hijacker":         reflect.TypeFor[http.Hijacker](),
	"ReaderFrom":       reflect.TypeFor[io.ReaderFrom](),
	"StringWriter":     reflect.TypeFor[io.StringWriter](),
	"Pusher":           reflect.TypeFor[http.Pusher](),
	"CloseNotifier":    reflect.TypeFor[http.CloseNotifier](),
	"SetReadDeadline":  reflect.TypeFor[interface{ SetReadDeadline(time.Time) error }](),
	"SetWriteDeadline": reflect.TypeFor[interface{ SetWriteDeadline(time.Time) error }](),
	"EnableFullDuplex": reflect.TypeFor[interface{ EnableFullDuplex() error }](),
}

// compareAbilities is a handler that holds the writer HTTP gives its handler against its own.
func compareAbilities(t *testing.T) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		HTTP(http.HandlerFunc(func(inner http.ResponseWriter, _ *http.Request) {
			if inner == w {
				t.Error("the writer is not wrapped, so nothing was compared")
			}
			for name, ability := range abilities {
				got, want := reflect.TypeOf(inner).Implements(ability), reflect.TypeOf(w).Implements(ability)
				if got != want {
					t.Errorf("%s: %v behind HTTP, %v before", name, got, want)
				}
			}
			if u, ok := inner.(interface{ Unwrap() http.ResponseWriter }); !ok || u.Unwrap() != w {
				t.Error("Unwrap is not the server's writer")
			}
		})).ServeHTTP(w, r)
	})
}

type plainWriter struct{ http.ResponseWriter }

func TestHTTPKeepsTheWritersAbilities(t *testing.T) {
	t.Run("HTTP/1", func(t *testing.T) { serve(t, compareAbilities(t)).do(t, "GET", "/") })
	t.Run("HTTP/2", func(t *testing.T) {
		s := unstarted(t, compareAbilities(t))
		s.EnableHTTP2 = true
		s.StartTLS()
		answer, err := s.Client().Get(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		if answer.Body.Close(); answer.ProtoMajor != 2 {
			t.Errorf("the server speaks %s", answer.Proto)
		}
	})
	for name, w := range map[string]http.ResponseWriter{
		"recorder": httptest.NewRecorder(), "no abilities": plainWriter{httptest.NewRecorder()},
	} {
		t.Run(name, func(t *testing.T) {
			compareAbilities(t).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		})
	}
}

func TestEventsAreFlushedOneByOne(t *testing.T) {
	for name, flush := range map[string]func(http.ResponseWriter) error{
		"Flusher":            func(w http.ResponseWriter) error { w.(http.Flusher).Flush(); return nil },
		"ResponseController": func(w http.ResponseWriter) error { return http.NewResponseController(w).Flush() },
	} {
		t.Run(name, func(t *testing.T) {
			next := make(chan struct{})
			mux := http.NewServeMux()
			mux.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				for i := range 3 {
					fmt.Fprintf(w, "data: %d\n\n", i)
					if err := flush(w); err != nil {
						t.Error(err)
					}
					<-next // the client has read it before more is written
				}
			})
			s := serve(t, HTTP(mux))
			answer, err := s.Client().Get(s.URL + "/events")
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			lines := bufio.NewScanner(answer.Body)
			for i := range 3 {
				if lines.Scan(); lines.Text() != fmt.Sprint("data: ", i) {
					t.Errorf("event %d is %q", i, lines.Text())
				}
				lines.Scan()
				next <- struct{}{}
			}
			expect(t, s.events(), seen{Name: "GET /events", Status: 200})
		})
	}
}

func TestHijackedConnectionsSpeakForThemselves(t *testing.T) {
	for name, test := range map[string]struct {
		before func(http.ResponseWriter)
		status uint16
	}{
		"status by hand":     {func(http.ResponseWriter) {}, 101},
		"status by net/http": {func(w http.ResponseWriter) { w.WriteHeader(http.StatusSwitchingProtocols) }, 101},
	} {
		t.Run(name, func(t *testing.T) {
			mux := http.NewServeMux()
			mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
				test.before(w)
				conn, buffered, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				line, _ := buffered.ReadString('\n')
				fmt.Fprint(conn, "you said ", line)
			})
			s := serve(t, HTTP(mux))
			conn, err := net.Dial("tcp", s.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprint(conn, "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\nhello\n")
			all, err := io.ReadAll(conn)
			if want := "you said hello\n"; err != nil || len(all) < len(want) || string(all[len(all)-len(want):]) != want {
				t.Errorf("read %q, %v", all, err)
			}
			expect(t, s.events(), seen{Name: "GET /echo", Status: test.status})
		})
	}
}

func TestHijackThatFailsIsNoSwitch(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/x", func(w http.ResponseWriter, _ *http.Request) {
		w.(http.Hijacker).Hijack()
		w.WriteHeader(http.StatusNotImplemented)
	})
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		HTTP(mux).ServeHTTP(refusing{w}, r)
	}))
	if status, _ := s.do(t, "GET", "/x"); status != http.StatusNotImplemented {
		t.Errorf("the client got %d", status)
	}
	expect(t, s.events(), seen{Name: "GET /x", Status: http.StatusNotImplemented})
}

// refusing is a writer that cannot be hijacked although it says so.
type refusing struct{ http.ResponseWriter }

func (refusing) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, http.ErrNotSupported }

package middleware

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// TestPanicsInsideRecoverAreSeen: behind Recover, and in front of it where HTTP is around both.
func TestPanicsInsideRecoverAreSeen(t *testing.T) {
	for name, wrap := range map[string]func(http.Handler) http.Handler{
		"alone": func(h http.Handler) http.Handler { return h }, "inside HTTP": HTTP,
	} {
		t.Run(name, func(t *testing.T) {
			e := newEcho(recoverer(), Echo())
			e.GET("/x/:id", func(echo.Context) error { return echo.NewHTTPError(200 + *new(int)/len(e.Reverse(""))) })
			s := serve(t, wrap(e))
			if status, _ := s.do(t, "GET", "/x/7"); status != 500 {
				t.Errorf("the client got %d", status)
			}
			ev := s.only(t)
			if ev.Status != 500 || ev.Error != capture.ErrorPanic || !ev.Flags.Has(capture.FlagPanicked) {
				t.Errorf("recorded %+v", ev)
			}
			if why := ev.Scope.Failure(); why == nil || why.Type != "runtime.runtimeError" && !strings.HasPrefix(why.Type, "runtime.") {
				t.Errorf("failed with %+v", why)
			}
			if ev.Site == nil || !strings.Contains(ev.Site.File, "stack_test.go") {
				t.Errorf("panicked at %v", ev.Site)
			}
		})
	}
}

// An error that becomes an answer to the client's mistake is none of ours.
func TestErrorsThatAreAnswers(t *testing.T) {
	for name, err := range map[string]error{
		"a status": echo.NewHTTPError(409), "mapped": errors.New("no such order"),
	} {
		t.Run(name, func(t *testing.T) {
			e := newEcho(Echo())
			e.HTTPErrorHandler = func(err error, c echo.Context) { c.NoContent(409) }
			e.GET("/x", func(echo.Context) error { return err })
			s := serve(t, HTTP(e))
			s.do(t, "GET", "/x")
			if ev := s.only(t); ev.Status != 409 || ev.Error != capture.ErrorNone || ev.Failed() {
				t.Errorf("recorded %+v", ev)
			}
		})
	}
}

// TestTimeoutHandler: what it answers is recorded, though the handler goes on.
func TestTimeoutHandler(t *testing.T) {
	inner := make(chan struct{})
	slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		<-inner
		io.WriteString(w, "too late")
		panic(http.ErrAbortHandler)
	})
	finished := make(chan struct{})
	noted := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(finished)
		slow(w, r)
	})
	mux := http.NewServeMux()
	mux.Handle("/slow", http.TimeoutHandler(HTTP(noted), time.Nanosecond, "busy"))
	s := serve(t, HTTP(mux))
	status, body := s.do(t, "GET", "/slow")
	ev := s.only(t)
	close(inner)
	<-finished
	if status != 503 || body != "busy" || ev.Status != 503 || ev.AnswerBytes() != 4 || ev.Flags != 0 || ev.Scope.Name() != "GET /slow" {
		t.Errorf("%d %q, recorded %+v", status, body, ev)
	}
}

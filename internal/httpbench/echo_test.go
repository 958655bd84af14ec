//lint:file-ignore SA1019 applications have Echo's Timeout still

package httpbench

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	peers "github.com/labstack/echo/v4/middleware"
	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/middleware"
)

var filler = strings.Repeat("x", 100)

// others are the middlewares that applications have around and inside.
func others() map[string]echo.MiddlewareFunc {
	return map[string]echo.MiddlewareFunc{
		"Recover":        peers.RecoverWithConfig(peers.RecoverConfig{DisablePrintStack: true}),
		"Gzip":           peers.Gzip(),
		"Timeout":        peers.TimeoutWithConfig(peers.TimeoutConfig{Timeout: time.Hour}),
		"ContextTimeout": peers.ContextTimeout(time.Hour),
		"CORS":           peers.CORS(),
		"RequestID":      peers.RequestID(),
		"BodyDump":       peers.BodyDump(func(echo.Context, []byte, []byte) {}),
	}
}

// stacked is Echo with other before or behind ours.
func stacked(ours, other echo.MiddlewareFunc, behind bool) *echo.Echo {
	e := echo.New()
	e.Logger.SetOutput(io.Discard)
	if behind {
		e.Use(ours, other)
	} else {
		e.Use(other, ours)
	}
	e.POST("/ok/:id", func(c echo.Context) error {
		io.Copy(io.Discard, c.Request().Body)
		return c.String(200, filler)
	})
	e.POST("/error/:id", func(echo.Context) error { return errors.New("no") })
	e.POST("/panic/:id", func(echo.Context) error { panic("no") })
	return e
}

func TestEchoWithOtherMiddlewares(t *testing.T) {
	for name, other := range others() {
		for order, behind := range map[string]bool{"before": false, "behind": true} {
			for kind, wrap := range map[string]func(http.Handler) http.Handler{
				"alone": func(h http.Handler) http.Handler { return h }, "inside HTTP": middleware.HTTP,
			} {
				t.Run(name+" "+order+" "+kind, func(t *testing.T) {
					s := serve(t, wrap(stacked(middleware.Echo(), other, behind)))
					if status := s.post(t, "/ok/1"); status != 200 {
						t.Errorf("status %d", status)
					}
					var flags capture.Flags
					if name == "Gzip" {
						flags = capture.FlagEncoded
					}
					ev := s.only(t)
					if ev.Status != 200 || ev.Scope.Name() != "POST /ok/:id" || ev.RequestBytes() != 8 || ev.Failed() || ev.Flags != flags {
						t.Errorf("recorded as %q, %+v", ev.Scope.Name(), ev)
					}
					if ev.AnswerBytes() != int64(len(filler)) && name != "Gzip" {
						t.Errorf("%d bytes written", ev.AnswerBytes())
					}
					s.post(t, "/error/1")
					ev = s.only(t)
					if ev.Status != 500 || ev.Scope.Name() != "POST /error/:id" || !ev.Failed() {
						t.Errorf("an error is recorded as %q, %+v", ev.Scope.Name(), ev)
					}
				})
			}
		}
	}
}

// TestPanicsInsideRecover: Echo behind Recover sees the panic, and Recover still answers it.
func TestPanicsInsideRecover(t *testing.T) {
	for kind, wrap := range map[string]func(http.Handler) http.Handler{
		"alone": func(h http.Handler) http.Handler { return h }, "inside HTTP": middleware.HTTP,
	} {
		t.Run(kind, func(t *testing.T) {
			s := serve(t, wrap(stacked(middleware.Echo(), others()["Recover"], false)))
			if status := s.post(t, "/panic/1"); status != 500 {
				t.Errorf("status %d", status)
			}
			if ev := s.only(t); ev.Status != 500 || !ev.Flags.Has(capture.FlagPanicked) || ev.Site == nil || ev.Scope.Name() != "POST /panic/:id" {
				t.Errorf("recorded as %q, %+v", ev.Scope.Name(), ev)
			}
		})
	}
}

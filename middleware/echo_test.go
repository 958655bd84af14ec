package middleware

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// newEcho returns a quiet Echo with the middlewares.
func newEcho(use ...echo.MiddlewareFunc) *echo.Echo {
	e := echo.New()
	e.Logger.SetOutput(io.Discard)
	e.Use(use...)
	return e
}

// recoverer does what Echo's own Recover does: a panic becomes an error, which Echo answers at once.
func recoverer() echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			defer func() {
				switch panicked := recover(); panicked {
				case nil:
				case http.ErrAbortHandler:
					panic(panicked)
				default:
					c.Error(fmt.Errorf("%v", panicked))
				}
			}()
			return next(c)
		}
	}
}

// echoAnswers are handlers with the status that Echo makes of them; 0 is a dropped connection.
var echoAnswers = map[string]struct {
	handle echo.HandlerFunc
	status int
	record uint16
}{
	"nothing written":          {func(echo.Context) error { return nil }, 200, 200},
	"a body":                   {func(c echo.Context) error { return c.String(200, "hi") }, 200, 200},
	"a status":                 {func(c echo.Context) error { return c.NoContent(204) }, 204, 204},
	"an error":                 {func(echo.Context) error { return errors.New("no") }, 500, 500},
	"an HTTP error":            {func(echo.Context) error { return echo.NewHTTPError(409) }, 409, 409},
	"an HTTP error of Echo's":  {func(echo.Context) error { return echo.ErrUnauthorized }, 401, 401},
	"an HTTP error with cause": {func(echo.Context) error { return echo.NewHTTPError(409).SetInternal(errors.New("no")) }, 409, 409},
	"an HTTP error of another": {func(echo.Context) error { return echo.NewHTTPError(409).SetInternal(echo.ErrNotFound) }, 404, 404},
	"a wrapped HTTP error":     {func(echo.Context) error { return fmt.Errorf("no: %w", echo.ErrNotFound) }, 500, 500},
	"an error after a status":  {func(c echo.Context) error { c.NoContent(202); return errors.New("no") }, 202, 202},
	"an error handled":         {func(c echo.Context) error { c.Error(echo.ErrForbidden); return nil }, 403, 403},
	"early hints":              {func(c echo.Context) error { c.Response().WriteHeader(103); return nil }, 200, 200},
	"other protocol":           {func(c echo.Context) error { switchProtocols(c.Response(), c.Request()); return nil }, 101, 101},
	"a plain handler":          {echo.WrapHandler(http.HandlerFunc(http.NotFound)), 404, 404},
	"panic":                    {func(echo.Context) error { panic("no") }, 0, 500},
	"panic after a status":     {func(c echo.Context) error { c.NoContent(202); panic("no") }, 0, 202},
	"abort":                    {func(echo.Context) error { panic(http.ErrAbortHandler) }, 0, 200},
}

func TestEchoRecordsTheStatusTheClientGets(t *testing.T) {
	for name, answer := range echoAnswers {
		for order, use := range map[string][]echo.MiddlewareFunc{
			"alone":           {Echo()},
			"inside Recover":  {recoverer(), Echo()},
			"outside Recover": {Echo(), recoverer()},
		} {
			t.Run(name+" "+order, func(t *testing.T) {
				status := answer.status
				if strings.HasPrefix(name, "panic") && order != "alone" {
					status = int(answer.record) // Recover keeps the connection
				}
				e := newEcho(use...)
				e.GET("/x/:id", answer.handle)
				s := serve(t, e)
				if got, _ := s.do(t, "GET", "/x/7"); got != status {
					t.Errorf("the client got %d, want %d", got, status)
				}
				expect(t, s.events(), seen{Name: "GET /x/:id", Status: answer.record})
			})
		}
	}
}

func TestEchoNamesRequestsByTheirRoute(t *testing.T) {
	routes := func(e *echo.Echo) *echo.Echo {
		e.GET("/orders/:id", func(c echo.Context) error { return c.NoContent(200) })
		e.Any("/any/*", func(c echo.Context) error { return c.NoContent(200) })
		e.Group("/group", func(next echo.HandlerFunc) echo.HandlerFunc { return next }).GET("/x", func(c echo.Context) error { return c.NoContent(200) })
		return e
	}
	pre := newEcho()
	pre.Pre(Echo())
	routes(pre)
	inner := routes(newEcho(Echo()))
	mounted := http.NewServeMux()
	mounted.Handle("/", inner)
	plainMounted := http.NewServeMux()
	plainMounted.Handle("/", routes(newEcho()))
	for name, test := range map[string]struct {
		handler      http.Handler
		method, path string
		want         seen
	}{
		"route":                          {inner, "GET", "/orders/7", seen{Name: "GET /orders/:id", Status: 200}},
		"wildcard":                       {inner, "POST", "/any/a/b", seen{Name: "POST /any/*", Status: 200}},
		"route of a group":               {inner, "GET", "/group/x", seen{Name: "GET /group/x", Status: 200}},
		"unmatched in a group":           {inner, "GET", "/group/secret", seen{Name: "GET /group/*", Status: 404}},
		"unmatched":                      {inner, "GET", "/secret/token", seen{Name: Unmatched, Status: 404}},
		"method not allowed":             {inner, "DELETE", "/orders/7", seen{Name: "DELETE /orders/:id", Status: 405}},
		"method made up by a client":     {inner, "EVIL", "/orders/7", seen{Name: "_OTHER /orders/:id", Status: 405}},
		"before the router":              {pre, "GET", "/orders/7", seen{Name: "GET /orders/:id", Status: 200}},
		"before the router, unmatched":   {pre, "GET", "/secret/token", seen{Name: Unmatched, Status: 404}},
		"inside HTTP":                    {HTTP(inner), "GET", "/orders/7", seen{Name: "GET /orders/:id", Status: 200}},
		"inside HTTP, unmatched":         {HTTP(inner), "GET", "/secret/token", seen{Name: Unmatched, Status: 404}},
		"inside HTTP, before the router": {HTTP(pre), "GET", "/orders/7", seen{Name: "GET /orders/:id", Status: 200}},
		"mounted":                        {HTTP(mounted), "GET", "/orders/7", seen{Name: "GET /orders/:id", Status: 200}},
		"mounted, unmatched":             {HTTP(mounted), "GET", "/secret/token", seen{Name: Unmatched, Status: 404}},
		"mounted, without Echo()":        {HTTP(plainMounted), "GET", "/orders/7", seen{Name: "GET /", Status: 200}},
		"HTTP inside Echo": {routes(newEcho(Echo(), echo.WrapMiddleware(HTTP))), "GET", "/orders/7",
			seen{Name: "GET /orders/:id", Status: 200}},
		"twice": {routes(newEcho(Echo(), Echo())), "GET", "/orders/7", seen{Name: "GET /orders/:id", Status: 200}},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, test.handler)
			s.do(t, test.method, test.path)
			expect(t, s.events(), test.want)
		})
	}
}

// TestEchoInsideHTTPIsRecordedOnce holds the outer record's status to what the client gets.
func TestEchoInsideHTTPIsRecordedOnce(t *testing.T) {
	for name, answer := range echoAnswers {
		t.Run(name, func(t *testing.T) {
			e := newEcho(Echo())
			e.GET("/x/:id", answer.handle)
			s := serve(t, HTTP(e))
			if got, _ := s.do(t, "GET", "/x/7"); got != answer.status {
				t.Errorf("the client got %d, want %d", got, answer.status)
			}
			expect(t, s.events(), seen{Name: "GET /x/:id", Status: answer.record})
		})
	}
}

func TestEchoCountsTheStatementsOfARequest(t *testing.T) {
	db := database(t)
	for name, wrap := range map[string]func(http.Handler) http.Handler{
		"alone": func(h http.Handler) http.Handler { return h }, "inside HTTP": HTTP,
	} {
		t.Run(name, func(t *testing.T) {
			e := newEcho(Echo())
			e.GET("/n", func(c echo.Context) error { return lookUp(db, c.Request(), len(c.QueryString())) })
			s := serve(t, wrap(e))
			for n := range 3 {
				s.do(t, "GET", "/n?"+strings.Repeat("n", n))
			}
			expect(t, s.events(), seen{"GET /n", 200, 0}, seen{"GET /n", 200, 1}, seen{"GET /n", 200, 2})
		})
	}
}

// TestEchoNamesRequestsBeforeTheyEnd holds that statements drained meanwhile know their route.
func TestEchoNamesRequestsBeforeTheyEnd(t *testing.T) {
	for name, wrap := range map[string]func(http.Handler) http.Handler{
		"alone": func(h http.Handler) http.Handler { return h }, "inside HTTP": HTTP,
	} {
		t.Run(name, func(t *testing.T) {
			e := newEcho(Echo())
			e.GET("/x/:id", func(c echo.Context) error {
				return c.String(200, capture.ScopeOf(c.Request().Context()).Name())
			})
			if _, body := serve(t, wrap(e)).do(t, "GET", "/x/7"); body != "GET /x/:id" {
				t.Errorf("during the request its scope is called %q", body)
			}
		})
	}
}

func TestEchoLeavesMutedRequestsAlone(t *testing.T) {
	e := newEcho(Echo())
	e.GET("/x", func(c echo.Context) error { return c.NoContent(200) })
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.ServeHTTP(w, r.WithContext(capture.Mute(r.Context())))
	}))
	for _, path := range []string{"/x", "/missing"} {
		s.do(t, "GET", path)
	}
	if events := s.events(); len(events) != 0 {
		t.Errorf("recorded %+v", events)
	}
	if name := capture.ScopeOf(capture.Mute(t.Context())).Name(); name != "" {
		t.Errorf("what is muted is called %q", name)
	}
}

package middleware

import (
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// Echo records the requests of an Echo instance or group under their routes. Inside HTTP it only adds the
// route, the error returned and the panic to what HTTP records.
//
// It belongs behind Recover: in front of it a panic is an answer with status 500 like any other. Without HTTP
// around, an error is recorded with the status that Echo's DefaultHTTPErrorHandler, which runs after all
// middleware, will make of it, and what that writes is not counted.
func (c Config) Echo() echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(ec echo.Context) error {
			r := ec.Request()
			if outer := capture.ScopeOf(r.Context()); outer != nil {
				return echoWithin(outer, ec, next)
			}
			if c.Skip != nil && c.Skip(r) {
				return next(ec)
			}
			return c.echoAlone(ec, next)
		}
	}
}

// echoWithin serves a request that another middleware records.
func echoWithin(outer *capture.Scope, c echo.Context, next echo.HandlerFunc) (err error) {
	route(outer, c)
	defer func() {
		routed(outer, c)
		if panicked := recover(); panicked != nil {
			failed(outer, panicked)
			panic(panicked)
		}
		judged(outer, err)
	}()
	return next(c)
}

// echoAlone records a request.
func (c *Config) echoAlone(ec echo.Context, next echo.HandlerFunc) (err error) {
	response, inner := ec.Response(), ec.Response().Writer
	q, w, r := c.begin(inner, ec.Request())
	route(q.ctx.scope, ec)
	ec.SetRequest(r)
	response.Writer = w
	defer func() {
		panicked := recover()
		if response.Writer == w { // unless somebody inside left another one
			response.Writer = inner
		}
		if panicked == nil {
			judged(q.ctx.scope, err)
			if q.status == 0 {
				q.status = status(ec, err)
			}
		}
		routed(q.ctx.scope, ec)
		q.end(panicked)
	}()
	return next(ec)
}

// route names the scope by the method and the route's pattern, which is not known yet in a
// middleware that runs before the router.
func route(scope *capture.Scope, c echo.Context) {
	name(scope, c.Request().Method, c.Path())
}

// routed names the scope when the router has run. An echo that matched nothing has the last word:
// the pattern it is mounted at says less.
func routed(scope *capture.Scope, c echo.Context) {
	if scope.Name() != "" || scope.Muted() {
		return
	}
	route(scope, c)
	if scope.Name() == "" {
		scope.Share(&unmatched)
	}
}

// judged notes an error that a handler returned, unless it is an answer to a client's mistake.
func judged(scope *capture.Scope, err error) {
	if err != nil && codeOf(err) >= 500 {
		returned(scope, err)
	}
}

// status is what the client gets: what was written, or what echo.DefaultHTTPErrorHandler, which
// runs after all middleware, will make of err.
func status(c echo.Context, err error) int {
	if c.Response().Committed || err == nil {
		if sent := c.Response().Status; final(sent) {
			return sent
		}
		return http.StatusOK
	}
	return codeOf(err)
}

// codeOf is the status that echo.DefaultHTTPErrorHandler answers err with.
func codeOf(err error) int {
	failure, ok := err.(*echo.HTTPError)
	if !ok {
		return http.StatusInternalServerError
	}
	if inner, ok := failure.Internal.(*echo.HTTPError); ok {
		failure = inner
	}
	return failure.Code
}

package middleware

import (
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// Echo records the requests of an Echo instance or group under their routes. Inside HTTP it only
// names the request that HTTP records.
func Echo() echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) (err error) {
			if outer := capture.ScopeOf(c.Request().Context()); outer != nil {
				route(outer, c)
				defer func() { routed(outer, c) }()
				return next(c)
			}
			req := begin(c.Request())
			route(req.scope, c)
			c.SetRequest(c.Request().WithContext(req.context(c.Request().Context())))
			defer func() {
				panicked := recover()
				if panicked == nil || c.Response().Committed {
					req.status = status(c, err)
				}
				routed(req.scope, c)
				req.end(panicked)
			}()
			return next(c)
		}
	}
}

// route names the scope by the method and the route's pattern, which is not known yet in a
// middleware that runs before the router.
func route(scope *capture.Scope, c echo.Context) {
	name(scope, c.Request().Method, c.Path())
}

// routed names the scope when the router has run. An echo that matched nothing has the last word:
// the pattern it is mounted at says less.
func routed(scope *capture.Scope, c echo.Context) {
	route(scope, c)
	if scope.Name() == "" && !scope.Muted() {
		scope.SetName(Unmatched)
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
	failure, ok := err.(*echo.HTTPError)
	if !ok {
		return http.StatusInternalServerError
	}
	if inner, ok := failure.Internal.(*echo.HTTPError); ok {
		failure = inner
	}
	return failure.Code
}

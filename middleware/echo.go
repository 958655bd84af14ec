package middleware

import (
	"errors"
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
				if outer.Name() == "" {
					outer.SetName(route(c))
				}
				return next(c)
			}
			req := begin()
			req.scope.SetName(route(c))
			c.SetRequest(c.Request().WithContext(capture.WithScope(c.Request().Context(), req.scope)))
			defer func() {
				panicked := recover()
				req.status = status(c, err)
				if panicked != nil && !c.Response().Committed {
					req.status = 0
				}
				req.end(panicked)
			}()
			return next(c)
		}
	}
}

// route is the method and the route's pattern.
func route(c echo.Context) string {
	if c.Path() == "" {
		return Unmatched
	}
	return c.Request().Method + " " + c.Path()
}

// status is what the client gets: what was written, or what Echo's error handler will make of err,
// which runs after all middleware.
func status(c echo.Context, err error) int {
	var failure *echo.HTTPError
	switch {
	case c.Response().Committed || err == nil:
		return c.Response().Status
	case errors.As(err, &failure):
		return failure.Code
	}
	return http.StatusInternalServerError
}

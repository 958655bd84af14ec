package gate

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// Echo is HTTP for an Echo instance or group. What is not admitted is an echo.HTTPError with status 503, which
// the instance's error handler answers, and the header Retry-After is set.
func (g *Gate) Echo() echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) (err error) {
			r, res := c.Request(), c.Response()
			if g.exempt(r) || g.guards(res.Writer) {
				return next(c)
			}
			p, err := g.Acquire(r.Context(), g.config.Classify(r))
			if err != nil {
				res.Header().Set(echo.HeaderRetryAfter, g.retryAfter())
				res.Header().Set(echo.HeaderCacheControl, "no-store")
				return echo.NewHTTPError(http.StatusServiceUnavailable, overloaded).SetInternal(err)
			}
			inner := res.Writer
			a := &answer{ResponseWriter: inner, gate: g, start: p.start}
			res.Writer = a.writer()
			returned := false
			defer func() {
				res.Writer = inner
				a.end(returned && succeeded(a.status, err), r, c.Path())
			}()
			err = next(c)
			returned = true
			return err
		}
	}
}

// succeeded says that the client gets, or will get from Echo's error handler, no 5xx.
func succeeded(sent int, err error) bool {
	if sent != 0 || err == nil {
		return sent < http.StatusInternalServerError
	}
	failure, ok := err.(*echo.HTTPError)
	if !ok {
		return false
	}
	if inner, ok := failure.Internal.(*echo.HTTPError); ok {
		failure = inner
	}
	return failure.Code < http.StatusInternalServerError
}

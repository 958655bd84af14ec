// Package middleware records HTTP requests, served and sent, and links them to the statements that run with
// their contexts.
//
// HTTP wraps any http.Handler; Echo is the same for Echo v4, where the route, the error and the panic are
// known. Best is HTTP around the whole server, for the status and the bytes that clients get, and Echo behind
// Recover: a request is recorded once, by the outer one. RoundTripper records what an http.Client sends.
//
// What a handler can do with its ResponseWriter stays as it is. Of each request three things are allocated:
// its scope, which events share; its copy with another context; and one record with the writer, the body and
// the context in it. The record is not pooled: a handler may go on to use its writer after it returned, and a
// writer at an address used again would be another client's. Requests are sent to the process-wide recorder,
// which never waits.
package middleware

import (
	"net/http"
	"sync"

	"github.com/labstack/echo/v4"
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// Config configures HTTP and Echo. The zero value works.
type Config struct {
	// ServerTiming adds the header Server-Timing to each answer: the time until it was begun, the time that
	// statements took of it, and how many there were. Browsers show it. Everybody may read it, so it is off by
	// default. https://www.w3.org/TR/server-timing/
	ServerTiming bool

	// Skip says which requests are none of ours, such as health checks: they are served as if there were no
	// middleware, and their statements belong to nobody. By default, none. It runs before each request.
	Skip func(*http.Request) bool

	// Ignore says which routes are not recorded, by name, such as "GET /healthz"; their statements are. By
	// default, none. It runs after each request.
	Ignore func(route string) bool

	// Route says which pattern a request matched where net/http, chi and Echo do not say it, "" if none: see
	// Routes. It runs after each request whose route is unknown, and must not return the path: paths come
	// from strangers.
	Route func(*http.Request) string
}

// HTTP is Config.HTTP without a Config.
func HTTP(next http.Handler) http.Handler { return Config{}.HTTP(next) }

// Echo is Config.Echo without a Config.
func Echo() echo.MiddlewareFunc { return Config{}.Echo() }

// InFlight is how many requests are being served now, in the whole process.
func InFlight() int64 { return capture.InFlight.Load() }

// ring is where all requests go.
var ring = sync.OnceValue(func() *capture.Ring { return capture.Default.Ring() })

// HTTP records the requests that next serves. The route is the pattern that net/http's ServeMux matched, also
// inside next, or chi, if HTTP is one of its middlewares. Where a handler between HTTP and the ServeMux replaces
// the request, an HTTP around the ServeMux or its handlers passes the route on, or Config.Route says it.
func (c Config) HTTP(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if outer := capture.ScopeOf(r.Context()); outer != nil { // an outer middleware records it
			c.within(outer, next, w, r)
			return
		}
		if c.Skip != nil && c.Skip(r) {
			next.ServeHTTP(w, r)
			return
		}
		q, w, r := c.begin(w, r)
		defer func() {
			panicked := recover()
			q.named(r)
			q.end(panicked)
		}()
		next.ServeHTTP(w, r)
	})
}

// within serves a request that another middleware records: it adds the route, unless that is known, and what
// the handler panicked with, which somebody may recover before the other sees it.
func (c *Config) within(outer *capture.Scope, next http.Handler, w http.ResponseWriter, r *http.Request) {
	inner := &carrier{Context: r.Context(), scope: outer}
	if outer.Name() == "" && !outer.Muted() {
		r = r.WithContext(inner)
	}
	defer func() {
		name(outer, r.Method, inner.route(r))
		if panicked := recover(); panicked != nil {
			failed(outer, panicked)
			panic(panicked)
		}
	}()
	next.ServeHTTP(w, r)
}

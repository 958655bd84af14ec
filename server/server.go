// Package server is the admin interface of an Advisor: a JSON API, a live stream and the dashboard.
//
// It is an ordinary http.Handler without state of its own beside limits; Echo is an adapter of a
// few lines. Reading is open to this machine; from elsewhere it needs the bearer token of the Config,
// and changing always does. Nothing is registered on http.DefaultServeMux.
package server

import (
	"cmp"
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/sqliteperf/sqliteperf/advisor"
	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/server/ui"
)

// Config configures the handler. The zero value works.
type Config struct {
	// Token must be sent as "Authorization: Bearer …" to change anything. Default: a random one,
	// which Admin.Token returns.
	Token string

	// Hosts are the values of the Host header that are served, without ports, besides loopback
	// addresses and localhost. Other hosts get 421, so that no other site's name can be pointed here.
	Hosts []string

	// ReadOnly refuses every change, whatever the token.
	ReadOnly bool
}

// Admin serves the admin interface. Its methods are safe for concurrent use.
type Admin struct {
	config  Config
	advisor *advisor.Advisor
	handler http.Handler
	streams chan struct{} // one token per open stream
	changes *replays
	pace    *pace
	ctx     context.Context // ends with Close
	close   context.CancelFunc
}

// New returns an Admin for adv.
func New(adv *advisor.Advisor, c Config) *Admin {
	c.Token = cmp.Or(c.Token, rand.Text())
	a := &Admin{config: c, advisor: adv, streams: make(chan struct{}, maxStreams), changes: newReplays(), pace: &pace{}}
	a.ctx, a.close = context.WithCancel(context.Background())
	mux := http.NewServeMux()
	mux.HandleFunc("GET /stats", a.stats)
	mux.HandleFunc("GET /recommendations", a.recommendations)
	mux.HandleFunc("GET /alerts", a.alerts)
	mux.HandleFunc("GET /audit", a.audit)
	mux.HandleFunc("GET /stream", a.stream)
	mux.HandleFunc("POST /optimize", a.optimize)
	mux.Handle("GET /dashboard", ui.Handler())
	mux.Handle("GET /dashboard/", ui.Handler())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("ok\n")) })
	mux.HandleFunc("/", notFound)
	a.handler = a.guard(mux)
	return a
}

// Token is what changes must be authorized with.
func (a *Admin) Token() string { return a.config.Token }

// Close ends the open streams, which http.Server.Shutdown would wait for: register it with
// RegisterOnShutdown.
func (a *Admin) Close() { a.close() }

// ServeHTTP serves the paths below the prefix it is mounted at, which the caller strips. Neither the
// requests nor their statements are captured, also within the application's middleware.
func (a *Admin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s := capture.ScopeOf(r.Context()); s != nil {
		s.Mute()
	}
	a.handler.ServeHTTP(w, r.WithContext(capture.Mute(r.Context())))
}

// Handler returns an Admin for net/http that serves the paths below /performance, such as
// /performance/dashboard, so that it can be handed to a mux as it is.
func Handler(adv *advisor.Advisor) *Admin {
	a := New(adv, Config{})
	a.handler = http.StripPrefix("/performance", a.handler)
	return a
}

// Mount adds an Admin to an Echo group, such as e.Group("/performance"), and returns it.
func Mount(g *echo.Group, adv *advisor.Advisor) *Admin {
	a := New(adv, Config{})
	a.Mount(g)
	return a
}

// Mount adds the Admin to an Echo group.
func (a *Admin) Mount(g *echo.Group) {
	g.Any("/*", func(c echo.Context) error {
		r := c.Request().Clone(c.Request().Context())
		r.URL.Path, r.URL.RawPath = "/"+c.Param("*"), ""
		a.ServeHTTP(c.Response(), r)
		return nil
	})
}

// policy is the dashboard's Content-Security-Policy: nothing inline, nothing from elsewhere.
const policy = ui.ContentSecurityPolicy

// guard checks every request before it reaches a handler.
func (a *Admin) guard(next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		problem(w, http.StatusForbidden, "cross_origin", "requests from other sites are refused")
	}))
	checked := origin.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		if !a.knownHost(r.Host) {
			problem(w, http.StatusMisdirectedRequest, "unknown_host", "this host name is not served here")
			return
		}
		if clean := path.Clean(r.URL.Path); clean != r.URL.Path && clean+"/" != r.URL.Path {
			notFound(w, r) // ServeMux would redirect to a path without the prefix it does not know
			return
		}
		if !a.mayRead(r) {
			problem(w, http.StatusForbidden, "token_required", "only this machine may read without the token: send it as Authorization: Bearer …")
			return
		}
		checked.ServeHTTP(w, r)
	})
}

// mayRead says whether the request is for the page itself, which shows nothing, comes from this machine
// without a proxy in between, or carries the token.
func (a *Admin) mayRead(r *http.Request) bool {
	path := r.URL.Path
	if path == "/healthz" || path == "/dashboard" || strings.HasPrefix(path, "/dashboard/") || a.authorized(r) {
		return true
	}
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return true // a unix socket has no port
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// knownHost says whether a Host header names this server.
func (a *Admin) knownHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() || strings.EqualFold(host, "localhost") {
		return true
	}
	for _, known := range a.config.Hosts {
		if strings.EqualFold(host, known) {
			return true
		}
	}
	return false
}

// readLimit bounds how long one answer may take to make.
const readLimit = 10 * time.Second

func limited(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(r.Context(), readLimit)
}

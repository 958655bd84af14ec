package gate

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// HTTP lets through to next what the Gate admits. The rest gets 503 with Retry-After at once. The route, by which
// work is held against its own target, is the pattern that net/http's ServeMux matched in next. A permit
// ends with the handler, also by panic, which goes on; with a hijacked connection; and when a stream of
// events begins. Of two adapters of one Gate around each other the inner does nothing.
func (g *Gate) HTTP(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.exempt(r) || g.guards(w) {
			next.ServeHTTP(w, r)
			return
		}
		p, err := g.Acquire(r.Context(), g.config.Classify(r))
		if err != nil {
			g.reject(w)
			return
		}
		a := &answer{ResponseWriter: w, gate: g, start: p.start}
		returned := false
		defer func() { a.end(returned && a.status < http.StatusInternalServerError, r, r.Pattern) }()
		next.ServeHTTP(a.writer(), r)
		returned = true
	})
}

// reject answers that there is no room. Clients that all came back at the same moment would only do it again.
func (g *Gate) reject(w http.ResponseWriter) {
	w.Header().Set("Retry-After", g.retryAfter())
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, overloaded, http.StatusServiceUnavailable)
}

const overloaded = "overloaded, please retry later"

// retryAfter is one to two times Config.RetryAfter in whole seconds.
// https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
func (g *Gate) retryAfter() string {
	least := int((g.config.RetryAfter + time.Second - 1) / time.Second)
	return strconv.Itoa(least + rand.IntN(least+1))
}

// end ends the request's permit, unless that has ended before. What a client no longer waited for is no success.
func (a *answer) end(ok bool, r *http.Request, pattern string) {
	outcome := Done
	if !ok || r.Context().Err() != nil {
		outcome = Failed
	}
	a.release(outcome, a.gate.routes.find(r.Method, pattern))
}

// guards says that a writer is of this Gate already.
func (g *Gate) guards(w http.ResponseWriter) bool {
	for {
		if a, ok := w.(interface{ gatekeeper() *Gate }); ok && a.gatekeeper() == g {
			return true
		}
		inner, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return false
		}
		w = inner.Unwrap()
	}
}

// Package middleware records HTTP requests and links them to the statements that run with their
// contexts.
//
// HTTP wraps any http.Handler; Echo is the same for Echo v4, where the route is known. Both may be
// used together: a request is recorded once, by the outer one. What a handler can do with its
// ResponseWriter stays as it is. Requests are sent to the process-wide recorder, which never waits.
package middleware

import (
	"net/http"
	"sync"

	"github.com/felixge/httpsnoop"
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// Unmatched is the route of requests that no pattern matched: their paths come from strangers and
// are never used as names.
const Unmatched = "<unmatched>"

// ring is where all requests go.
var ring = sync.OnceValue(func() *capture.Ring { return capture.Default.Ring() })

// HTTP records the requests that next serves. The route is the pattern that net/http's ServeMux
// matched, also inside next.
func HTTP(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if capture.ScopeOf(r.Context()) != nil {
			next.ServeHTTP(w, r) // an outer middleware records this request
			return
		}
		req := begin()
		r = r.WithContext(capture.WithScope(r.Context(), req.scope))
		defer func() {
			if r.Pattern != "" {
				req.name(r.Method, r.Pattern)
			}
			req.end(recover())
		}()
		next.ServeHTTP(httpsnoop.Wrap(w, req.hooks()), r)
	})
}

// request is one request between its begin and its end.
type request struct {
	scope  *capture.Scope
	start  capture.Instant
	status int
}

func begin() *request {
	return &request{scope: capture.NewScope(), start: capture.Now()}
}

// hooks see the status without changing what the writer can do. An informational status is
// followed by the real one, but 101 is final. https://www.rfc-editor.org/rfc/rfc9110#section-15.2
func (q *request) hooks() httpsnoop.Hooks {
	return httpsnoop.Hooks{
		WriteHeader: func(next httpsnoop.WriteHeaderFunc) httpsnoop.WriteHeaderFunc {
			return func(code int) {
				if q.status == 0 && (code >= 200 || code == http.StatusSwitchingProtocols) {
					q.status = code
				}
				next(code)
			}
		},
		Write: func(next httpsnoop.WriteFunc) httpsnoop.WriteFunc {
			return func(b []byte) (int, error) {
				if q.status == 0 {
					q.status = http.StatusOK
				}
				return next(b)
			}
		},
	}
}

// name names the request by method and pattern, unless an inner middleware did. A pattern of
// ServeMux may begin with its method.
func (q *request) name(method, pattern string) {
	if q.scope.Name() != "" {
		return
	}
	for i := range len(pattern) {
		if pattern[i] == ' ' {
			q.scope.SetName(pattern)
			return
		}
	}
	q.scope.SetName(method + " " + pattern)
}

// end records the request and goes on with the panic that ended it, if any. http.ErrAbortHandler
// is a handler's way to drop the connection, not a failure.
func (q *request) end(panicked any) {
	status := q.status
	switch {
	case panicked != nil && panicked != http.ErrAbortHandler && status == 0:
		status = http.StatusInternalServerError
	case status == 0:
		status = http.StatusOK // nothing written means 200
	}
	if q.scope.Name() == "" {
		q.scope.SetName(Unmatched)
	}
	total := capture.Since(q.start)
	ring().Record(capture.Event{
		Kind: capture.KindRequest, Status: uint16(status), Start: q.start, First: total, Total: total,
		Rows: q.scope.Statements(), Scope: q.scope,
	})
	if panicked != nil {
		panic(panicked)
	}
}

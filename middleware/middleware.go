// Package middleware records HTTP requests and links them to the statements that run with their
// contexts.
//
// HTTP wraps any http.Handler; Echo is the same for Echo v4, where the route is known. Both may be
// used together: a request is recorded once, by the outer one. What a handler can do with its
// ResponseWriter stays as it is. Requests are sent to the process-wide recorder, which never waits.
package middleware

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
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
// matched, also inside next. Where a handler between HTTP and the ServeMux replaces the request, an
// HTTP around the ServeMux's own handlers passes the route on.
func HTTP(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if outer := capture.ScopeOf(r.Context()); outer != nil { // an outer middleware records it
			defer func() { name(outer, r.Method, r.Pattern) }()
			next.ServeHTTP(w, r)
			return
		}
		req := begin(r)
		r = r.WithContext(req.context(r.Context()))
		defer func() {
			name(req.scope, r.Method, r.Pattern)
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

// begin begins a request.
func begin(r *http.Request) *request {
	q := &request{scope: capture.NewScope(), start: capture.Now()}
	if parent := parentOf(r); parent != nil {
		q.scope.Continue(parent)
	}
	return q
}

// parentOf is the span that the application has around the request, or else the caller's, if the caller says
// which that is. Of a trace whose span here is not exported it is the caller's too; without one it has no ID.
func parentOf(r *http.Request) *capture.Trace {
	own := capture.TraceIn(r.Context())
	if own != nil && own.SpanID != [8]byte{} {
		return own
	}
	if parents := r.Header["Traceparent"]; len(parents) == 1 && len(parents[0]) <= parentBytes {
		caller, ok := capture.ParseTraceparent(parents[0], strings.Join(r.Header["Tracestate"], ","))
		if ok && (own == nil || own.TraceID == caller.TraceID) {
			return caller
		}
	}
	return own
}

// parentBytes bounds a traceparent, which has 55 bytes: a later version may have more, and a stranger a megabyte.
const parentBytes = 512

// context returns ctx with the request's scope and, if somebody traces, its span.
func (q *request) context(ctx context.Context) context.Context {
	return capture.WithTrace(capture.WithScope(ctx, q.scope), q.scope)
}

// hooks see the status without changing what the writer can do. The first call decides it.
func (q *request) hooks() httpsnoop.Hooks {
	return httpsnoop.Hooks{
		WriteHeader: func(next httpsnoop.WriteHeaderFunc) httpsnoop.WriteHeaderFunc {
			return func(code int) { q.sent(code); next(code) }
		},
		Write: func(next httpsnoop.WriteFunc) httpsnoop.WriteFunc {
			return func(b []byte) (int, error) { q.sent(http.StatusOK); return next(b) }
		},
		ReadFrom: func(next httpsnoop.ReadFromFunc) httpsnoop.ReadFromFunc {
			return func(src io.Reader) (int64, error) { q.sent(http.StatusOK); return next(src) }
		},
		Flush: func(next httpsnoop.FlushFunc) httpsnoop.FlushFunc {
			return func() { q.sent(http.StatusOK); next() }
		},
		Hijack: func(next httpsnoop.HijackFunc) httpsnoop.HijackFunc {
			return func() (net.Conn, *bufio.ReadWriter, error) {
				conn, buffered, err := next()
				if err == nil {
					q.sent(http.StatusSwitchingProtocols)
				}
				return conn, buffered, err
			}
		},
	}
}

// sent notes the status, unless one was sent before.
func (q *request) sent(code int) {
	if q.status == 0 && final(code) {
		q.status = code
	}
}

// final says that no other status follows: an informational one is followed by the real one, but
// 101 is the last of HTTP. https://www.rfc-editor.org/rfc/rfc9110#section-15.2
func final(code int) bool { return code >= 200 || code == http.StatusSwitchingProtocols }

// name names the scope by method and pattern, unless an inner middleware did. A pattern of
// ServeMux may begin with its method. Methods that HTTP does not define come from strangers, as
// unmatched paths do. https://opentelemetry.io/docs/specs/semconv/http/http-spans/
func name(scope *capture.Scope, method, pattern string) {
	switch {
	case pattern == "" || scope.Muted() || scope.Name() != "":
	case strings.ContainsAny(pattern, " \t"):
		scope.SetName(pattern)
	case slices.Contains(methods, method):
		scope.SetName(method + " " + pattern)
	default:
		scope.SetName("_OTHER " + pattern)
	}
}

var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
	http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace,
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
	q.scope.End()
	if !q.scope.Muted() {
		total := capture.Since(q.start)
		ring().Record(capture.Event{
			Kind: capture.KindRequest, Status: uint16(status), Start: q.start, First: total, Total: total,
			Rows: q.scope.Statements(), Scope: q.scope,
		})
	}
	if panicked != nil {
		panic(panicked)
	}
}

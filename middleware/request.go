package middleware

import (
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// request is one request between its begin and its end. Its fields belong to whoever may use the
// ResponseWriter; once done is set, they belong to nobody and stay as they are.
type request struct {
	config *Config
	ctx    carrier
	body   body
	outer  http.ResponseWriter

	start    capture.Instant
	first    time.Duration // until the answer was begun
	written  int64         // bytes of the body
	status   int           // 0 until the answer was begun
	bodiless bool          // what is written is no body, or nobody counts it any more
	hijacked bool
	done     atomic.Bool
}

// begin begins a request: next is to be served with the writer and the request returned.
func (c *Config) begin(w http.ResponseWriter, r *http.Request) (*request, http.ResponseWriter, *http.Request) {
	start := capture.Now()
	q, wrapped := wrap(w)
	q.config, q.outer, q.start = c, w, start
	q.bodiless = r.Method == http.MethodHead
	scope := capture.NewScope()
	if parent := parentOf(r); parent != nil {
		scope.Continue(parent)
	}
	q.ctx.Context, q.ctx.scope = r.Context(), scope
	r = r.WithContext(capture.WithTrace(&q.ctx, scope))
	if r.Body != nil && r.Body != http.NoBody {
		q.body.ReadCloser = r.Body
		r.Body = &q.body
	}
	capture.InFlight.Add(1)
	return q, wrapped, r
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

// send notes that the answer begins with code, unless it began before.
func (q *request) send(code int) {
	if q.status != 0 || !final(code) || q.done.Load() {
		return
	}
	q.begun(code)
	if code == http.StatusSwitchingProtocols || code == http.StatusNoContent || code == http.StatusNotModified {
		q.bodiless = true
	}
	if q.config.ServerTiming {
		q.timing(q.first)
	}
}

// begun notes the status and the time, which is never 0: clocks may be coarse.
func (q *request) begun(code int) {
	q.status, q.first = code, max(1, capture.Since(q.start))
}

// final says that no other status follows: an informational one is followed by the real one, but
// 101 is the last of HTTP. https://www.rfc-editor.org/rfc/rfc9110#section-15.2
func final(code int) bool {
	return code >= 200 && code <= 999 || code == http.StatusSwitchingProtocols // net/http panics at others
}

// wrote counts n bytes of the body.
func (q *request) wrote(n int64) {
	if n > 0 && !q.bodiless && !q.done.Load() {
		q.written += n
	}
}

// hijack notes that the handler has the connection now: what it writes there is not seen.
func (q *request) hijack() {
	if !q.done.Load() {
		if q.status == 0 {
			q.begun(http.StatusSwitchingProtocols)
		}
		q.hijacked, q.bodiless = true, true
	}
}

// end records the request and goes on with the panic that ended it, if any. http.ErrAbortHandler
// is a handler's way to drop the connection, not a failure.
func (q *request) end(panicked any) {
	scope, now := q.ctx.scope, capture.Now()
	total := time.Duration(now - q.start)
	failed(scope, panicked)
	if q.config.ServerTiming && q.first == 0 && panicked == nil {
		q.timing(total)
	}
	if scope.Name() == "" {
		scope.Share(&unmatched)
	}
	scope.EndAt(now)
	capture.InFlight.Add(-1)
	if !scope.Muted() && (q.config.Ignore == nil || !q.config.Ignore(scope.Name())) {
		ev := q.event(total, panicked)
		ring().Add(&ev)
	}
	q.done.Store(true)
	if panicked != nil {
		panic(panicked)
	}
}

// event is the record of a request that took total.
func (q *request) event(total time.Duration, panicked any) capture.Event {
	scope := q.ctx.scope
	ev := capture.Event{
		Kind: capture.KindRequest, Status: uint16(q.status), Start: q.start, First: q.first, Total: total,
		Rows: scope.Statements(), Scope: scope,
	}
	ev.SetBytes(q.body.n.Load(), q.written)
	if q.first == 0 {
		ev.First = total // net/http begins the answer when the handler has returned
	}
	ev.Total = max(ev.Total, ev.First)
	if ev.Status == 0 {
		ev.Status = http.StatusOK // nothing written means 200
		if panicked != nil && panicked != http.ErrAbortHandler {
			ev.Status = http.StatusInternalServerError
		}
	}
	if q.status != 0 && q.outer.Header().Get("Content-Encoding") != "" {
		ev.Flags |= capture.FlagEncoded
	}
	switch {
	case q.hijacked:
		ev.Flags |= capture.FlagHijacked
	case q.ctx.left():
		ev.Flags |= capture.FlagGone
	}
	blame(&ev, scope.Failure())
	return ev
}

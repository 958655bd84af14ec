package middleware

import (
	"context"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// RoundTripper records the HTTP requests that go through base, until their answers' bodies are closed or read
// to the end; nil is http.DefaultTransport. Redirects and retries of http.Client are requests of their own.
//
// A request is named by method, host and path, with placeholders for what looks like a value: see nameOf. If its
// context is that of a request being served, it belongs to that, and the other service is told of its span,
// unless the request has a traceparent already. Requests of the toolkit's own are not recorded.
func RoundTripper(base http.RoundTripper) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	if t, ok := base.(*transport); ok {
		return t // twice would be recorded twice
	}
	return &transport{base}
}

type transport struct{ base http.RoundTripper }

// RoundTrip implements http.RoundTripper. It changes a copy of r.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	scope := capture.ScopeOf(r.Context())
	if scope.Muted() || r.URL == nil {
		return t.base.RoundTrip(r)
	}
	o := &outgoing{scope: scope, site: clientSite(), name: targets.of(nameOf(r))}
	r = o.prepare(r)
	o.start = capture.Now()
	answer, err := t.base.RoundTrip(r)
	o.first = capture.Since(o.start)
	if err != nil || answer == nil {
		o.end(classify(err))
		return answer, err
	}
	o.status = answer.StatusCode
	o.follow(answer)
	return answer, nil
}

// CloseIdleConnections is for http.Client's method of that name.
func (t *transport) CloseIdleConnections() {
	if c, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// outgoing is one request sent, and the body of its answer.
type outgoing struct {
	io.ReadCloser // the answer's body

	name   *capture.Statement
	scope  *capture.Scope
	site   *capture.Site
	span   *capture.Trace // nil if nobody was told
	start  capture.Instant
	first  time.Duration // until the answer's header was there
	status int

	sent     atomic.Int64 // bytes of the request's body
	received atomic.Int64 // bytes of the answer's
	ended    atomic.Bool
}

// prepare is r, or a copy with what the other service is told of.
func (o *outgoing) prepare(r *http.Request) *http.Request {
	parent := o.parent(r.Context())
	if len(r.Header["Traceparent"]) > 0 {
		parent = nil // somebody nearer to the request has a span
	}
	uncounted := r.ContentLength <= 0 && r.Body != nil && r.Body != http.NoBody
	if r.ContentLength > 0 {
		o.sent.Store(r.ContentLength)
	}
	if parent == nil && !uncounted {
		return r
	}
	r = r.WithContext(r.Context())
	if uncounted {
		r.Body = &question{r.Body, o}
	}
	if parent != nil {
		o.tell(r, parent)
	}
	return r
}

// tell adds the headers of a span under parent to r, which is a copy.
func (o *outgoing) tell(r *http.Request, parent *capture.Trace) {
	o.span = parent.Child()
	o.span.Sampled = capture.Sampled(parent)
	if r.Header = r.Header.Clone(); r.Header == nil {
		r.Header = http.Header{}
	}
	r.Header.Set("Traceparent", o.span.Traceparent())
	if o.span.State != "" && len(r.Header["Tracestate"]) == 0 {
		r.Header.Set("Tracestate", o.span.State)
	}
}

// parent is the application's own span, or that of the request being served; nil if there is neither.
func (o *outgoing) parent(ctx context.Context) *capture.Trace {
	if own := capture.TraceIn(ctx); own != nil && own.SpanID != [8]byte{} {
		return own
	}
	if o.scope == nil {
		return nil
	}
	return o.scope.Trace()
}

// follow has the body of the answer, if there is one, say when it ends. Where the protocol changes, the body is
// a connection, and stays one.
func (o *outgoing) follow(answer *http.Response) {
	if answer.Body == nil || answer.Body == http.NoBody || answer.StatusCode == http.StatusSwitchingProtocols {
		o.end(capture.ErrorNone)
		return
	}
	o.ReadCloser = answer.Body
	answer.Body = o
}

// Read reads from the answer's body.
func (o *outgoing) Read(p []byte) (int, error) {
	n, err := o.ReadCloser.Read(p)
	o.received.Add(int64(n))
	switch {
	case err == io.EOF:
		o.end(capture.ErrorNone)
	case err != nil:
		o.end(classify(err))
	}
	return n, err
}

// Close closes the answer's body.
func (o *outgoing) Close() error {
	err := o.ReadCloser.Close()
	o.end(capture.ErrorNone)
	return err
}

// end records the request, once.
func (o *outgoing) end(class capture.ErrorClass) {
	if !o.ended.CompareAndSwap(false, true) {
		return
	}
	ev := capture.Event{
		Kind: capture.KindOutgoing, Status: uint16(o.status), Error: class, Start: o.start, First: o.first,
		Total: capture.Since(o.start), Statement: o.name, Scope: o.scope, Site: o.site, Trace: o.span,
	}
	ev.SetBytes(o.sent.Load(), o.received.Load())
	if o.scope != nil && o.scope.Ended(o.start) {
		ev.Flags |= capture.FlagLate
	}
	ring().Add(&ev)
}

// question is the body of a request whose length is not known before.
type question struct {
	io.ReadCloser
	o *outgoing
}

func (q *question) Read(p []byte) (int, error) {
	n, err := q.ReadCloser.Read(p)
	q.o.sent.Add(int64(n))
	return n, err
}

// clientSite is the line that called http.Client, or else the transport.
func clientSite() *capture.Site {
	var pcs [48]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	var first, client *capture.Site
	for asked := false; client == nil; {
		f, more := frames.Next()
		http := strings.HasPrefix(f.Function, "net/http.")
		switch {
		case strings.HasPrefix(f.Function, "net/http.(*Client)."):
			asked = true
		case f.Function == "" || http:
		case asked:
			client = &capture.Site{Function: f.Function, File: f.File, Line: f.Line}
		case first == nil:
			first = &capture.Site{Function: f.Function, File: f.File, Line: f.Line}
		}
		if !more {
			break
		}
	}
	if client == nil {
		client = first
	}
	if client == nil {
		return nil
	}
	return capture.SiteOf(*client)
}

package middleware

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// carrier is the context of a request. It carries the scope, and notes the router that handlers ask for.
type carrier struct {
	context.Context
	scope  *capture.Scope
	router atomic.Pointer[router]
}

// router is what chi has in the context of a request: it knows the pattern, of all its routers together, as
// soon as they matched. https://pkg.go.dev/github.com/go-chi/chi/v5#Context.RoutePattern
type router interface{ RoutePattern() string }

// Value is the scope for those who ask for it. chi asks for its own context before it routes.
func (c *carrier) Value(key any) any {
	if capture.AsksScope(key) {
		return c.scope
	}
	v := c.Context.Value(key)
	if r, ok := v.(router); ok {
		c.note(r)
	}
	return v
}

func (c *carrier) note(r router) { c.router.Store(&r) }

// String keeps a context that is printed from showing all of the request.
func (c *carrier) String() string { return "sqlite-perf request" }

// route is the pattern that the request matched, as far as its routers say. chi gives the request only the part
// that its last router matched.
func (c *carrier) route(r *http.Request) string {
	if router := c.router.Load(); router != nil {
		return (*router).RoutePattern()
	}
	return r.Pattern
}

// left says that the client closed the connection, or the stream, since net/http cancels its requests then. A
// deadline that passed is another matter.
func (c *carrier) left() bool { return c.Context.Err() == context.Canceled }

// body counts what is read of a request's body, also by goroutines that the handler leaves behind.
type body struct {
	io.ReadCloser
	n atomic.Int64
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n.Add(int64(n))
	return n, err
}

//lint:file-ignore SA1019 http.CloseNotifier is old, and what the server's writer can do stays

package middleware

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/felixge/httpsnoop"
)

// controlled is what net/http's writers can do in both versions of HTTP.
type controlled interface {
	http.ResponseWriter
	http.Flusher
	http.CloseNotifier
	io.StringWriter
	FlushError() error
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
	EnableFullDuplex() error
}

// The shapes of net/http's writers, and those that can do more.
type (
	shape1 interface {
		controlled
		http.Hijacker
		io.ReaderFrom
	}
	shape2 interface {
		controlled
		http.Pusher
	}
	hijackingPusher interface {
		shape2
		http.Hijacker
	}
	readingPusher interface {
		shape2
		io.ReaderFrom
	}
)

// wrap returns w, seen by a request, which is to be filled. The writer returned can do exactly what w can, and
// Unwrap. So it has FlushError only if w has: http.ResponseController finds by Unwrap what w hides.
//
// Two types cover what net/http gives to handlers, since httpsnoop, which covers every shape, makes a closure for
// each method: 15 allocations per request.
func wrap(w http.ResponseWriter) (*request, http.ResponseWriter) {
	switch inner := w.(type) {
	case hijackingPusher, readingPusher:
	case shape1:
		w1 := &writer1{inner: inner}
		return &w1.request, w1
	case shape2:
		w2 := &writer2{inner: inner}
		return &w2.request, w2
	}
	q := &request{}
	return q, httpsnoop.Wrap(w, q.hooks())
}

// writer1 is a writer with the shape of HTTP/1's.
type writer1 struct {
	request
	inner shape1
}

func (w *writer1) Header() http.Header                   { return w.inner.Header() }
func (w *writer1) WriteHeader(code int)                  { w.send(code); w.inner.WriteHeader(code) }
func (w *writer1) Write(b []byte) (int, error)           { return w.count(b, w.inner) }
func (w *writer1) WriteString(s string) (int, error)     { return w.countString(s, w.inner) }
func (w *writer1) Flush()                                { w.send(http.StatusOK); w.inner.Flush() }
func (w *writer1) FlushError() error                     { w.send(http.StatusOK); return w.inner.FlushError() }
func (w *writer1) CloseNotify() <-chan bool              { return w.inner.CloseNotify() }
func (w *writer1) SetReadDeadline(at time.Time) error    { return w.inner.SetReadDeadline(at) }
func (w *writer1) SetWriteDeadline(at time.Time) error   { return w.inner.SetWriteDeadline(at) }
func (w *writer1) EnableFullDuplex() error               { return w.inner.EnableFullDuplex() }
func (w *writer1) Unwrap() http.ResponseWriter           { return w.inner }
func (w *writer1) ReadFrom(src io.Reader) (int64, error) { return w.countAll(src, w.inner) }

func (w *writer1) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := w.inner.Hijack()
	if err == nil {
		w.hijack()
	}
	return conn, buffered, err
}

// writer2 is a writer with the shape of HTTP/2's.
type writer2 struct {
	request
	inner shape2
}

func (w *writer2) Header() http.Header                 { return w.inner.Header() }
func (w *writer2) WriteHeader(code int)                { w.send(code); w.inner.WriteHeader(code) }
func (w *writer2) Write(b []byte) (int, error)         { return w.count(b, w.inner) }
func (w *writer2) WriteString(s string) (int, error)   { return w.countString(s, w.inner) }
func (w *writer2) Flush()                              { w.send(http.StatusOK); w.inner.Flush() }
func (w *writer2) FlushError() error                   { w.send(http.StatusOK); return w.inner.FlushError() }
func (w *writer2) CloseNotify() <-chan bool            { return w.inner.CloseNotify() }
func (w *writer2) SetReadDeadline(at time.Time) error  { return w.inner.SetReadDeadline(at) }
func (w *writer2) SetWriteDeadline(at time.Time) error { return w.inner.SetWriteDeadline(at) }
func (w *writer2) EnableFullDuplex() error             { return w.inner.EnableFullDuplex() }
func (w *writer2) Unwrap() http.ResponseWriter         { return w.inner }

func (w *writer2) Push(target string, options *http.PushOptions) error {
	return w.inner.Push(target, options)
}

// count, countString and countAll let inner write what they count.
func (q *request) count(b []byte, inner io.Writer) (int, error) {
	q.send(http.StatusOK)
	n, err := inner.Write(b)
	q.wrote(int64(n))
	return n, err
}

func (q *request) countString(s string, inner io.StringWriter) (int, error) {
	q.send(http.StatusOK)
	n, err := inner.WriteString(s)
	q.wrote(int64(n))
	return n, err
}

func (q *request) countAll(src io.Reader, inner io.ReaderFrom) (int64, error) {
	q.send(http.StatusOK)
	n, err := inner.ReadFrom(src)
	q.wrote(n)
	return n, err
}

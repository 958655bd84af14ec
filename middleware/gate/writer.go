package gate

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
)

// answer is the ResponseWriter of an admitted request: it sees the status, and when the request becomes something
// that stays open.
type answer struct {
	http.ResponseWriter
	gate   *Gate
	start  int64
	status int
	ended  atomic.Bool
}

func (a *answer) gatekeeper() *Gate { return a.gate }

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// release ends the permit once.
func (a *answer) release(o Outcome, r *route) {
	if a.ended.CompareAndSwap(false, true) {
		a.gate.release(a.start, o, r)
	}
}

// sent notes the status, unless one was sent before. Informational ones are followed by the real one.
func (a *answer) sent(code int) {
	if a.status != 0 || code < 200 && code != http.StatusSwitchingProtocols {
		return
	}
	a.status = code
	if code == http.StatusSwitchingProtocols || streams(a.Header()) {
		a.release(Ignored, nil)
	}
}

func streams(h http.Header) bool {
	of := h["Content-Type"]
	return len(of) > 0 && len(of[0]) >= len(eventStream) && strings.EqualFold(of[0][:len(eventStream)], eventStream)
}

func (a *answer) WriteHeader(code int) {
	a.sent(code)
	a.ResponseWriter.WriteHeader(code)
}

func (a *answer) Write(b []byte) (int, error) {
	a.sent(http.StatusOK)
	return a.ResponseWriter.Write(b)
}

func (a *answer) WriteString(s string) (int, error) {
	a.sent(http.StatusOK)
	return io.WriteString(a.ResponseWriter, s)
}

// The abilities that a writer may have besides. Handlers ask for them by assertion, and must find exactly those
// that the server's writer has.
type (
	flusher    struct{ a *answer }
	hijacker   struct{ a *answer }
	readerFrom struct{ a *answer }
	pusher     struct{ a *answer }
)

func (f flusher) Flush() {
	f.a.sent(http.StatusOK)
	f.a.ResponseWriter.(http.Flusher).Flush()
}

func (f flusher) FlushError() error {
	f.a.sent(http.StatusOK)
	return http.NewResponseController(f.a.ResponseWriter).Flush()
}

func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := h.a.ResponseWriter.(http.Hijacker).Hijack()
	if err == nil {
		h.a.release(Ignored, nil)
	}
	return conn, buffered, err
}

func (f readerFrom) ReadFrom(src io.Reader) (int64, error) {
	f.a.sent(http.StatusOK)
	return f.a.ResponseWriter.(io.ReaderFrom).ReadFrom(src)
}

func (p pusher) Push(target string, o *http.PushOptions) error {
	return p.a.ResponseWriter.(http.Pusher).Push(target, o)
}

// writer is the answer with the abilities of the writer inside. HTTP/1 of net/http has the first three, HTTP/2
// flushes and pushes.
func (a *answer) writer() http.ResponseWriter {
	w := a.ResponseWriter
	_, f := w.(http.Flusher)
	_, h := w.(http.Hijacker)
	_, r := w.(io.ReaderFrom)
	_, p := w.(http.Pusher)
	switch {
	case f && h && r && p:
		return struct {
			*answer
			flusher
			hijacker
			readerFrom
			pusher
		}{a, flusher{a}, hijacker{a}, readerFrom{a}, pusher{a}}
	case f && h && r:
		return struct {
			*answer
			flusher
			hijacker
			readerFrom
		}{a, flusher{a}, hijacker{a}, readerFrom{a}}
	}
	return a.rare(f, h, r, p)
}

// rare has the shapes of HTTP/2 and of other middlewares. One that no one is known to have loses what it has beyond
// flushing, pushing and hijacking, for which http.ResponseController looks inside.
func (a *answer) rare(f, h, r, p bool) http.ResponseWriter {
	switch {
	case f && h:
		return struct {
			*answer
			flusher
			hijacker
		}{a, flusher{a}, hijacker{a}}
	case f && p:
		return struct {
			*answer
			flusher
			pusher
		}{a, flusher{a}, pusher{a}}
	case f && r:
		return struct {
			*answer
			flusher
			readerFrom
		}{a, flusher{a}, readerFrom{a}}
	case f:
		return struct {
			*answer
			flusher
		}{a, flusher{a}}
	case h:
		return struct {
			*answer
			hijacker
		}{a, hijacker{a}}
	}
	return a
}

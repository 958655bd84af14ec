package middleware

import (
	"bufio"
	"io"
	"net"
	"net/http"

	"github.com/felixge/httpsnoop"
)

// hooks see what a writer of any shape does.
func (q *request) hooks() httpsnoop.Hooks {
	return httpsnoop.Hooks{
		WriteHeader: func(next httpsnoop.WriteHeaderFunc) httpsnoop.WriteHeaderFunc {
			return func(code int) { q.send(code); next(code) }
		},
		Write: func(next httpsnoop.WriteFunc) httpsnoop.WriteFunc {
			return func(b []byte) (int, error) { return q.count(b, writeFunc(next)) }
		},
		WriteString: func(next httpsnoop.WriteStringFunc) httpsnoop.WriteStringFunc {
			return func(s string) (int, error) { return q.countString(s, writeStringFunc(next)) }
		},
		ReadFrom: func(next httpsnoop.ReadFromFunc) httpsnoop.ReadFromFunc {
			return func(src io.Reader) (int64, error) { return q.countAll(src, readFromFunc(next)) }
		},
		Flush: func(next httpsnoop.FlushFunc) httpsnoop.FlushFunc {
			return func() { q.send(http.StatusOK); next() }
		},
		FlushError: func(next httpsnoop.FlushErrorFunc) httpsnoop.FlushErrorFunc {
			return func() error { q.send(http.StatusOK); return next() }
		},
		Hijack: func(next httpsnoop.HijackFunc) httpsnoop.HijackFunc {
			return func() (net.Conn, *bufio.ReadWriter, error) {
				conn, buffered, err := next()
				if err == nil {
					q.hijack()
				}
				return conn, buffered, err
			}
		},
	}
}

// The functions of httpsnoop as the interfaces that they stand for.
type (
	writeFunc       httpsnoop.WriteFunc
	writeStringFunc httpsnoop.WriteStringFunc
	readFromFunc    httpsnoop.ReadFromFunc
)

func (f writeFunc) Write(b []byte) (int, error)              { return f(b) }
func (f writeStringFunc) WriteString(s string) (int, error)  { return f(s) }
func (f readFromFunc) ReadFrom(src io.Reader) (int64, error) { return f(src) }

//lint:file-ignore SA1019 old abilities are abilities

package middleware

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"go/format"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/felixge/httpsnoop"
	"github.com/google/go-cmp/cmp"
)

// Parts of what a ResponseWriter may be able to do, in two groups, of which any subset is an interface.
type (
	writing   = http.ResponseWriter
	flushing  = http.Flusher
	failing   = interface{ FlushError() error }
	hijacking = http.Hijacker

	reading    = io.ReaderFrom
	texting    = io.StringWriter
	pushing    = http.Pusher
	controling = interface {
		CloseNotify() <-chan bool
		SetReadDeadline(time.Time) error
		SetWriteDeadline(time.Time) error
		EnableFullDuplex() error
	}
)

var (
	someParts = []string{"flushing", "failing", "hijacking"}
	moreParts = []string{"reading", "texting", "pushing", "controling"}
)

// able can do everything, and notes what it did.
type able struct {
	header http.Header
	did    []string
}

func (a *able) note(what string, args ...any) { a.did = append(a.did, what+fmt.Sprint(args...)) }

func (a *able) Header() http.Header  { a.note("Header"); return a.header }
func (a *able) WriteHeader(code int) { a.note("WriteHeader", code) }
func (a *able) Write(b []byte) (int, error) {
	a.note("Write", string(b))
	return len(b), io.ErrShortWrite
}
func (a *able) WriteString(s string) (int, error) {
	a.note("WriteString", s)
	return len(s), io.ErrShortWrite
}
func (a *able) ReadFrom(src io.Reader) (int64, error) {
	all, _ := io.ReadAll(src)
	a.note("ReadFrom", string(all))
	return int64(len(all)), io.ErrNoProgress
}
func (a *able) Flush()                             { a.note("Flush") }
func (a *able) FlushError() error                  { a.note("FlushError"); return io.ErrClosedPipe }
func (a *able) CloseNotify() <-chan bool           { a.note("CloseNotify"); return nil }
func (a *able) SetReadDeadline(at time.Time) error { a.note("SetReadDeadline", at); return io.EOF }
func (a *able) SetWriteDeadline(at time.Time) error {
	a.note("SetWriteDeadline", at)
	return io.ErrUnexpectedEOF
}
func (a *able) EnableFullDuplex() error { a.note("EnableFullDuplex"); return io.ErrNoProgress }
func (a *able) Push(target string, _ *http.PushOptions) error {
	a.note("Push", target)
	return http.ErrNotSupported
}
func (a *able) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	a.note("Hijack")
	return nil, nil, io.ErrClosedPipe
}

// exercise uses all that w says it can do and lists the outcomes.
func exercise(w http.ResponseWriter) (list []string) {
	out := func(what string, args ...any) { list = append(list, what+" "+fmt.Sprint(args...)) }
	w.Header().Set("A", "b")
	w.WriteHeader(103)
	if p, ok := w.(http.Pusher); ok {
		out("Push", p.Push("/x", nil))
	}
	if h, ok := w.(http.Hijacker); ok {
		_, _, err := h.Hijack()
		out("Hijack", err)
	}
	if c, ok := w.(controling); ok {
		out("controls", c.CloseNotify(), c.SetReadDeadline(time.Time{}), c.SetWriteDeadline(time.Time{}), c.EnableFullDuplex())
	}
	w.WriteHeader(201)
	n, err := w.Write([]byte("one"))
	out("Write", n, err)
	n, err = io.WriteString(w, "two")
	out("WriteString", n, err)
	copied, err := io.Copy(w, onlyReader{strings.NewReader("three")})
	out("Copy", copied, err)
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
	out("controller", http.NewResponseController(w).Flush())
	return list
}

// onlyReader hides WriterTo.
type onlyReader struct{ io.Reader }

func abilitiesOf(w http.ResponseWriter) map[string]bool {
	set := map[string]bool{}
	for name, ability := range abilities {
		set[name] = reflect.TypeOf(w).Implements(ability)
	}
	return set
}

// TestAnyShapeStaysAsItIs holds all combinations of abilities against httpsnoop and against no middleware.
func TestAnyShapeStaysAsItIs(t *testing.T) {
	if want := 1 << (len(someParts) + len(moreParts)); len(shapes) != want {
		t.Fatalf("%d shapes, want %d: run with -update", len(shapes), want)
	}
	own := 0
	for i, shape := range shapes {
		bare, snooped, ours := &able{header: http.Header{}}, &able{header: http.Header{}}, &able{header: http.Header{}}
		inner := shape(ours)
		q, w, _ := new(Config).begin(inner, httptest.NewRequest("GET", "/", nil))
		if _, ok := w.(*writer1); ok {
			own++
		}
		if _, ok := w.(*writer2); ok {
			own++
		}
		reference := httpsnoop.Wrap(shape(snooped), httpsnoop.Hooks{})
		if diff := cmp.Diff(abilitiesOf(reference), abilitiesOf(w)); diff != "" {
			t.Errorf("shape %d: - httpsnoop, + ours:\n%s", i, diff)
		}
		if diff := cmp.Diff(abilitiesOf(inner), abilitiesOf(w)); diff != "" {
			t.Errorf("shape %d: - bare, + ours:\n%s", i, diff)
		}
		want := exercise(shape(bare))
		if diff := cmp.Diff(want, exercise(w)); diff != "" {
			t.Errorf("shape %d: results: - bare, + ours:\n%s", i, diff)
		}
		exercise(reference)
		if diff := cmp.Diff(bare.did, ours.did); diff != "" {
			t.Errorf("shape %d: calls: - bare, + ours:\n%s", i, diff)
		}
		if diff := cmp.Diff(snooped.did, ours.did); diff != "" {
			t.Errorf("shape %d: calls: - httpsnoop, + ours:\n%s", i, diff)
		}
		if ev := q.event(1, nil); ev.Status != 201 || ev.AnswerBytes() != int64(len("onetwothree")) || ev.Flags != 0 {
			t.Errorf("shape %d: recorded %+v", i, ev)
		}
		q.end(nil)
	}
	if own != 2 {
		t.Errorf("%d shapes have a type of ours, want those of HTTP/1 and HTTP/2", own)
	}
}

var update = flag.Bool("update", false, "write shapes_test.go")

// TestShapesAreAllThere holds shapes_test.go to what it is generated as.
func TestShapesAreAllThere(t *testing.T) {
	want := shapesFile(t)
	if *update {
		if err := os.WriteFile("shapes_test.go", want, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile("shapes_test.go"); err != nil || !bytes.Equal(have, want) {
		t.Errorf("shapes_test.go is not what -update writes, %v", err)
	}
}

func shapesFile(t *testing.T) []byte {
	var b bytes.Buffer
	b.WriteString("// Code generated by go test -run TestShapesAreAllThere -update; DO NOT EDIT.\n\npackage middleware\n\nimport \"net/http\"\n\ntype (\n")
	some := subsets(&b, "some", append([]string{"writing"}, someParts...), 1)
	more := subsets(&b, "more", moreParts, 0)
	b.WriteString(")\n\n// shapes are writers with each combination of abilities.\nvar shapes = []func(*able) http.ResponseWriter{\n")
	for s := range some {
		for m := range more {
			fmt.Fprintf(&b, "func(a *able) http.ResponseWriter { return struct { some%d; more%d }{a, a} },\n", s, m)
		}
	}
	b.WriteString("}\n")
	text, err := format.Source(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// subsets writes an interface for each subset of parts, of which the first are in all, and counts them.
func subsets(b *bytes.Buffer, name string, parts []string, fixed int) int {
	n := 1 << (len(parts) - fixed)
	for set := range n {
		fmt.Fprintf(b, "%s%d interface {\n%s\n", name, set, strings.Join(parts[:fixed], "\n"))
		for i, part := range parts[fixed:] {
			if set&(1<<i) != 0 {
				b.WriteString(part + "\n")
			}
		}
		b.WriteString("}\n")
	}
	return n
}

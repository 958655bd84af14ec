package middleware

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sqliteperf/sqliteperf/internal/capture"
	"pgregory.net/rapid"
)

// client is an http.Client whose requests are recorded, and who keeps no connections.
func client(t *testing.T) *http.Client {
	base := &http.Transport{}
	c := &http.Client{Transport: RoundTripper(base)}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// sent are the requests sent that were recorded.
func (s *site) sent() (list []capture.Event) {
	for _, ev := range s.events() {
		if ev.Kind == capture.KindOutgoing {
			list = append(list, ev)
		}
	}
	return list
}

func (s *site) onlySent(t *testing.T) capture.Event {
	t.Helper()
	list := s.sent()
	if len(list) != 1 {
		t.Fatalf("%d requests sent are recorded, want one", len(list))
	}
	return list[0]
}

func TestOutgoingIsRecordedWhenTheBodyEnds(t *testing.T) {
	for name, test := range map[string]struct {
		consume  func(io.ReadCloser) error
		received int64
	}{
		"read":   {func(b io.ReadCloser) error { _, err := io.ReadAll(b); return errors.Join(err, b.Close(), b.Close()) }, 100},
		"closed": {func(b io.ReadCloser) error { return b.Close() }, 0},
		"read in part": {func(b io.ReadCloser) error {
			_, err := io.ReadFull(b, make([]byte, 7))
			return errors.Join(err, b.Close())
		}, 7},
		"read, no Close ": {func(b io.ReadCloser) error { _, err := io.ReadAll(b); return err }, 100},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				io.WriteString(w, filler)
			}))
			r, err := http.NewRequest("POST", s.URL+"/users/7?secret=1", strings.NewReader("question"))
			if err != nil {
				t.Fatal(err)
			}
			answer, err := client(t).Do(r)
			if err != nil {
				t.Fatal(err)
			}
			if list := s.sent(); len(list) != 0 {
				t.Errorf("recorded before the body was read: %+v", list)
			}
			tick()
			if err := test.consume(answer.Body); err != nil {
				t.Error(err)
			}
			ev := s.onlySent(t)
			name := "POST " + s.Listener.Addr().String() + "/users/{id}"
			if ev.Statement.Fingerprint != name || ev.Status != 200 || ev.Error != capture.ErrorNone || ev.RequestBytes() != 8 || ev.AnswerBytes() != test.received {
				t.Errorf("%q: %+v", ev.Statement.Fingerprint, ev)
			}
			if ev.First <= 0 || ev.First >= ev.Total || ev.Scope != nil || ev.Trace != nil {
				t.Errorf("%+v", ev)
			}
			if ev.Site == nil || !strings.Contains(ev.Site.Function, "TestOutgoingIsRecorded") {
				t.Errorf("called at %v", ev.Site)
			}
		})
	}
}

// TestOutgoingBelongsToTheRequest: it is of the request's scope, and its span is the request's child.
func TestOutgoingBelongsToTheRequest(t *testing.T) {
	var told []http.Header
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { told = append(told, r.Header) }))
	defer other.Close()
	c := client(t)
	var scope *capture.Scope
	s := serve(t, HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scope = capture.ScopeOf(r.Context())
		for _, own := range []string{"", "00-" + traceID + "-" + spanID + "-00"} {
			ask, _ := http.NewRequestWithContext(r.Context(), "GET", other.URL, nil)
			if own != "" {
				ask.Header.Set("Traceparent", own)
			}
			before := ask.Header.Clone()
			answer, err := c.Do(ask)
			if err != nil {
				t.Error(err)
				return
			}
			answer.Body.Close()
			if diff := cmp.Diff(before, ask.Header); diff != "" {
				t.Errorf("the caller's request was changed: %s", diff)
			}
		}
	})))
	r, err := http.NewRequest("GET", s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Traceparent": {"00-" + traceID + "-" + spanID + "-01"}, "Tracestate": {"a=1"}}
	if answer, err := s.Client().Do(r); err != nil {
		t.Error(err)
	} else {
		answer.Body.Close()
	}
	list := s.sent()
	if len(list) != 2 || list[0].Scope != scope || list[1].Scope != scope || scope == nil {
		t.Fatalf("recorded %+v", list)
	}
	span := list[0].Trace
	if span == nil || span.Parent != scope.Trace().SpanID || span.TraceID != scope.Trace().TraceID || !span.Sampled {
		t.Errorf("its span is %+v, the request's %+v", span, scope.Trace())
	}
	if got := told[0].Get("Traceparent"); got != span.Traceparent() || told[0].Get("Tracestate") != "a=1" {
		t.Errorf("the other service was told %q, %q", got, told[0].Get("Tracestate"))
	}
	if got := told[1].Get("Traceparent"); got != "00-"+traceID+"-"+spanID+"-00" || list[1].Trace != nil {
		t.Errorf("a span nearer to the request became %q", got)
	}
}

func TestOutgoingAfterTheEndIsLate(t *testing.T) {
	s := serve(t, http.NotFoundHandler())
	scope := capture.NewScope()
	scope.End()
	tick()
	r, err := http.NewRequestWithContext(capture.WithScope(t.Context(), scope), "GET", s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client(t).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if ev := s.onlySent(t); !ev.Flags.Has(capture.FlagLate) || !ev.Failed() {
		t.Errorf("recorded %+v", ev)
	}
}

// roundTrip is a RoundTripper that is a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestOutgoingFailures(t *testing.T) {
	broken := serveRaw(t, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
	silent := serveRaw(t, "")
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	strange := httptest.NewUnstartedServer(http.NotFoundHandler())
	strange.Config.ErrorLog = log.New(io.Discard, "", 0)
	strange.StartTLS()
	defer strange.Close()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	for name, test := range map[string]struct {
		ctx  context.Context
		url  string
		base http.RoundTripper
		want capture.ErrorClass
	}{
		"cancelled":         {over, plain.URL, nil, capture.ErrorInterrupted},
		"deadline":          {late, plain.URL, nil, capture.ErrorTimeout},
		"nobody listens":    {nil, "http://127.0.0.1:1/", nil, capture.ErrorConnect},
		"unknown host":      {nil, "http://x.invalid/", unresolved, capture.ErrorResolve},
		"body ends early":   {nil, broken, nil, capture.ErrorBroken},
		"no answer":         {nil, silent, nil, capture.ErrorBroken},
		"unknown authority": {nil, strange.URL, nil, capture.ErrorTLS},
		"no TLS":            {nil, strings.Replace(plain.URL, "http:", "https:", 1), nil, capture.ErrorTLS},
		"other":             {nil, plain.URL, roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("no") }), capture.ErrorOther},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, http.NotFoundHandler())
			ctx := test.ctx
			if ctx == nil {
				ctx = t.Context()
			}
			base := test.base
			if base == nil {
				base = &http.Transport{DisableKeepAlives: true}
			}
			r, err := http.NewRequestWithContext(ctx, "GET", test.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := RoundTripper(base).RoundTrip(r)
			if err == nil {
				_, err = io.ReadAll(answer.Body)
				answer.Body.Close()
			}
			if ev := s.onlySent(t); err == nil || ev.Error != test.want || !ev.Failed() {
				t.Errorf("%v is recorded as %q", err, ev.Error)
			}
		})
	}
}

// unresolved fails as a transport does whose resolver knows nothing.
var unresolved = roundTrip(func(r *http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: r.URL.Host, IsNotFound: true}}
})

// serveRaw answers each connection with text and closes it.
func serveRaw(t *testing.T, text string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Read(make([]byte, 4096))
			io.WriteString(conn, text)
			conn.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return "http://" + l.Addr().String()
}

// TestRoundTripperKeepsTheContract: what goes in stays as it is, what comes out is what the base gives.
func TestRoundTripperKeepsTheContract(t *testing.T) {
	scope := capture.NewScope()
	ctx := capture.WithScope(t.Context(), scope)
	var got *http.Request
	want := &http.Response{StatusCode: 200, Body: http.NoBody}
	rt := RoundTripper(roundTrip(func(r *http.Request) (*http.Response, error) { got = r; return want, nil }))
	if RoundTripper(rt) != rt {
		t.Error("wrapped twice")
	}
	unknown := io.NopCloser(onlyReader{strings.NewReader("question")})
	for name, r := range map[string]*http.Request{
		"no headers":     {Method: "GET", URL: &url.URL{Host: "x"}},
		"no method":      {URL: &url.URL{Host: "x"}, Header: http.Header{}},
		"unknown length": {Method: "POST", URL: &url.URL{Host: "x"}, Header: http.Header{}, Body: unknown, ContentLength: -1},
	} {
		r = r.WithContext(ctx)
		copied := *r
		header := r.Header.Clone()
		answer, err := rt.RoundTrip(r)
		if answer != want || err != nil || answer.Body != http.NoBody {
			t.Errorf("%s: %v, %v", name, answer, err)
		}
		if r.Body != copied.Body || r.URL != copied.URL || cmp.Diff(header, r.Header) != "" || got == r || got.Header.Get("Traceparent") == "" {
			t.Errorf("%s: the caller's request was changed, or the base's was not", name)
		}
		if name == "unknown length" {
			if text, err := io.ReadAll(got.Body); string(text) != "question" || err != nil {
				t.Errorf("the base reads %q, %v", text, err)
			}
		}
	}
	if _, err := rt.RoundTrip(&http.Request{}); err != nil || got.URL != nil {
		t.Errorf("a request without a URL is not the base's to judge: %v", err)
	}
	upgraded := &connection{}
	want = &http.Response{StatusCode: http.StatusSwitchingProtocols, Body: upgraded}
	if answer, _ := rt.RoundTrip(&http.Request{URL: &url.URL{Host: "x"}}); answer.Body != io.ReadCloser(upgraded) {
		t.Error("a connection is no connection any more")
	}
	idle := &idler{}
	(&http.Client{Transport: RoundTripper(idle)}).CloseIdleConnections()
	if !idle.closed {
		t.Error("idle connections stay open")
	}
}

type connection struct{ bytes.Buffer }

func (*connection) Close() error { return nil }

type idler struct {
	http.RoundTripper
	closed bool
}

func (i *idler) CloseIdleConnections() { i.closed = true }

func TestTheToolkitsOwnCallsAreNotRecorded(t *testing.T) {
	s := serve(t, http.NotFoundHandler())
	r, err := http.NewRequestWithContext(capture.Mute(t.Context()), "GET", s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client(t).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if list := s.sent(); len(list) != 0 {
		t.Errorf("recorded %+v", list)
	}
}

func TestPlaceholders(t *testing.T) {
	for path, want := range map[string]string{
		"":                           "/",
		"/":                          "/",
		"/v1/users":                  "/v1/users",
		"/v1/users/42/orders/7.json": "/v1/users/{id}/orders/{id}.json",
		"/oauth2/s3/ipv4":            "/oauth2/s3/ipv4",
		"/order-42/2024-01-05":       "/order-{id}/{id}-{id}-{id}",
		"/x/" + traceID:              "/x/{hex}",
		"/x/deadbeef/facade":         "/x/deadbeef/facade",
		"/x/DEADBEE1":                "/x/{hex}",
		"/x/6ba7b810-9dad-11d1-80b4-00c04fd430c8": "/x/{uuid}",
		"/x/eyJhbGciOiJIUzI1NiIsInR5":             "/x/{token}",
		"/x/" + strings.Repeat("a", 41):           "/x/{token}",
		"/x/anna@example.com":                     "/x/{token}",
		"/x/Grüße/a b/100%":                       "/x/{token}/{token}/{token}",
		"/a//b/":                                  "/a//b/",
		"/1/2/3/4/5/6/7/8/9/10/11/12":             "/{id}/{id}/{id}/{id}/{id}/{id}/{id}/{id}/{id}/{id}/…",
		"/machine-learning-models":                "/machine-learning-models",
	} {
		if got := pathOf(path); got != want {
			t.Errorf("%q became %q, want %q", path, got, want)
		}
	}
	for host, want := range map[string]string{
		"API.example.com:8080": "api.example.com:8080", strings.Repeat("a", 200): "{host}", "\xff": "\uFFFD",
	} {
		if got := hostOf(&http.Request{URL: &url.URL{Host: host}}); got != want {
			t.Errorf("%q became %q, want %q", host, got, want)
		}
	}
}

// Whatever the path is, its name is short and a name of itself, and says no number of six digits and no address.
func TestPlaceholderLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		path := "/" + strings.Join(rapid.SliceOf(rapid.String()).Draw(t, "segments"), "/")
		name := pathOf(path)
		if len(name) > pathBytes+longBytes+8 {
			t.Fatalf("%d bytes", len(name))
		}
		if strings.ContainsAny(name, "@?#%\x00") {
			t.Fatalf("%q became %q", path, name)
		}
		if again := pathOf(strings.NewReplacer("{", "", "}", "", "…", "").Replace(name)); strings.Contains(again, "{id}") {
			t.Fatalf("%q became %q, and that %q", path, name, again)
		}
	})
}

// TestTargetsAreFew: beyond the bound, requests have no name of their own.
func TestTargetsAreFew(t *testing.T) {
	var table targetTable
	for i := range 100_000 {
		s := table.of(fmt.Sprint("GET host", i, "/"))
		if (s == nil) != (i >= targetsKept) {
			t.Fatalf("name %d is %+v", i, s)
		}
	}
	if s := table.of("GET host7/"); s == nil || s != table.of("GET host7/") || len(table.names) != targetsKept {
		t.Errorf("%+v of %d", s, len(table.names))
	}
}

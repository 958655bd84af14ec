package server

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/sqliteperf/sqliteperf/advisor"
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// event is one event of a stream as a client sees it.
type event struct {
	id         uint64
	name, data string
}

// listener reads a stream line by line.
type listener struct {
	*testing.T
	res   *http.Response
	lines *bufio.Reader
	close context.CancelFunc
}

func (a *app) listen(kind string, header ...string) *listener {
	a.Helper()
	ctx, cancel := context.WithCancel(deadline(a.T))
	req, err := http.NewRequestWithContext(ctx, "GET", a.base[kind]+"/stream", nil)
	a.must(err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := client.Do(req)
	a.must(err)
	l := &listener{a.T, res, bufio.NewReader(res.Body), func() { cancel(); res.Body.Close() }}
	a.Cleanup(l.close)
	return l
}

// next is the next event, without comments and the retry line.
func (l *listener) next() (ev event, err error) {
	for {
		line, err := l.lines.ReadString('\n')
		if err != nil {
			return ev, err
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch field {
		case "id":
			if ev.id, err = strconv.ParseUint(value, 10, 64); err != nil {
				return ev, err
			}
		case "event":
			ev.name = value
		case "data":
			ev.data = value
		case "":
			if ev.name != "" {
				return ev, nil
			}
		case "retry":
		default:
			return ev, fmt.Errorf("line %q", line)
		}
	}
}

// until returns the first event with the name whose data contain text, and checks all on the way.
func (l *listener) until(name, text string) event {
	l.Helper()
	var last uint64
	for {
		ev, err := l.next()
		if err != nil {
			l.Fatalf("no %s %s: %v", name, text, err)
		}
		if ev.id != 0 && ev.id <= last || !json.Valid([]byte(ev.data)) {
			l.Errorf("after %d came %+v", last, ev)
		}
		last = max(last, ev.id)
		if ev.name == name && strings.Contains(ev.data, text) {
			return ev
		}
	}
}

// ends waits for the end of the stream.
func (l *listener) ends() {
	l.Helper()
	if _, err := io.Copy(io.Discard, l.lines); err != nil {
		l.Errorf("the stream ended with %v", err)
	}
}

// publish makes at least n events: indexes that others make redundant, each a recommendation, again
// with every analysis.
func (a *app) publish(n int) {
	a.Helper()
	const each = 60
	var text strings.Builder
	for i := range each {
		fmt.Fprintf(&text, "CREATE TABLE t%d(a, b); CREATE INDEX t%d_a ON t%d(a); CREATE INDEX t%d_a_b ON t%d(a, b);", i, i, i, i, i)
	}
	_, err := a.db.ExecContext(capture.Mute(deadline(a.T)), text.String())
	a.must(err)
	for range n/each + 1 {
		a.must(a.adv.Analyze(deadline(a.T)))
	}
	if list, err := a.adv.Recommendations(deadline(a.T)); err != nil || len(list) < each {
		a.Fatalf("%d recommendations, %v", len(list), err)
	}
}

const sampleForm = `{"t": "number", "queries_per_second": "number", "writes_per_second": "number", "requests_per_second": "number",
	"errors": "number", "busy": "number", "p50_ms": "number?", "p95_ms": "number?", "p99_ms": "number?"}`

func TestStream(t *testing.T) {
	a := open(t, Config{}, advisor.Config{NoProof: true})
	streams := map[string]*listener{"http": a.listen("http"), "echo": a.listen("echo")}
	for kind, l := range streams {
		if first, err := l.lines.ReadString('\n'); err != nil || first != "retry: 2000\n" {
			t.Errorf("%s: first line %q, %v", kind, first, err)
		}
		if h := l.res.Header; h.Get("Content-Type") != "text/event-stream" || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", kind, h)
		}
	}
	r := a.advise()
	if res := a.post(change("apply", r), ""); res.StatusCode != 200 {
		t.Fatalf("%s", res.body)
	}
	for kind, l := range streams {
		check := func(name, text, want string) {
			t.Helper()
			var got any
			a.must(json.Unmarshal([]byte(l.until(name, text).data), &got))
			conform(t, kind+" "+name, got, form(t, want))
		}
		check("sample", `"queries_per_second":`, sampleForm)
		check("job", `"phase":"prune"`, `{"id": "string", "phase": "string", "detail": "string", "done": "number"}`)
		check("recommendation", `"id":"`+r.ID+`"`, recommendationForm)
		check("job", `"phase":"apply"`, `{"id": "string", "phase": "string", "detail": "string", "done": "number"}`)
		check("recommendation", `"state":"applied"`, recommendationForm)
		check("applied", r.ID, `{"t": "number", "action": "=applied", "id": "string", "title": "string"}`)
		check("queries", "SELECT", `{"queries": [`+queryForm+`]}`)
	}
}

// A client that comes back gets what it missed, or is told that this is not possible.
func TestResume(t *testing.T) {
	a := open(t, Config{}, advisor.Config{NoProof: true})
	l := a.listen("http")
	first := l.until("sample", "")
	l.close()
	second := a.listen("http").until("sample", "")
	l = a.listen("http", "Last-Event-ID", fmt.Sprint(first.id))
	if ev, err := l.next(); err != nil || ev != second && ev.id != first.id+1 {
		t.Errorf("after %d came %+v, %v; want %+v", first.id, ev, err, second)
	}
	if ev, err := a.listen("http", "Last-Event-ID", "999999").next(); err != nil || ev.name != "gap" || ev.data != "{}" {
		t.Errorf("after an event of the future came %+v, %v", ev, err)
	}
	a.publish(300) // more than are kept
	if ev, err := a.listen("http", "Last-Event-ID", fmt.Sprint(first.id)).next(); err != nil || ev.name != "gap" {
		t.Errorf("after an event long gone came %+v, %v", ev, err)
	}
	var wrong []*listener
	for _, id := range []string{"-1", "x", "1e9", "99999999999999999999999"} {
		wrong = append(wrong, a.listen("http", "Last-Event-ID", id))
	}
	for i, l := range wrong { // from now on, or from a gap
		if ev := l.until("sample", ""); ev.id == 0 {
			t.Errorf("wrong Last-Event-ID %d: %+v", i, ev)
		}
	}
}

func TestTooManyStreams(t *testing.T) {
	a := open(t, Config{}, advisor.Config{})
	var streams []*listener
	for range maxStreams {
		streams = append(streams, a.listen("http"))
	}
	res := a.get("/stream")
	res.problem(t, 503, "too_many_streams")
	if res.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if res := a.get("/stats"); res.StatusCode != 200 {
		t.Errorf("stats: %d", res.StatusCode)
	}
	streams[0].close()
	for ctx := deadline(t); ; { // the server learns of it when it reads from the connection
		if l := a.listen("http"); l.res.StatusCode == 200 {
			break
		}
		a.must(ctx.Err())
	}
}

// http.Server.Shutdown waits for handlers: Close ends those of streams.
func TestClose(t *testing.T) {
	a := open(t, Config{}, advisor.Config{})
	srv := httptest.NewServer(http.StripPrefix("/performance", a.admin))
	t.Cleanup(srv.Close)
	a.base["own"] = srv.URL + "/performance"
	srv.Config.RegisterOnShutdown(a.admin.Close)
	l := a.listen("own")
	l.until("sample", "")
	a.must(srv.Config.Shutdown(deadline(t)))
	l.ends()
}

func TestAdvisorClose(t *testing.T) {
	a := open(t, Config{}, advisor.Config{})
	l := a.listen("http")
	l.until("sample", "")
	a.must(a.adv.Close())
	l.ends()
	a.get("/stats").problem(t, 500, "internal")
	if res := a.get("/dashboard"); res.StatusCode != 200 {
		t.Errorf("dashboard: %d", res.StatusCode)
	}
}

// A client that asks and never reads keeps nobody else waiting.
func TestSilentReader(t *testing.T) {
	a := open(t, Config{}, advisor.Config{NoProof: true})
	host, _ := strings.CutPrefix(a.base["http"], "http://")
	host, _, _ = strings.Cut(host, "/")
	var d net.Dialer
	conn, err := d.DialContext(deadline(t), "tcp", host)
	a.must(err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET /performance/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
	a.must(err)
	l := a.listen("http")
	a.advise()
	l.until("recommendation", "")
	l.until("sample", "")
}

// stuck is a client whose connection takes nothing until it is released.
type stuck struct {
	discard
	writes, released chan struct{}
	text             strings.Builder
}

func (s *stuck) Header() http.Header { return http.Header{} }
func (s *stuck) Flush()              {}
func (s *stuck) Write(b []byte) (int, error) {
	select {
	case s.writes <- struct{}{}:
	default:
	}
	<-s.released
	return s.text.Write(b)
}

// A client that reads too slowly misses events and is told.
func TestSlowReader(t *testing.T) {
	a := open(t, Config{}, advisor.Config{NoProof: true})
	w := &stuck{writes: make(chan struct{}, 1), released: make(chan struct{})}
	ctx, leave := context.WithCancel(deadline(t))
	done := make(chan struct{})
	news := a.adv.Subscribe(0)
	go func() {
		defer close(done)
		s := sse{w: w, control: http.NewResponseController(w)}
		a.admin.follow(httptest.NewRequestWithContext(ctx, "GET", "/stream", nil), &s, news)
	}()
	<-w.writes     // it hangs with the first event
	a.publish(100) // more than wait for one client
	close(w.released)
	for range 3 {
		<-w.writes
	}
	news.Close()
	<-done
	leave()
	if text := w.text.String(); strings.Count(text, "event: gap\ndata: {}\n\n") != 1 {
		t.Errorf("no gap, or more than one, in %d bytes: %.300s", len(text), text)
	}
}

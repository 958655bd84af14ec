package server

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sqliteperf/sqliteperf/advisor"
)

// What the pages show is open to this machine only; a proxy on it may speak for anybody.
func TestReadingFromElsewhere(t *testing.T) {
	a := open(t, Config{}, advisor.Config{NoProof: true})
	for _, c := range []struct {
		name, remote, path string
		header             http.Header
		want               int
	}{
		{"this machine", "127.0.0.1:9", "/stats", nil, 200},
		{"this machine by IPv6", "[::1]:9", "/stats", nil, 200},
		{"a unix socket", "@", "/stats", nil, 200},
		{"another machine", "203.0.113.9:9", "/stats", nil, 403},
		{"a proxy on this machine", "127.0.0.1:9", "/stats", http.Header{"X-Forwarded-For": {"203.0.113.9"}}, 403},
		{"another machine with the token", "203.0.113.9:9", "/stats", http.Header{"Authorization": {"Bearer " + a.admin.Token()}}, 200},
		{"another machine with a wrong token", "203.0.113.9:9", "/audit", http.Header{"Authorization": {"Bearer x"}}, 403},
		{"the stream for another machine", "203.0.113.9:9", "/stream", nil, 403},
		{"the page itself", "203.0.113.9:9", "/dashboard", nil, 200},
		{"a path that only begins like the page", "203.0.113.9:9", "/dashboardx", nil, 403},
	} {
		r := httptest.NewRequest(http.MethodGet, "http://localhost"+c.path, nil)
		r.RemoteAddr, r.Header = c.remote, c.header.Clone()
		if r.Header == nil {
			r.Header = http.Header{}
		}
		w := httptest.NewRecorder()
		a.admin.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s: %d, want %d: %s", c.name, w.Code, c.want, w.Body)
		}
	}
}

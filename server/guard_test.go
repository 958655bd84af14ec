package server

import (
	"regexp"
	"strings"
	"testing"

	"github.com/sqliteperf/sqliteperf/advisor"
	"github.com/sqliteperf/sqliteperf/server/ui"
)

func TestHeaders(t *testing.T) {
	a := open(t, Config{}, advisor.Config{})
	for kind, base := range a.base {
		for _, path := range []string{"/stats", "/recommendations", "/alerts", "/audit", "/healthz", "/nothing", "/stats?range=x", "/dashboard"} {
			h := a.send("GET", base+path, "").Header
			cache := "no-store"
			if path == "/dashboard" {
				cache = "no-cache"
			}
			if h.Get("Content-Security-Policy") != ui.ContentSecurityPolicy || h.Get("X-Content-Type-Options") != "nosniff" ||
				h.Get("Referrer-Policy") != "no-referrer" || h.Get("Cache-Control") != cache {
				t.Errorf("%s %s: %v", kind, path, h)
			}
			if h.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s %s is open to other sites", kind, path)
			}
		}
	}
}

func TestDashboard(t *testing.T) {
	a := open(t, Config{}, advisor.Config{})
	for kind, base := range a.base {
		page := a.send("GET", base+"/dashboard", "")
		if page.StatusCode != 200 || !strings.HasPrefix(page.Header.Get("Content-Type"), "text/html") {
			t.Fatalf("%s: %d %v", kind, page.StatusCode, page.Header)
		}
		assets := regexp.MustCompile(`(?:src|href)="(dashboard/assets/[^"]+)"`).FindAllStringSubmatch(string(page.body), -1)
		if len(assets) < 2 {
			t.Errorf("%s: %d assets", kind, len(assets))
		}
		for _, m := range assets {
			res := a.send("GET", base+"/"+m[1], "")
			if res.StatusCode != 200 || len(res.body) == 0 || !strings.Contains(res.Header.Get("Cache-Control"), "immutable") {
				t.Errorf("%s %s: %d %v", kind, m[1], res.StatusCode, res.Header)
			}
		}
		if res := a.send("GET", base+"/dashboard/", ""); res.StatusCode != 308 || res.Header.Get("Location") != "../dashboard" {
			t.Errorf("%s: with a slash %d %v", kind, res.StatusCode, res.Header)
		}
		if strings.Contains(string(page.body), token) {
			t.Error("the page contains the token")
		}
	}
}

func TestUnknownPath(t *testing.T) {
	a := open(t, Config{}, advisor.Config{})
	for kind, base := range a.base {
		for _, request := range []string{
			"GET /", "GET /nothing", "GET /stats/", "GET //stats", "GET /./stats", "GET /x/../stats", "GET /stats/..", "GET /debug/pprof/", "POST /stats",
			"DELETE /audit", "GET /optimize", "PUT /optimize", "POST /dashboard", "GET /%2e%2e/stats", "GET /stats%2f", "GET /stats%00",
		} {
			method, path, _ := strings.Cut(request, " ")
			res := a.send(method, base+path, "")
			if to := res.Header.Get("Location"); strings.HasPrefix(to, "/performance/") && kind == "http" {
				continue // the application's own ServeMux cleans paths before they get here
			}
			res.problem(t, 404, "not_found")
		}
	}
}

// A name of another site that resolves to this machine must not get answers.
func TestHost(t *testing.T) {
	a := open(t, Config{Hosts: []string{"perf.example.com"}}, advisor.Config{})
	for _, test := range []struct {
		host string
		ok   bool
	}{
		{"127.0.0.1:8420", true}, {"127.0.0.1", true}, {"127.9.9.9", true}, {"localhost", true}, {"LOCALHOST:1", true}, {"[::1]:8420", true}, {"[::1]", true},
		{"perf.example.com", true}, {"Perf.Example.COM:8420", true},
		{"evil.example", false}, {"evil.example:8420", false}, {"127.0.0.1.evil.example", false}, {"localhost.evil.example", false}, {"a.perf.example.com", false},
		{"0.0.0.0", false}, {"192.168.1.1:8420", false}, {"[::]", false}, {"2130706433", false}, {"127.1", false}, {"localhost.", false},
	} {
		for kind, base := range a.base {
			res := a.send("GET", base+"/stats", "", "Host", test.host)
			switch {
			case !test.ok:
				res.problem(t, 421, "unknown_host")
			case res.StatusCode != 200:
				t.Errorf("%s: host %s: %d %s", kind, test.host, res.StatusCode, res.body)
			}
		}
	}
	res := a.send("POST", a.base["http"]+"/optimize", "{}", "Host", "evil.example", "Authorization", "Bearer "+token, "Content-Type", "application/json")
	res.problem(t, 421, "unknown_host")
}

func TestCrossOrigin(t *testing.T) {
	a := open(t, Config{}, advisor.Config{})
	for kind, base := range a.base {
		own, _ := strings.CutSuffix(base, "/performance")
		for _, test := range []struct {
			header []string
			code   string
		}{
			{[]string{"Origin", "http://evil.example"}, "cross_origin"},
			{[]string{"Origin", "null"}, "cross_origin"},
			{[]string{"Origin", "http://127.0.0.1:1"}, "cross_origin"},
			{[]string{"Sec-Fetch-Site", "cross-site"}, "cross_origin"},
			{[]string{"Sec-Fetch-Site", "same-site"}, "cross_origin"},
			{[]string{"Sec-Fetch-Site", "same-origin"}, "token_required"},
			{[]string{"Origin", own}, "token_required"},
			{nil, "token_required"},
		} {
			res := a.send("POST", base+"/optimize", "{}", test.header...)
			res.problem(t, 403, test.code)
		}
		if res := a.send("GET", base+"/stats", "", "Sec-Fetch-Site", "cross-site"); res.StatusCode != 200 {
			t.Errorf("%s: a link from elsewhere: %d", kind, res.StatusCode)
		}
	}
}

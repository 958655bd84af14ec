//go:build !sqliteperf_noui

package ui

import (
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"testing"
)

// ask sends one request as the server hands it on, with its prefix stripped.
func ask(t *testing.T, method, target string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, "/", nil)
	r.URL.Path = target // as received, not cleaned
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// references are the assets the page names.
func references(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, m := range regexp.MustCompile(`(?:src|href)="(dashboard/[^"]+)"`).FindAllStringSubmatch(body(t, ask(t, "GET", "/dashboard")), -1) {
		names = append(names, m[1])
	}
	if len(names) < 3 {
		t.Fatalf("the page names %d assets, want script, style and licences: %q", len(names), names)
	}
	return names
}

func TestPage(t *testing.T) {
	for _, target := range []string{"/dashboard", "dashboard"} {
		res := ask(t, "GET", target)
		if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/html; charset=utf-8" || res.Header.Get("Cache-Control") != "no-cache" {
			t.Errorf("GET %s: %d %v", target, res.StatusCode, res.Header)
		}
		if got := res.Header.Get("Content-Security-Policy"); got != ContentSecurityPolicy {
			t.Errorf("policy %q", got)
		}
	}
	if res := ask(t, "GET", "/dashboard/"); res.StatusCode != 308 || res.Header.Get("Location") != "../dashboard" {
		t.Errorf("with a slash: %d %v", res.StatusCode, res.Header)
	}
	if res := ask(t, "POST", "/dashboard"); res.StatusCode != 405 || res.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d %v", res.StatusCode, res.Header)
	}
	if res := ask(t, "HEAD", "/dashboard"); res.StatusCode != 200 || res.Header.Get("Content-Length") == "0" || body(t, res) != "" {
		t.Errorf("HEAD: %d %v", res.StatusCode, res.Header)
	}
}

func TestAssets(t *testing.T) {
	for _, name := range references(t) {
		plain := ask(t, "GET", "/"+name)
		if plain.StatusCode != 200 || plain.Header.Get("Content-Type") != types[path.Ext(name)] {
			t.Errorf("GET %s: %d %v", name, plain.StatusCode, plain.Header)
		}
		if !strings.Contains(plain.Header.Get("Cache-Control"), "immutable") || plain.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: headers %v", name, plain.Header)
		}
		packed := ask(t, "GET", "/"+name, "Accept-Encoding", "br, gzip;q=0.5")
		if packed.Header.Get("Content-Encoding") != "gzip" || packed.Header.Get("ETag") == plain.Header.Get("ETag") {
			t.Errorf("%s: headers %v", name, packed.Header)
		}
		r, err := gzip.NewReader(packed.Body)
		if err != nil {
			t.Fatal(err)
		}
		expanded, err := io.ReadAll(r)
		if err != nil || string(expanded) != body(t, plain) {
			t.Errorf("%s: the compressed form holds something else (%v)", name, err)
		}
		again := ask(t, "GET", "/"+name, "If-None-Match", "W/"+plain.Header.Get("ETag"))
		if again.StatusCode != 304 || body(t, again) != "" {
			t.Errorf("%s again: %d, want 304", name, again.StatusCode)
		}
	}
}

func TestRefusedGzip(t *testing.T) {
	for _, accept := range []string{"", "br", "gzip;q=0", "gzip; q=0.0", "gzipped"} {
		if res := ask(t, "GET", "/dashboard", "Accept-Encoding", accept); res.Header.Get("Content-Encoding") != "" {
			t.Errorf("Accept-Encoding %q got %q", accept, res.Header.Get("Content-Encoding"))
		}
	}
}

func TestUnknown(t *testing.T) {
	for _, target := range []string{
		"/", "", "/index.html", "/dist/index.html", "/dashboard/index.html", "/dashboard/assets", "/dashboard/assets/", "/dashboard/assets/app.js",
		"/dashboard/assets/../../ui.go", "/dashboard/../ui.go", "/dashboard/assets/..%2f..%2fui.go", "/dashboard/assets/\x00", "//dashboard", "/" + references(t)[0] + ".gz",
	} {
		if res := ask(t, "GET", target); res.StatusCode != 404 {
			t.Errorf("GET %q: %d, want 404", target, res.StatusCode)
		}
	}
}

// The policy forbids inline script and style; a page with either would be broken, not merely unsafe.
func TestNothingInline(t *testing.T) {
	page := body(t, ask(t, "GET", "/dashboard"))
	for _, bad := range []string{`<style`, `style="`, `<script>`, `javascript:`, `http://`, `https://`} {
		if strings.Contains(strings.ReplaceAll(page, "http://www.w3.org/2000/svg", ""), bad) {
			t.Errorf("the page contains %s", bad)
		}
	}
	if m := regexp.MustCompile(`<[^>]*\son\w+=`).FindString(page); m != "" {
		t.Errorf("the page contains a handler: %s", m)
	}
	if m := regexp.MustCompile(`<script[^>]*>[^<]`).FindString(page); m != "" {
		t.Errorf("the page contains an inline script: %s", m)
	}
}

func TestBudget(t *testing.T) {
	total, listed := 0, map[string]bool{"dist/index.html": true}
	for _, name := range references(t) {
		listed["dist/"+strings.TrimPrefix(name, "dashboard/")] = true
	}
	err := fs.WalkDir(dist, "dist", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if !listed[strings.TrimSuffix(name, ".gz")] {
			t.Errorf("%s is in dist and the page does not name it", name)
		}
		if info, err := d.Info(); err != nil {
			return err
		} else if path.Ext(name) == ".gz" {
			total += int(info.Size())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if total > 90<<10 {
		t.Errorf("%d bytes gzip, over the budget of %d", total, 90<<10)
	}
}

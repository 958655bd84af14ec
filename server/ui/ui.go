//go:build !sqliteperf_noui

// Package ui is the dashboard: one page, its script and its style, embedded.
//
// The sources are TypeScript under src; dist is what `go run ./server/ui/build` makes of them and is
// committed, so a Go build needs no Node. Handler answers from memory and holds no state. The tag
// sqliteperf_noui leaves the page out of the binary.
package ui

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed dist
var dist embed.FS

// types are the content types of the files a build may emit; anything else fails in Handler.
var types = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".txt":  "text/plain; charset=utf-8",
}

// asset is one embedded file, plain and compressed.
type asset struct {
	plain, gzip []byte
	kind, cache string
	tag         string // of the plain bytes; the compressed form appends "-gz"
}

// Handler serves the page at /dashboard and its assets at /dashboard/assets/NAME, as left in r.URL.Path
// after the server has stripped its own prefix. Everything else is 404. It panics when dist is
// incomplete, which a committed build never is.
func Handler() http.Handler {
	files, err := load(dist)
	if err != nil {
		panic(err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/")
		if name == "dashboard/" { // relative links need the form without the slash, under any prefix
			w.Header().Set("Location", "../dashboard")
			w.WriteHeader(http.StatusPermanentRedirect)
			return
		}
		a, ok := files[name]
		if !ok {
			http.Error(w, "no such page or asset", http.StatusNotFound)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
			return
		}
		a.serve(w, r)
	})
}

// load reads every file of a build into memory, keyed by the path it is served at.
func load(dist fs.FS) (map[string]asset, error) {
	files := map[string]asset{}
	err := fs.WalkDir(dist, "dist", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) == ".gz" {
			return err
		}
		a, err := read(dist, name)
		if err != nil {
			return err
		}
		served := "dashboard/" + strings.TrimPrefix(name, "dist/")
		a.cache = "public, max-age=31536000, immutable" // the name carries a hash of the bytes
		if name == "dist/index.html" {
			served, a.cache = "dashboard", "no-cache"
		}
		files[served] = a
		return nil
	})
	if _, ok := files["dashboard"]; err == nil && !ok {
		err = fmt.Errorf("read dashboard: %w: dist/index.html", fs.ErrNotExist)
	}
	return files, err
}

func read(dist fs.FS, name string) (a asset, err error) {
	var ok bool
	if a.kind, ok = types[path.Ext(name)]; !ok {
		return a, fmt.Errorf("read dashboard: no content type for %s", name)
	}
	if a.plain, err = fs.ReadFile(dist, name); err != nil {
		return a, fmt.Errorf("read dashboard: %w", err)
	}
	if a.gzip, err = fs.ReadFile(dist, name+".gz"); err != nil {
		return a, fmt.Errorf("read dashboard: %w", err)
	}
	sum := sha256.Sum256(a.plain)
	a.tag = base64.RawURLEncoding.EncodeToString(sum[:12])
	return a, nil
}

func (a asset) serve(w http.ResponseWriter, r *http.Request) {
	body, tag := a.plain, a.tag
	h := w.Header()
	h.Add("Vary", "Accept-Encoding")
	if acceptsGzip(r.Header.Values("Accept-Encoding")) {
		body, tag = a.gzip, a.tag+"-gz"
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("ETag", `"`+tag+`"`)
	h.Set("Cache-Control", a.cache)
	h.Set("Content-Type", a.kind)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", ContentSecurityPolicy)
	if matches(r.Header.Get("If-None-Match"), tag) {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		w.Write(body) // a failed write means the client has gone
	}
}

// acceptsGzip reports whether an Accept-Encoding header names gzip without refusing it by q=0.
// https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3
func acceptsGzip(values []string) bool {
	for part := range strings.SplitSeq(strings.Join(values, ","), ",") {
		coding, params, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			continue
		}
		q, found := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
		weight, err := strconv.ParseFloat(q, 64)
		return !found || err == nil && weight > 0
	}
	return false
}

// matches reports whether an If-None-Match header lists tag, weakly compared.
func matches(header, tag string) bool {
	for part := range strings.SplitSeq(header, ",") {
		part = strings.TrimPrefix(strings.TrimSpace(part), "W/")
		if part == `"`+tag+`"` || part == "*" {
			return true
		}
	}
	return false
}

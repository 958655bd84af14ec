package driver

import (
	"net/url"
	"path/filepath"
	"strings"
)

// filePath is the absolute path of the main database that modernc opens for dsn, or "" if it
// lives in memory or behind a VFS of the application's own. https://sqlite.org/uri.html
func filePath(dsn string) string {
	name, query := dsn, ""
	if i := strings.IndexByte(dsn, '?'); i >= 1 {
		name, query = dsn[:i], dsn[i+1:]
	}
	values, err := url.ParseQuery(query)
	if err != nil || values.Get("vfs") != "" {
		return ""
	}
	if uri, ok := strings.CutPrefix(name, "file:"); ok {
		if values.Get("mode") == "memory" {
			return ""
		}
		if name, err = url.PathUnescape(uriPath(uri)); err != nil {
			return ""
		}
	}
	if name == "" || strings.HasPrefix(name, ":memory:") {
		return ""
	}
	path, err := filepath.Abs(name)
	if err != nil {
		return ""
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// uriPath drops the authority of a file URI, "//" or "//localhost", and its fragment.
func uriPath(uri string) string {
	if rest, ok := strings.CutPrefix(uri, "//"); ok {
		_, after, found := strings.Cut(rest, "/")
		if !found {
			return ""
		}
		uri = "/" + after
	}
	path, _, _ := strings.Cut(uri, "#")
	return path
}

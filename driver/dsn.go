package driver

import (
	"encoding/hex"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// filePath is the absolute path of the main database that modernc opens for dsn, or "" if it
// lives in memory or behind a VFS of the application's own. https://sqlite.org/uri.html
func filePath(dsn string) string {
	name, query := split(dsn)
	values, err := url.ParseQuery(query)
	if err != nil || values.Get("vfs") != "" {
		return ""
	}
	if strings.HasPrefix(name, "file:") {
		seen, _, _ := strings.Cut(dsn, "\x00") // SQLite reads it to here
		name, query = split(seen)
		if values, err = url.ParseQuery(query); err != nil || values.Get("mode") == "memory" {
			return ""
		}
		name = unescape(uriPath(strings.TrimPrefix(name, "file:")))
	}
	name, _, _ = strings.Cut(name, "\x00")
	if name == "" || name == ":memory:" {
		return ""
	}
	path, err := filepath.Abs(name)
	if err != nil {
		return ""
	}
	return resolve(path)
}

// split takes a data source name apart where modernc does.
func split(dsn string) (name, query string) {
	if i := strings.IndexByte(dsn, '?'); i >= 1 {
		return dsn[:i], dsn[i+1:]
	}
	return dsn, ""
}

// txlock is how modernc begins transactions on connections to dsn.
func txlock(dsn string) capture.Begin {
	_, query := split(dsn)
	values, _ := url.ParseQuery(query)
	switch strings.ToLower(values.Get("_txlock")) {
	case "immediate":
		return capture.BeginImmediate
	case "exclusive":
		return capture.BeginExclusive
	}
	return capture.BeginDeferred
}

// resolve follows symbolic links as SQLite does, also to a file it is yet to create.
func resolve(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return filepath.Join(dir, filepath.Base(path))
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

// unescape decodes "%HH" as SQLite does: what is no escape stays as it is, and "%00" ends the name.
func unescape(name string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(name, "%")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		switch octet, err := hex.DecodeString(after[:min(2, len(after))]); {
		case err != nil || len(octet) == 0:
			b.WriteByte('%')
			name = after
		case octet[0] == 0:
			return b.String()
		default:
			b.Write(octet)
			name = after[2:]
		}
	}
}

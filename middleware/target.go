package middleware

import (
	"net/http"
	"strings"
	"sync"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// targetsKept bounds the names of requests that are sent. Who calls more hosts and paths than that has names
// made by strangers; the first stay, the others are "(other)".
const targetsKept = 500

const (
	hostBytes     = 128 // of a host that are shown; names in DNS have at most 253
	pathBytes     = 200 // of a path that are shown
	segmentsShown = 10  // of a path
)

// targets are the names of requests that are sent.
var targets targetTable

type targetTable struct {
	mu    sync.RWMutex
	names map[string]*capture.Statement
}

// of is the one value for name, nil for one beyond the bound.
func (t *targetTable) of(name string) *capture.Statement {
	t.mu.RLock()
	known := t.names[name]
	t.mu.RUnlock()
	if known != nil {
		return known
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if known := t.names[name]; known != nil || len(t.names) >= targetsKept {
		return known
	}
	if t.names == nil {
		t.names = map[string]*capture.Statement{}
	}
	known = &capture.Statement{Fingerprint: name, Summary: name}
	t.names[name] = known
	return known
}

// nameOf is the name of a request that is sent, such as "GET api.example.com/users/{id}".
//
// In a path, what is between slashes is replaced if it looks like a value: {uuid}; {id} for numbers, also between
// -, _, . and ~; {hex} for eight or more hexadecimal digits; {token} for what is long and has digits, is very
// long, or has characters that names of resources have not. Query and user are left out.
func nameOf(r *http.Request) string {
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	return known(method) + " " + hostOf(r) + pathOf(r.URL.Path)
}

// known is the method, or _OTHER.
func known(method string) string {
	for _, m := range methods {
		if m == method {
			return m
		}
	}
	return "_OTHER"
}

func hostOf(r *http.Request) string {
	host := strings.ToLower(strings.ToValidUTF8(r.URL.Host, "\uFFFD"))
	if len(host) > hostBytes {
		return "{host}"
	}
	return host
}

func pathOf(path string) string {
	var b strings.Builder
	shown := 0
	for segment := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		segment = placeholder(segment)
		if shown++; shown > segmentsShown || b.Len()+len(segment) > pathBytes {
			b.WriteString("/…")
			break
		}
		b.WriteByte('/')
		b.WriteString(segment)
	}
	return b.String()
}

const (
	tokenBytes = 16 // and a digit: more than the names of resources have
	longBytes  = 40 // without one
	hexDigits  = 8
)

// placeholder is a segment of a path, or what stands for it.
func placeholder(s string) string {
	plain, hex, digits := true, true, 0
	for i := range len(s) {
		c := s[i]
		digit := c >= '0' && c <= '9'
		if digit {
			digits++
		}
		lower := c | 0x20
		hex = hex && (digit || lower >= 'a' && lower <= 'f')
		plain = plain && (digit || lower >= 'a' && lower <= 'z' || strings.IndexByte("-_.~+:@", c) >= 0)
	}
	switch {
	case s == "":
		return ""
	case digits == len(s):
		return "{id}"
	case uuid(s):
		return "{uuid}"
	case hex && digits > 0 && len(s) >= hexDigits:
		return "{hex}"
	case !plain, strings.Contains(s, "@"), len(s) > longBytes, digits > 0 && len(s) >= tokenBytes && digits != numbered(s):
		return "{token}"
	case digits > 0:
		return numbers(s)
	}
	return s
}

// uuid says that s is one, in its usual form. https://www.rfc-editor.org/rfc/rfc9562#section-4
func uuid(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		dash := i == 8 || i == 13 || i == 18 || i == 23
		digit := c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
		if dash != (c == '-') || !dash && !digit {
			return false
		}
	}
	return true
}

// parts calls f with what is between -, _, . and ~ in s, and with those.
func parts(s string, f func(part string, number bool)) {
	for s != "" {
		end := strings.IndexAny(s, "-_.~")
		switch {
		case end < 0:
			end = len(s)
		case end == 0:
			end = 1
		}
		f(s[:end], strings.Trim(s[:end], "0123456789") == "")
		s = s[end:]
	}
}

// numbered is how many digits of s are in parts that are numbers.
func numbered(s string) (digits int) {
	parts(s, func(part string, number bool) {
		if number {
			digits += len(part)
		}
	})
	return digits
}

// numbers is s with {id} for the parts that are numbers.
func numbers(s string) string {
	var b strings.Builder
	parts(s, func(part string, number bool) {
		if number {
			part = "{id}"
		}
		b.WriteString(part)
	})
	return b.String()
}

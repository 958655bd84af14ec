package middleware

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// Unmatched is the route of requests that no pattern matched: their paths come from strangers and
// are never used as names.
const Unmatched = "<unmatched>"

var unmatched = Unmatched

// Routes is a Config.Route that asks mux which pattern it matches. It costs what routing costs.
func Routes(mux *http.ServeMux) func(*http.Request) string {
	return func(r *http.Request) string {
		_, pattern := mux.Handler(r)
		return pattern
	}
}

// named names the request by its route, unless somebody inside knew it.
func (q *request) named(r *http.Request) {
	if q.ctx.scope.Name() != "" {
		return
	}
	pattern := q.ctx.route(r)
	if pattern == "" && q.config.Route != nil {
		pattern = q.config.Route(r)
	}
	name(q.ctx.scope, r.Method, pattern)
}

// name names the scope by method and pattern, unless an inner middleware did. A pattern of
// ServeMux may begin with its method. Methods that HTTP does not define come from strangers, as
// unmatched paths do. https://opentelemetry.io/docs/specs/semconv/http/http-spans/
func name(scope *capture.Scope, method, pattern string) {
	if pattern == "" || scope.Muted() || scope.Name() != "" {
		return
	}
	if !slices.Contains(methods, method) {
		method = "_OTHER"
	}
	scope.Share(names.of(method, pattern))
}

var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
	http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace,
}

// names are the texts of names, so that a request need not make its own.
var names nameTable

// namesKept bounds the texts: an application with more routes makes those of the others each time.
const namesKept = 1000

// nameTable is copied to add a name, so that looking one up takes no lock.
type nameTable struct {
	texts atomic.Pointer[map[nameKey]*string]
	mu    sync.Mutex // held to add
}

type nameKey struct{ method, pattern string }

// of is the name of what method and pattern matched.
func (t *nameTable) of(method, pattern string) *string {
	key := nameKey{method, pattern}
	if texts := t.texts.Load(); texts != nil {
		if text := (*texts)[key]; text != nil {
			return text
		}
	}
	made := pattern
	if !strings.ContainsAny(pattern, " \t") {
		made = method + " " + pattern
	}
	t.keep(key, &made)
	return &made
}

func (t *nameTable) keep(key nameKey, text *string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	texts := map[nameKey]*string{}
	if have := t.texts.Load(); have != nil {
		if len(*have) >= namesKept {
			return
		}
		texts = maps.Clone(*have)
	}
	texts[key] = text
	t.texts.Store(&texts)
}

package prom

import (
	"slices"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// other is the label value of what is not told apart.
const other = "other"

// text makes hostile input fit for a label: Prometheus refuses a whole scrape for one that is not UTF-8.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// operation is a statement's verb, by its index in verbs.
type operation uint8

// verbs are what a statement may begin with. Others are other: a text that is no SQL has any verb.
var verbs = [...]string{other, "SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "VALUES", "BEGIN", "COMMIT", "END", "ROLLBACK",
	"SAVEPOINT", "RELEASE", "CREATE", "ALTER", "DROP", "PRAGMA", "ANALYZE", "VACUUM", "REINDEX", "ATTACH", "DETACH", "EXPLAIN"}

// cached bounds what is remembered to save looking it up. Full, it is emptied and fills up again.
const cached = 4096

// operationOf is the verb of s: the first word of its summary. The drain holds c.mu.
func (c *Collector) operationOf(s *capture.Statement) operation {
	if s == nil {
		return 0
	}
	if op, ok := c.operations[s]; ok {
		return op
	}
	if len(c.operations) >= cached {
		clear(c.operations)
	}
	verb, _, _ := strings.Cut(s.Summary, " ")
	op := operation(max(slices.Index(verbs[:], verb), 0))
	c.operations[s] = op
	return op
}

// requestKey is what the labels of a request depend on.
type requestKey struct {
	name  string
	class uint16 // hundreds of the status
}

// seriesOf are those that a request is counted in. The drain holds c.mu.
func (c *Collector) seriesOf(ev *capture.Event) requestSeries {
	key := requestKey{class: ev.Status / 100}
	if ev.Scope != nil {
		key.name = ev.Scope.Name()
	}
	if s, ok := c.series[key]; ok {
		return s
	}
	if len(c.series) >= cached {
		clear(c.series)
	}
	method, route := c.route(key.name)
	s := requestSeries{c.requests.WithLabelValues(route, method, code(key.class)), c.servedAt(routeKey{route, method})}
	c.series[key] = s
	return s
}

// methods are those that the middleware tells apart; others come from strangers.
var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE"}

// route reads method and route from a scope's name, such as "GET /orders/:id". Beyond the first
// Config.Routes it is other.
func (c *Collector) route(name string) (method, route string) {
	method, route = other, text(strings.TrimSpace(name))
	if i := strings.IndexAny(name, " \t"); i > 0 {
		route = text(strings.TrimSpace(name[i:]))
		if slices.Contains(methods, name[:i]) {
			method = name[:i]
		}
	}
	switch {
	case c.routes[route]:
	case len(c.routes) < c.config.Routes:
		c.routes[route] = true
	default:
		route = other
	}
	return method, route
}

// code is a class of statuses.
func code(class uint16) string {
	if class < 1 || class > 5 {
		return other
	}
	return string(rune('0'+class)) + "xx"
}

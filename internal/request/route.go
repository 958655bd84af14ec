package request

import (
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// route sums up the requests of one route.
type route struct {
	name     string
	requests sliding
	times    rolling // nanoseconds per request, over Config.Window
	recent   rolling // the same over SlowConfig.Window
	queries  rolling // statements per request
	busy     sliding // nanoseconds of statements
	total    sliding // nanoseconds of requests
	baseline baseline
	issues   map[subject]*issue
	database map[*capture.Source]time.Duration
	seen     uint64
	last     capture.Instant
}

func newRoute(name string) *route {
	return &route{name: name, issues: map[subject]*issue{}, database: map[*capture.Source]time.Duration{}}
}

// otherRoutes is the name of those beyond Config.Routes.
const otherRoutes = "(other)"

// route finds a route by its name, or begins it.
func (t *Tracker) route(name string) *route {
	if r := t.routes[name]; r != nil {
		return r
	}
	if len(t.routes) >= t.config.Routes-1 && t.routes[otherRoutes] == nil || len(t.routes) >= t.config.Routes {
		if name = otherRoutes; t.routes[name] != nil {
			return t.routes[name]
		}
	}
	r := newRoute(name)
	t.routes[name] = r
	return r
}

// add sums up a request.
func (r *route) add(o *observation, now capture.Instant, c *Config) {
	r.seen++
	r.last = now
	r.requests.add(now, c.Window, 1)
	r.times.add(now, c.Window, int64(o.Total))
	r.recent.add(now, c.Slow.Window, int64(o.Total))
	r.queries.add(now, c.Window, o.Statements)
	r.busy.add(now, c.Window, uint64(max(o.busy(), 0)))
	r.total.add(now, c.Window, uint64(max(o.Total, 0)))
	r.baseline.add(now, o.Total)
	for i := range o.groups {
		g := &o.groups[i]
		if _, known := r.database[g.source]; known || len(r.database) < 4 {
			r.database[g.source] += g.sum
		}
	}
}

// main is the database that the route's statements took most time of, nil if it runs none.
func (r *route) main() (most *capture.Source) {
	for source, took := range r.database {
		if most == nil || source != nil && (took > r.database[most] || took == r.database[most] && source.ID < most.ID) {
			most = source
		}
	}
	return most
}

// p50 is the route's median.
func (r *route) p50() time.Duration {
	v, _ := r.times.quantile(0.5)
	return time.Duration(v)
}

// evaluateEvery is at how many requests of a route its histograms are read: reading them costs a few microseconds.
const evaluateEvery = 10

// observe sums up a finished request and asks the detectors about it.
func (t *Tracker) observe(o *observation) {
	r := t.route(o.route)
	r.add(o, t.clock, &t.config)
	w := &t.watching
	*w = watching{observation: o, route: r, config: &t.config, usage: &t.usage, signals: w.signals[:0]}
	for _, d := range detectors {
		d.detect(w)
	}
	if r.seen%evaluateEvery == 0 {
		for _, d := range routeDetectors {
			d.detect(w)
		}
		t.lostCtx()
	}
	t.sample(w)
	for i := range w.signals {
		t.signal(r, &w.signals[i], o.Example)
	}
	t.learn(o)
}

// learn adds to what is usual of the request's statements.
func (t *Tracker) learn(o *observation) {
	for i := range o.steps {
		if s := o.groups[o.steps[i].group].statement; s != nil {
			t.usage.of(s, t.clock).own.Add(int64(o.own(i)))
		}
	}
}

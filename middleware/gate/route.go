package gate

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// mostRoutes bounds the routes that have targets of their own. Those that come later have the Gate's.
const mostRoutes = 256

// routes are the HTTP routes and their targets.
type routes struct {
	base   int64 // target without a route, in nanoseconds
	learn  bool
	given  map[string]time.Duration
	mu     sync.Mutex // of those who add
	byName sync.Map   // routeName to *route
	count  int
}

var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
	http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace,
}

type routeName struct{ method, pattern string }

// route is one route's target.
type route struct {
	target atomic.Int64 // nanoseconds
	learns bool
	seen   latencies
	best   healthy
}

func (rs *routes) open(c Config) {
	rs.base, rs.learn, rs.given = int64(c.objective()/2), c.Objective == 0, c.Routes
}

// find returns the route of a request, nil if there are too many or it has no pattern. Methods that HTTP does
// not define come from strangers and are one.
func (rs *routes) find(method, pattern string) *route {
	if pattern == "" {
		return nil
	}
	if own, rest, ok := strings.Cut(pattern, " "); ok { // net/http's patterns may begin with a method
		method, pattern = own, strings.TrimLeft(rest, " \t")
	} else if !slices.Contains(methods, method) {
		method = "_OTHER"
	}
	name := routeName{method, pattern}
	if r, ok := rs.byName.Load(name); ok {
		return r.(*route)
	}
	return rs.add(name)
}

func (rs *routes) add(name routeName) *route {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if r, ok := rs.byName.Load(name); ok {
		return r.(*route)
	}
	if rs.count >= mostRoutes {
		return nil
	}
	rs.count++
	r := &route{learns: rs.learn}
	r.target.Store(rs.base)
	for _, given := range []string{name.method + " " + name.pattern, name.pattern} {
		if objective, ok := rs.given[given]; ok {
			r.target.Store(int64(objective / 2))
			r.learns = false
			break
		}
	}
	rs.byName.Store(name, r)
	return r
}

const (
	lookEvery    = time.Second       // at the routes
	healthyOver  = 100               // samples of a healthy median
	targetFactor = 5                 // times the healthy median
	leastTarget  = leastObjective    // of a route that does nothing
	epochOf      = 300 * time.Second // of health, after which a median may be forgotten
)

// learn looks at the routes each second in which all was well: only then is the median the work's own and
// not a queue's.
func (g *Gate) learn(at int64, r reading, idle bool) {
	w := &g.watch
	calm := idle || g.law.state == Normal && g.law.test.slow == 0 && r.slow*10 <= r.samples
	w.calm = w.calm && calm && r.rejected == 0
	since := time.Duration(at - w.looked)
	if !g.routes.learn || since < lookEvery {
		return
	}
	g.routes.byName.Range(func(_, v any) bool {
		if r := v.(*route); r.learns {
			r.update(w.calm, since)
		}
		return true
	})
	w.looked, w.calm = at, true
}

// update takes what was seen in a calm second into the healthy median, and forgets the rest.
func (r *route) update(calm bool, since time.Duration) {
	// A first median comes in any case: a target that the route cannot meet on its best day
	// would never let it be calm.
	if !calm && r.best.known() {
		r.seen.reset()
		return
	}
	if r.seen.total() < healthyOver {
		r.best.pass(since)
		return
	}
	r.best.add(r.seen.median(), since)
	r.seen.reset()
	target := targetFactor * r.best.median()
	r.target.Store(min(max(target, int64(leastTarget)), int64(mostObjective)))
}

// healthy is the least median of the last one to two epochs, so that a route that became slower for good is
// believed after a while.
type healthy struct {
	now, before int64 // least medians, 0 if there is none
	age         time.Duration
}

func (h *healthy) known() bool { return h.now|h.before != 0 }

func (h *healthy) pass(since time.Duration) { h.age += since }

func (h *healthy) add(median int64, since time.Duration) {
	h.pass(since)
	if h.age >= epochOf {
		h.before, h.now, h.age = h.now, 0, 0
	}
	if h.now == 0 || median < h.now {
		h.now = median
	}
}

func (h *healthy) median() int64 {
	if h.before == 0 || h.now != 0 && h.now < h.before {
		return h.now
	}
	return h.before
}

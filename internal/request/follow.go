package request

import (
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// settle asks the detectors about a request of which everything has arrived.
func (t *Tracker) settle(r *record) {
	if r.ended && !r.done && r.complete() {
		t.finish(r)
	}
}

// record finds the record of a scope or begins one.
func (t *Tracker) record(scope *capture.Scope) *record {
	if r := t.open[scope.ID]; r != nil {
		return r
	}
	if len(t.open)-len(t.done) >= t.config.Open {
		t.evict()
	}
	r := &record{scope: scope, observation: t.room(), last: t.clock}
	t.open[scope.ID] = r
	return r
}

// room is an empty observation.
func (t *Tracker) room() *observation {
	n := len(t.spare)
	if n == 0 {
		return &observation{}
	}
	o := t.spare[n-1]
	t.spare = t.spare[:n-1]
	return o
}

// evict makes room: for a request that has ended, what has arrived must do; else the one quiet for longest is forgotten.
func (t *Tracker) evict() {
	for len(t.ended) > 0 {
		r := t.ended[0]
		t.ended = t.ended[1:]
		if !r.done {
			t.finish(r)
			return
		}
	}
	var oldest *record
	for _, r := range t.open {
		if !r.done && (oldest == nil || r.last < oldest.last || r.last == oldest.last && r.scope.ID < oldest.scope.ID) {
			oldest = r
		}
	}
	t.abandon(oldest)
}

func (t *Tracker) abandon(r *record) {
	t.stats.Abandoned++
	if r.latened { // its end came, and was forgotten
		t.signalLate(t.route(r.scope.Name()), r.example, r.lateOf)
	}
	delete(t.open, r.scope.ID)
	t.free(r)
}

// spares is how many observations are kept for the requests to come, with their room.
const spares = 64

// free takes a record's observation away.
func (t *Tracker) free(r *record) {
	if len(t.spare) < spares {
		r.observation.reset()
		t.spare = append(t.spare, r.observation)
	}
	r.observation = nil
}

// finish asks the detectors.
func (t *Tracker) finish(r *record) {
	if r.done {
		return
	}
	r.done = true
	r.sort()
	t.observe(r.observation)
	if r.latened {
		t.signalLate(t.route(r.name), r.example, r.lateOf)
	}
	t.remember(r)
}

// remember keeps a finished request for a while without what it did, to know its late statements.
func (t *Tracker) remember(r *record) {
	t.free(r)
	t.unlink(r)
	r.last = t.clock
	t.done = append(t.done, r)
	for len(t.done) > t.config.Open {
		t.forget()
	}
}

// unlink takes a finished request out of those waited for.
func (t *Tracker) unlink(r *record) {
	for i, other := range t.ended {
		if other == r {
			t.ended = append(t.ended[:i], t.ended[i+1:]...)
			return
		}
	}
}

func (t *Tracker) forget() {
	delete(t.open, t.done[0].scope.ID)
	t.done = t.done[1:]
}

// remembered is how long a finished request is known for what comes after it.
const remembered = time.Minute

// sweep forgets what is over.
func (t *Tracker) sweep() {
	for len(t.done) > 0 && t.clock-t.done[0].last > capture.Instant(remembered) {
		t.forget()
	}
	for _, r := range t.open {
		if !r.ended && t.clock-r.last > capture.Instant(t.config.Abandon) {
			t.abandon(r)
		}
	}
	for _, r := range t.routes {
		t.expire(r)
	}
	t.expire(t.process)
}

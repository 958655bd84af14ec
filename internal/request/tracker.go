package request

import (
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// Tracker follows requests. See the package's comment.
type Tracker struct {
	config    Config
	clock     capture.Instant // the end of the latest event, or of a Tick
	open      map[uint64]*record
	ended     []*record // whose statements have not all arrived, the oldest first
	done      []*record // that detectors have seen, kept to know what comes late
	spare     []*observation
	watching  watching // of the request that detectors look at
	routes    map[string]*route
	process   *route // of what belongs to no route
	usage     usage
	lost      lost
	pools     map[*capture.Source]*pool
	stats     Stats
	findings  []Finding
	changed   bool
	lastSwept capture.Instant
}

// Stats accounts for every event. Statements = Kept + Folded + Late + Straggled + Unattributed + Unknown.
type Stats struct {
	Events       uint64 // all that were added
	Statements   uint64
	Kept         uint64 // as they are, in requests
	Folded       uint64 // into composites
	Late         uint64 // began after the end of their request
	Straggled    uint64 // began before it, and arrived after detectors were asked
	Unattributed uint64 // belong to no request
	Unknown      uint64 // have no text
	Transactions uint64
	Requests     uint64
	Outgoing     uint64
	Others       uint64 // of other kinds
	Abandoned    uint64 // requests forgotten before their end
	Dropped      uint64 // issues for which there was no room
}

// NewTracker returns a Tracker that has seen nothing.
func NewTracker(c Config) *Tracker {
	c = c.withDefaults()
	t := &Tracker{config: c, open: map[uint64]*record{}, routes: map[string]*route{}, pools: map[*capture.Source]*pool{}}
	t.process = newRoute("")
	t.usage = newUsage(c)
	t.lost = newLost(c)
	return t
}

// Add takes in events, in the order of draining. It keeps their scopes until a minute after the requests are over.
func (t *Tracker) Add(events []capture.Event) {
	for i := range events {
		t.add(&events[i])
	}
}

// Stats are the counts so far.
func (t *Tracker) Stats() Stats { return t.stats }

func (t *Tracker) add(ev *capture.Event) {
	t.stats.Events++
	t.advance(ev.Start + capture.Instant(ev.Total))
	switch ev.Kind {
	case capture.KindStatement:
		t.statement(ev)
	case capture.KindTransaction:
		t.transaction(ev)
	case capture.KindRequest:
		t.request(ev)
	case capture.KindOutgoing:
		t.outgoing(ev)
	default:
		t.stats.Others++
	}
}

// Tick says what time it is, for what ends without another event. Call it every few seconds.
func (t *Tracker) Tick(now capture.Instant) {
	t.advance(now)
	t.lostCtx()
}

// advance moves the clock and does what is due.
func (t *Tracker) advance(now capture.Instant) {
	if now <= t.clock {
		return
	}
	t.clock = now
	for len(t.ended) > 0 && (t.ended[0].done || t.clock-t.ended[0].last > capture.Instant(t.config.Grace)) {
		r := t.ended[0]
		t.ended = t.ended[1:]
		t.finish(r)
	}
	if t.clock-t.lastSwept >= capture.Instant(t.config.Abandon/10) {
		t.lastSwept = t.clock
		t.sweep()
	}
}

func (t *Tracker) statement(ev *capture.Event) {
	t.stats.Statements++
	switch {
	case ev.Statement == nil:
		t.stats.Unknown++
		return
	case ev.Scope == nil:
		t.stats.Unattributed++
		t.usage.of(ev.Statement, t.clock).unattributed(ev)
		t.lost.add(ev, t.clock)
		return
	}
	t.usage.of(ev.Statement, t.clock).attributed(ev)
	t.lost.attributed(ev, t.clock)
	if ev.Flags.Has(capture.FlagLate) {
		t.stats.Late++
		t.late(ev)
		return
	}
	r := t.record(ev.Scope)
	r.last = max(r.last, ev.Start+capture.Instant(ev.Total))
	switch {
	case r.done:
		t.stats.Straggled++
	case r.statement(ev, &t.config):
		t.stats.Folded++
	default:
		t.stats.Kept++
	}
	t.settle(r)
}

func (t *Tracker) transaction(ev *capture.Event) {
	t.stats.Transactions++
	if ev.Scope == nil || ev.Flags.Has(capture.FlagLate) {
		return
	}
	r := t.record(ev.Scope)
	if r.done {
		t.heldAlone(r, ev)
		return
	}
	r.last = max(r.last, ev.Start+capture.Instant(ev.Total))
	r.transacted(ev)
	t.settle(r)
}

// outgoing adds a call to another service to the request that made it. Its event comes when its answer was read, perhaps
// after the request's own.
func (t *Tracker) outgoing(ev *capture.Event) {
	t.stats.Outgoing++
	if ev.Scope == nil || ev.Statement == nil || ev.Flags.Has(capture.FlagLate) {
		return // of "(other)" nobody knows whether two are the same
	}
	r := t.record(ev.Scope)
	if r.done {
		return
	}
	r.last = max(r.last, ev.Start+capture.Instant(ev.Total))
	if len(r.calls) < callsKept {
		r.calls = append(r.calls, callOf(ev))
	}
}

func (t *Tracker) request(ev *capture.Event) {
	t.stats.Requests++
	if ev.Scope == nil {
		return
	}
	r := t.record(ev.Scope)
	if r.ended {
		return
	}
	r.last = t.clock
	r.finished(ev)
	t.ended = append(t.ended, r)
	t.settle(r)
}

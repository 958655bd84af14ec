package gate

import (
	"slices"
	"sync/atomic"
	"time"
)

// Reason says why a decision was made.
type Reason uint8

// The reasons.
const (
	None           Reason = iota
	InTime                // nine of ten were within the target
	Idle                  // too little traffic to judge by
	Late                  // more than one of ten was not: Little's law
	Elastic               // late, but completions fell with what was in flight: try without
	Probing               // trying
	Revoked               // more in flight did not complete more: it is load after all
	SlowDependency        // more in flight did complete more: something else is slow
	Tolerated             // late as the slow dependency is
	Recovered             // it is no longer slow
)

var reasonNames = [...]string{"none", "in time", "idle", "late", "elastic", "probing", "revoked", "slow dependency", "tolerated", "recovered"}

// String is the reason's name.
func (r Reason) String() string { return reasonNames[min(int(r), len(reasonNames)-1)] }

// MarshalText is the reason's name, also in JSON.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Counts are numbers of pieces of work by class.
type Counts struct {
	Ordinary uint64 `json:"ordinary"`
	High     uint64 `json:"high"`
}

// Stats is what a Gate did since New, and what it sees.
type Stats struct {
	Limit    int    `json:"limit"`
	InFlight int    `json:"in_flight"`
	Admitted Counts `json:"admitted"`
	Rejected Counts `json:"rejected"` // in a dry run: would have been
	DryRun   bool   `json:"dry_run"`
	State    State  `json:"state"`
	Reason   Reason `json:"reason"` // of the last decision
	// SlowDependency is what a slow dependency takes, 0 if there is none.
	SlowDependency time.Duration `json:"slow_dependency"`
	Voided         uint64        `json:"voided"`     // windows in which the process stood still
	Target         time.Duration `json:"target"`     // of the last decision, with what follows
	P90            time.Duration `json:"p90"`        // within 12 %
	Throughput     float64       `json:"throughput"` // per second
}

// Decision is one move of the limit.
type Decision struct {
	At         time.Time     `json:"at"`
	Before     int           `json:"before"` // limit
	After      int           `json:"after"`
	State      State         `json:"state"` // after it
	Reason     Reason        `json:"reason"`
	Window     time.Duration `json:"window"` // that it rests on, with what follows
	Samples    int           `json:"samples"`
	P90        time.Duration `json:"p90"`
	Target     time.Duration `json:"target"`
	Throughput float64       `json:"throughput"` // per second
	InFlight   float64       `json:"in_flight"`  // mean
	Rejected   int           `json:"rejected"`
}

// Notice is that a dependency became slow, or is no longer.
type Notice struct {
	Slow    bool          `json:"slow"`
	Takes   time.Duration `json:"takes"` // on average
	Target  time.Duration `json:"target"`
	Limit   int           `json:"limit"`
	Message string        `json:"message"`
}

// view is what the last decision saw.
type view struct {
	reading reading
	reason  Reason
}

// Stats returns what there is to know. Counts are read one after the other, while work goes on.
func (g *Gate) Stats() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	v := g.view
	return Stats{
		Limit: int(g.bounds[High].Load()), InFlight: int(g.load()),
		Admitted: counts(&g.admitted), Rejected: counts(&g.rejected), DryRun: g.config.DryRun,
		State: g.law.state, Reason: v.reason, SlowDependency: seconds(g.law.test.slow),
		Voided: g.watch.voided, Target: v.reading.target, P90: v.reading.latency(),
		Throughput: v.reading.rate(),
	}
}

// Decisions returns the last moves of the limit, the oldest first, at most 256.
func (g *Gate) Decisions() []Decision {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.log.list()
}

const logged = 256

// log is a ring of the last decisions.
type log struct {
	ring []Decision
	next int
}

func (l *log) add(d Decision) {
	if len(l.ring) < logged {
		l.ring = append(l.ring, d)
		return
	}
	l.ring[l.next] = d
	l.next = (l.next + 1) % logged
}

func (l *log) list() []Decision { return slices.Concat(l.ring[l.next:], l.ring[:l.next]) }

func decisionOf(r reading, why Reason, before float64, l *law) Decision {
	return Decision{
		At: time.Now(), Before: whole(before), After: whole(l.limit), State: l.state, Reason: why,
		Window: r.elapsed, Samples: int(r.samples), P90: r.latency(), Target: r.target,
		Throughput: r.rate(), InFlight: r.inFlight, Rejected: int(r.rejected),
	}
}

// noticeOf says whether a dependency became slow or recovered, which before told of.
func noticeOf(r reading, before float64, l *law) (Notice, bool) {
	now := l.test.slow
	n := Notice{Slow: now > 0, Takes: seconds(now), Target: r.target, Limit: whole(l.limit)}
	switch {
	case before == 0 && now > 0:
		n.Message = "a dependency is slow: less in flight does not make it faster, so nothing is shed"
	case before > 0 && now == 0:
		n.Message = "the slow dependency has recovered"
	default:
		return Notice{}, false
	}
	return n, true
}

func (r reading) latency() time.Duration { return time.Duration(r.p90 * float64(r.target)) }

// rate is the throughput, also of no reading.
func (r reading) rate() float64 {
	if r.elapsed == 0 {
		return 0
	}
	return r.throughput()
}

func whole(limit float64) int { return int(limit + 0.5) }

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func counts(c *[classes]atomic.Uint64) Counts {
	return Counts{Ordinary: c[Ordinary].Load(), High: c[High].Load()}
}

func total(c *[classes]atomic.Uint64) (n uint64) {
	for i := range c {
		n += c[i].Load()
	}
	return n
}

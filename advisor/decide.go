package advisor

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// What a decision on live traffic rests on. The times of a statement are compared slot by slot, not call by
// call: calls of one slot share the load, the cache and the checkpoint of their minute, so that ten
// thousand of them are no ten thousand observations.
const (
	leastSlots = 8  // on each side, from where the normal approximation of the test holds
	leastCalls = 50 // on each side: fewer say little about any one
	p50Calls   = 3  // in a slot, for its median to count
	p95Calls   = 20 // in a slot, for its p95 to be more than its maximum

	// slower is the least ratio that counts: more than twice what a proof puts up with, for there both sides
	// ran by turns on the same machine and here hours lie between them. Where no other statement tells
	// how the machine was, a doubling must be seen.
	slower             = 1.25
	slowerUncontrolled = 2.0
	// severe harm is undone at once; a lesser one must be seen at two looks, one after the other.
	severe = 2.0
	// leastLost is what a call must lose at least. At a thousand calls a second it is 1 % of a core.
	leastLost = 10 * time.Microsecond

	// falseAlarms is the chance that a change without any effect is undone, all looks and statements
	// together. There are eight looks at 15m, 30m, … 24h; the levels are shared by Bonferroni and Holm.
	// https://www.jstor.org/stable/4615733
	falseAlarms = 0.01
	maxLooks    = 8
)

// finding is the outcome of a comparison.
type finding struct {
	harm       string // "" if there is none, else which
	severe     bool
	better     bool // a target is faster
	waiting    int  // statements of the time before that were not seen often enough since
	seen       int  // statements that were
	controls   int
	balance    string // what writes lose and other statements save, "" if writes lose nothing
	statements []Watched
}

// tested is one statement's values by slot with what the controls say divided out, as logarithms.
type tested struct {
	*series
	*Watched
	quantiles []sides // p50, and p95 where there are calls enough
	slowerIn  int     // which quantile is slower for certain, -1 for none
}

type sides struct {
	get           func(slot) (float64, bool)
	controlled    bool
	before, after []float64
	ratio         float64
	pUp, pDown    float64 // chances of a ratio as far above, and below, one
}

// least is the ratio that counts as a difference.
func (q sides) least() float64 {
	if q.controlled {
		return slower
	}
	return slowerUncontrolled
}

// decide compares. A change did harm if a statement it is for, or another that reads what was changed,
// is slower for certain, or if the writes lose more time than the faster statements save: that writes
// pay for an index was weighed when it was proved.
//
// "For certain": the one-sided Mann–Whitney test over the slots, its deviation widened by how much one slot
// resembles the next, Holm-corrected for all statements and quantiles tested at this look, and a
// Hodges–Lehmann ratio of at least slower. To be faster takes less: who is wrong about that keeps what would
// have been kept in the end. Each value is first divided
// by what happened in the same slot to statements that the change does not touch, a ratio of ratios:
// a slower machine is no fault of an index.
func decide(c *comparison) *finding {
	f := &finding{controls: c.controls, waiting: c.absent, statements: []Watched{}}
	list := f.testAll(c)
	holm(list, falseAlarms/maxLooks)
	var saved, lost time.Duration
	for _, t := range list {
		t.judge()
		f.better = f.better || t.role == roleTarget && t.Verdict == "faster"
		if t.Verdict == "slower" {
			lost += f.blame(t)
		} else if t.Ratio > 0 && t.Ratio <= 1/slower { // certain or not: in doubt nothing is undone
			saved += time.Duration(float64(t.total) * (1/t.Ratio - 1))
		}
		f.statements = append(f.statements, *t.Watched)
	}
	f.weigh(lost, saved)
	slices.SortStableFunc(f.statements, func(a, b Watched) int { return cmp.Compare(noteworthy(a), noteworthy(b)) })
	return f
}

// testAll tests the statements that the change touches, and counts which were seen often enough.
func (f *finding) testAll(c *comparison) (list []*tested) {
	for _, s := range c.statements {
		if s.role == roleControl {
			continue
		}
		t := c.test(s)
		list = append(list, t)
		switch {
		case len(t.quantiles) > 0:
			f.seen++
		case callsIn(s.before) >= leastCalls:
			f.waiting++
		}
	}
	return list
}

// weigh sets what writes lose against what other statements save.
func (f *finding) weigh(lost, saved time.Duration) {
	if lost > 0 {
		f.balance = fmt.Sprintf("writes lose %v since and faster statements save %v", lost.Round(time.Microsecond), saved.Round(time.Microsecond))
	}
	if f.harm == "" && lost > saved {
		f.harm, f.severe = f.balance, lost > severe*saved
	}
}

// blame notes harm to a statement that reads, and returns what one that writes loses.
func (f *finding) blame(t *tested) (lost time.Duration) {
	if t.role == roleWrite {
		return time.Duration(float64(t.total) * (1 - 1/t.Ratio))
	}
	f.harm = fmt.Sprintf("%s takes %.2f times as long (p = %.1g, %d calls): %s", t.role, t.Ratio, t.P, t.CallsAfter, t.fingerprint)
	f.severe = f.severe || t.Ratio >= severe
	return 0
}

func noteworthy(w Watched) int {
	return slices.Index([]string{"slower", "faster", "same", "too little traffic"}, w.Verdict)
}

// test prepares one statement.
func (c *comparison) test(s *series) *tested {
	t := &tested{series: s, slowerIn: -1, Watched: &Watched{
		Digest: s.digest, Fingerprint: s.fingerprint, Role: s.role, CallsBefore: callsIn(s.before), CallsAfter: callsIn(s.after),
		P50Before: middleOf(s.before, p50Of), P50After: middleOf(s.after, p50Of),
		P95Before: middleOf(s.before, p95Of), P95After: middleOf(s.after, p95Of),
		Verdict: "too little traffic", P: 1,
	}}
	if t.CallsBefore < leastCalls || t.CallsAfter < leastCalls {
		return t
	}
	for _, get := range []func(slot) (float64, bool){p50Of, p95Of} {
		q := sides{get: get}
		before, after, controlled := c.control(get)
		q.controlled = controlled
		q.before, q.after = logs(s.before, get, before), logs(s.after, get, after)
		if len(q.before) < leastSlots || len(q.after) < leastSlots {
			break // the p95 needs more calls than the median
		}
		inflation := serial(q.before, q.after)
		q.ratio = math.Exp(shift(q.before, q.after))
		q.pUp, q.pDown = mannWhitney(q.before, q.after, inflation), mannWhitney(q.after, q.before, 1)
		t.quantiles = append(t.quantiles, q)
	}
	return t
}

// holm finds the statements that are slower, at a common level.
func holm(list []*tested, level float64) {
	type claim struct {
		p    float64
		hold func()
	}
	var claims []claim
	for _, t := range list {
		for i, q := range t.quantiles {
			claims = append(claims, claim{q.pUp, func() {
				if t.slowerIn < 0 || q.ratio > t.quantiles[t.slowerIn].ratio {
					t.slowerIn = i
				}
			}})
		}
	}
	slices.SortStableFunc(claims, func(a, b claim) int { return cmp.Compare(a.p, b.p) })
	for i, c := range claims {
		if c.p > level/float64(len(claims)-i) {
			return
		}
		c.hold()
	}
}

// judge words what the tests found.
func (t *tested) judge() {
	if len(t.quantiles) == 0 {
		return
	}
	q := t.quantiles[0]
	t.Verdict, t.Ratio, t.P = "same", q.ratio, q.pUp
	if t.slowerIn >= 0 {
		q = t.quantiles[t.slowerIn]
		usual := medianOf(logs(t.before, q.get, nil))
		if q.ratio >= q.least() && math.Exp(usual)*(q.ratio-1) >= float64(leastLost) {
			t.Verdict, t.Ratio, t.P = "slower", q.ratio, q.pUp
			return
		}
		q = t.quantiles[0]
	}
	if q.pDown <= falseAlarms/maxLooks && q.ratio <= 1/q.least() {
		t.Verdict, t.P = "faster", q.pDown
	}
}

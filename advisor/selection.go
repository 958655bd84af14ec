package advisor

import (
	"context"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/schema"
)

// selection chooses a set of indexes for the whole workload: what the reads cost and what the writes pay,
// together. Gains of single indexes do not add up, so each step measures the set as a whole.
//
// It starts from nothing and adds what gains most per step, as Extend does (Schlosser, Kossmann and Boissier,
// ICDE 2019), by sets of indexes that only help together; then it drops, replaces and merges while that gains.
type selection struct {
	*evaluator
	upkeep *upkeep
	pays   map[int]float64 // by candidate that was built: nanoseconds that the writes of the workload pay
	bytes  map[int]int64
	guess  []int64   // bytes that a candidate would take
	base   []measure // by probe: without any candidate
	broken set       // candidates that cannot be built
	limits Limits
	gains  map[int]float64

	writePrice float64       // of a nanosecond that writes pay, beyond that nanosecond
	bytePrice  float64       // of a byte, in nanoseconds
	slack      float64       // what an index must gain
	until      int           // how many plans refine may make
	more       int           // how many candidates it may build
	spend      time.Duration // how long its runs may take together
	loyal      set           // candidates that were proposed before
	tail       []*query      // statements of the workload that are not searched for
	db         database
	schema     *schema.Schema
}

// Limits bound a set of indexes. Zero means none.
type Limits struct {
	Indexes int   // how many
	Bytes   int64 // how much they may take together
}

const (
	// worthwhile is the least share of the score that an index must gain: less is within what two
	// measurements of the same set differ by.
	worthwhile = 0.001

	// slowerStep is how much more a statement may cost with the set than without, in virtual machine
	// instructions, before it counts many times over.
	slowerStep = 1.05
	harm       = 20

	// slowerCost is the same for the cost: an index may lead to fewer instructions than a scan and ask for a page at
	// each. Counted, as the time of one run may be chance.
	slowerCost = 2

	// writeShare and byteShare say what else may be given up for being cheap: where a set is about right, an
	// index that makes the workload 1 % cheaper may make writes 1/writeShare % slower, or the indexes
	// 1/byteShare % larger.
	writeShare = 0.15
	byteShare  = 0.1

	// loyalty is the share of its bytes that an index need not pay for if it was proposed before: of two about as
	// good, people would see the other each time.
	loyalty = 0.2
)

// choose returns the set. core are the bundles to begin with.
func (c *selection) choose(ctx context.Context, core []set) (set, error) {
	for _, p := range c.probes {
		m, err := c.cost(ctx, p, set{})
		if err != nil {
			return set{}, err
		}
		c.base = append(c.base, m)
	}
	list := bundles(core)
	best, cost, err := c.start(ctx, set{}, list)
	if err != nil {
		return best, err
	}
	c.price(cost)
	if best, cost, err = c.dearer(ctx, best, list); err != nil {
		return best, err
	}
	c.slack, c.more = worthwhile*c.score(cost), buildsMore
	if best, err = c.refine(ctx, best); err != nil {
		return best, err
	}
	if err := c.watch(ctx, best); err != nil {
		return best, err
	}
	return c.refine(ctx, best)
}

// totals are what a workload costs under a set of indexes.
type totals struct {
	reads  float64 // nanoseconds, searches of writes among them
	writes float64 // nanoseconds for changing the indexes
	bytes  float64 // of the indexes
}

// score is the objective, in nanoseconds.
func (c *selection) score(t totals) float64 {
	return t.reads + t.writes*(1+c.writePrice) + t.bytes*c.bytePrice
}

// price sets what writes and bytes cost beyond the time they take, by a set that is about right.
func (c *selection) price(t totals) {
	all := min(t.reads+t.writes+c.upkeep.bare, max(c.saved(t), 1)) // what no index can save pays for none
	c.writePrice = writeShare * all / max(t.writes+c.upkeep.bare, 1)
	c.bytePrice = byteShare * all / max(t.bytes, 1)
}

// saved is what the set saves.
func (c *selection) saved(t totals) float64 {
	var before float64
	for i, p := range c.probes {
		if !p.guard {
			before += p.weight * c.base[i].cost
		}
	}
	return before - t.reads - t.writes
}

// totals sums up what the workload costs under s.
func (c *selection) totals(ctx context.Context, s set) (totals, error) {
	return c.sum(s, func(p *probe) (measure, error) { return c.cost(ctx, p, s) })
}

func (c *selection) sum(s set, cost func(*probe) (measure, error)) (t totals, err error) {
	for i, p := range c.probes {
		m, err := cost(p)
		if err != nil {
			return t, err
		}
		t.reads += p.weight * c.charged(p, m, c.base[i])
	}
	for _, n := range s.list() {
		t.writes += c.pays[n]
		if t.bytes += float64(c.bytes[n]); c.loyal.has(n) {
			t.bytes -= loyalty * float64(c.bytes[n])
		}
	}
	return t, nil
}

// total is the score of s.
func (c *selection) total(ctx context.Context, s set) (float64, error) {
	t, err := c.totals(ctx, s)
	return c.score(t), err
}

// less is the score of s without n.
func (c *selection) less(ctx context.Context, s set, n int) (float64, error) {
	t, err := c.sum(s.without(n), func(p *probe) (measure, error) { return c.without(ctx, p, s, n) })
	return c.score(t), err
}

// joined is the score of s with b, as far as those are concerned who might use it.
func (c *selection) joined(ctx context.Context, s, b set) (float64, error) {
	t, err := c.sum(s.or(b), func(p *probe) (measure, error) { return c.with(ctx, p, s, b) })
	return c.score(t), err
}

// charged is a measure's cost, with what is slower than before counted many times.
func (c *selection) charged(p *probe, m, base measure) float64 {
	if base.cut {
		if p.guard {
			return 0
		}
		return m.cost
	}
	if !p.guard {
		return m.cost + harm*max(stepCost*excess(m.steps, base.steps), m.tally-slowerCost*base.tally)
	}
	var over float64
	for i, steps := range m.each {
		over += excess(steps, base.each[i])
	}
	return harm * max(stepCost*over, m.tally-slowerCost*base.tally)
}

// excess is how many instructions more are more than chance or a planner's whim.
func excess(steps, base float64) float64 {
	if over := steps - slowerStep*base; over > 20 {
		return over
	}
	return 0
}

// size is what the indexes of s take.
func (c *selection) size(s set) (bytes int64) {
	for _, n := range s.list() {
		bytes += c.bytes[n]
	}
	return bytes
}

// fits says whether s keeps to the limits.
func (c *selection) fits(s set) bool {
	return (c.limits.Indexes == 0 || len(s.list()) <= c.limits.Indexes) && (c.limits.Bytes == 0 || c.size(s) <= c.limits.Bytes)
}

package advisor

import (
	"context"
	"fmt"
	"slices"
)

// bundle is a set of indexes that some plan uses together.
type bundle struct {
	set
	gain  float64
	stamp int // of the set that gain was measured against
}

func bundles(of []set) []*bundle {
	var list []*bundle
	seen := map[set]bool{}
	for _, s := range of {
		if !seen[s] {
			seen[s] = true
			list = append(list, &bundle{set: s, stamp: -1})
		}
	}
	return list
}

// start grows a set from s and drops what it turns out not to need.
func (c *selection) start(ctx context.Context, s set, list []*bundle) (set, totals, error) {
	t, err := c.totals(ctx, s)
	if err != nil {
		return s, t, err
	}
	c.least(c.score(t))
	for _, b := range list {
		b.stamp = -1
	}
	if s, err = c.grow(ctx, s, slices.Clone(list)); err != nil {
		return s, t, err
	}
	if t, err = c.totals(ctx, s); err != nil {
		return s, t, err
	}
	c.slack = worthwhile * c.score(t)
	if s, err = c.drop(ctx, s); err != nil {
		return s, t, err
	}
	t, err = c.totals(ctx, s)
	return s, t, err
}

// dearer chooses again now that writes and bytes have their price: from the set grown without, and from
// nothing; which of the two leads further differs from workload to workload.
func (c *selection) dearer(ctx context.Context, grown set, list []*bundle) (set, totals, error) {
	one, costOne, err := c.start(ctx, grown, list)
	if err != nil {
		return one, costOne, err
	}
	two, costTwo, err := c.start(ctx, set{}, list)
	if err != nil || c.score(costTwo) < c.score(costOne) {
		return two, costTwo, err
	}
	return one, costOne, nil
}

// generous is the part of what an index must gain in the end that it must gain at first.
const generous = 0.2

// enough is the share of what any other bundle may gain at most that one must gain to be taken before the others
// were built and measured: where a search replaces a scan, the first one built gains nearly all there is to gain.
const enough = 0.8

// grow adds the bundle that gains most until none gains enough. What the statements cost that might use a bundle is a
// bound for what it gains, and so is what it gained beside a smaller set, which is seldom wrong and much
// less work than to measure all of them each time.
func (c *selection) grow(ctx context.Context, s set, list []*bundle) (set, error) {
	current, err := c.total(ctx, s)
	if err != nil {
		return s, err
	}
	for stamp := 0; ; {
		list = slices.DeleteFunc(list, func(b *bundle) bool { return b.set.minus(s).empty() })
		for _, b := range list {
			if bound, err := c.bound(ctx, s, b.set); err != nil {
				return s, err
			} else if b.stamp < 0 || bound < b.gain {
				b.gain = bound
			}
		}
		best, err := c.best(ctx, s, list, current, stamp)
		if err != nil || best == nil {
			return s, err
		}
		next, err := c.total(ctx, s.or(best.set))
		if err != nil {
			return s, err
		}
		if current-next <= c.slack || !c.fits(s.or(best.set)) {
			list = slices.DeleteFunc(list, func(b *bundle) bool { return b == best })
			continue
		}
		s, current = s.or(best.set), next
		c.least(current)
		stamp++
	}
}

// best is the bundle to add to s, nil if none gains enough.
func (c *selection) best(ctx context.Context, s set, list []*bundle, current float64, stamp int) (*bundle, error) {
	var taken *bundle
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var next *bundle // of those that are not measured
		for _, b := range list {
			if b.stamp != stamp && b.gain > c.slack && (next == nil || c.worth(b, s) > c.worth(next, s)) {
				next = b
			}
		}
		if next == nil || taken != nil && c.worth(taken, s) >= enough*c.worth(next, s) {
			return taken, nil
		}
		if err := c.measure(ctx, s, next, current, stamp); err != nil {
			return nil, err
		}
		if next.gain > c.slack && (taken == nil || c.worth(next, s) > c.worth(taken, s)) {
			taken = next
		}
	}
}

// measure finds what b gains beside s.
func (c *selection) measure(ctx context.Context, s set, b *bundle, current float64, stamp int) error {
	if err := c.ensure(ctx, b.set); err != nil {
		return err
	}
	b.gain, b.stamp = 0, stamp
	if !b.set.and(c.broken).empty() {
		return nil
	}
	then, err := c.joined(ctx, s, b.set)
	b.gain = current - then
	return err
}

// bound is what the statements whose plans used b cost under s, as far as an index could save it.
func (c *selection) bound(ctx context.Context, s, b set) (sum float64, err error) {
	for i, p := range c.probes {
		if p.guard || p.planned.and(b).empty() {
			continue
		}
		m, err := c.cost(ctx, p, s)
		if err != nil {
			return 0, err
		}
		sum += p.weight * max(c.charged(p, m, c.base[i])-m.floor, 0)
	}
	return sum, nil
}

// least sets what an index must gain where the workload costs that much. While writes and bytes have no price it is much
// less: two indexes that each gain little may gain a lot together, and what gains too little is dropped later.
func (c *selection) least(cost float64) {
	if c.slack = worthwhile * cost; c.bytePrice == 0 {
		c.slack *= generous
	}
}

// worth is what a bundle is chosen by: its gain, per byte or per index where those are limited.
func (c *selection) worth(b *bundle, s set) float64 {
	added := b.set.minus(s)
	switch {
	case c.limits.Bytes > 0:
		return b.gain / float64(c.size(added)+4096)
	case c.limits.Indexes > 0:
		return b.gain / float64(len(added.list()))
	}
	return b.gain
}

// ensure builds the candidates of s in the lab, those that are not there yet.
//
// One that cannot be built is broken and stays out: one row of sixty thousand may hold malformed JSON.
func (c *selection) ensure(ctx context.Context, s set) error {
	for _, n := range s.minus(c.broken).list() {
		if _, done := c.built[n]; done {
			continue
		}
		name := fmt.Sprintf("sqliteperf candidate %d", n)
		at, err := c.lab.Build(ctx, name, c.candidates[n].sql(name))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			c.broken = c.broken.with(n)
			continue
		}
		if err := c.lab.Analyze(ctx, name); err != nil {
			return err
		}
		c.built[n], c.candidate[at] = at, n
		if c.bytes[n], err = c.lab.Size(ctx, at); err != nil {
			return err
		}
		if c.kept != nil {
			c.bytes[n] = c.guess[n]
		}
		if c.pays[n], err = c.upkeep.of(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

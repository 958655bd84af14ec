package advisor

import (
	"cmp"
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
	c.slack = worthwhile * (t.reads + t.writes)
	if s == (set{}) {
		c.slack = 0 // what it will cost is not known
	}
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

// grow adds the bundle that gains most until none gains enough. Gains measured against a smaller set are
// taken for bounds and measured again before they count, which is seldom wrong and much less work.
func (c *selection) grow(ctx context.Context, s set, list []*bundle) (set, error) {
	current, err := c.total(ctx, s)
	if err != nil {
		return s, err
	}
	for stamp := 0; ; {
		if err := ctx.Err(); err != nil {
			return s, err
		}
		list = slices.DeleteFunc(list, func(b *bundle) bool { return b.set.minus(s).empty() })
		if len(list) == 0 {
			return s, nil
		}
		for _, b := range list {
			if b.stamp < 0 {
				if err := c.ensure(ctx, b.set); err != nil {
					return s, err
				}
				if !b.set.and(c.broken).empty() {
					b.gain, b.stamp = 0, stamp
					continue
				}
				then, err := c.joined(ctx, s, b.set)
				if err != nil {
					return s, err
				}
				b.gain, b.stamp = current-then, stamp
			}
		}
		best := slices.MaxFunc(list, func(a, b *bundle) int { return cmp.Compare(c.worth(a, s), c.worth(b, s)) })
		if best.gain <= c.slack {
			return s, nil
		}
		if best.stamp != stamp {
			best.stamp = -1
			continue
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
		stamp++
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

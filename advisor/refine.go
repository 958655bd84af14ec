package advisor

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"
)

// refining bounds the work of improving a set once it was grown, in statements planned: 0.1 to 0.3 ms each.
const refining = 6000

// refiningRuns bounds the processor time of what refining runs, where statements are slow.
const refiningRuns = 15 * time.Second

// buildsMore is how many candidates may be built for improving a set: 10 to 50 ms each where a table has 100,000 rows.
const buildsMore = 12

// refine improves s until nothing gains, or as many plans were made as it may take: a number and not a time,
// so that the outcome is the same on a busy machine.
func (c *selection) refine(ctx context.Context, s set) (set, error) {
	c.until, c.spend = c.plans+refining, c.ran+refiningRuns
	for !c.exhausted() {
		improved, err := c.improve(ctx, s)
		if err != nil {
			return s, err
		}
		if improved == s {
			break
		}
		s = improved
	}
	return c.drop(ctx, s)
}

// exhausted says whether refine has done as much as it may.
func (c *selection) exhausted() bool { return c.plans >= c.until || c.ran >= c.spend }

// mayBuild says whether candidate n is built, or may be.
func (c *selection) mayBuild(n int) bool {
	if _, done := c.built[n]; done {
		return true
	}
	c.more--
	return c.more >= 0
}

// improve tries each candidate that is not in s and might gain: added, and whatever it makes superfluous
// dropped.
func (c *selection) improve(ctx context.Context, s set) (set, error) {
	s, err := c.drop(ctx, s)
	if err != nil {
		return s, err
	}
	current, err := c.total(ctx, s)
	if err != nil {
		return s, err
	}
	for _, n := range c.promising(ctx, s) {
		if s.has(n) || c.exhausted() || !c.mayBuild(n) {
			continue
		}
		if err := cmp.Or(ctx.Err(), c.ensure(ctx, setOf(n))); err != nil {
			return s, err
		}
		if c.broken.has(n) {
			continue
		}
		tried, err := c.swap(ctx, s, n)
		if err != nil {
			return s, err
		}
		cost, err := c.total(ctx, tried)
		if err != nil {
			return s, err
		}
		if cost < current-c.slack && c.fits(tried) {
			s, current = tried, cost
		}
	}
	return s, nil
}

// reachable is how far below the least cost seen of a statement another index may bring it.
const reachable = 0.95

// promising lists the candidates that might gain, the most promising first: what the statements that might use
// one cost above the least they were ever seen to, and what the indexes that it may replace cost.
func (c *selection) promising(ctx context.Context, s set) []int {
	hope := map[int]float64{}
	var list []int
	for n, cand := range c.candidates {
		if s.has(n) {
			continue
		}
		for i, p := range c.probes {
			if !p.useful.has(n) {
				continue
			}
			if m, err := c.cost(ctx, p, s); err == nil {
				hope[n] += p.weight * (c.charged(p, m, c.base[i]) - reachable*p.least())
			}
		}
		var replaced float64
		for _, o := range s.and(c.onTable[cand.table]).list() {
			if c.candidates[o].keys[0].Name == cand.keys[0].Name {
				replaced = max(replaced, c.pays[o]*(1+c.writePrice)+c.bytePrice*float64(c.bytes[o]-c.guess[n]))
			}
		}
		if hope[n] += replaced; hope[n] > c.slack {
			list = append(list, n)
		}
	}
	slices.SortStableFunc(list, func(a, b int) int { return cmp.Compare(hope[b], hope[a]) })
	return list
}

// least is the least that the probe was seen to cost.
func (p *probe) least() float64 {
	if p.guard {
		return 0
	}
	least := math.Inf(1)
	for _, m := range p.memo {
		least = min(least, m.cost)
	}
	return least
}

// swap adds n to s and takes out each other index of the table that is then better away.
func (c *selection) swap(ctx context.Context, s set, n int) (set, error) {
	tried := s.with(n)
	cost, err := c.total(ctx, tried)
	if err != nil {
		return s, err
	}
	for _, other := range tried.and(c.onTable[c.candidates[n].table]).list() {
		if other == n {
			continue
		}
		without, err := c.less(ctx, tried, other)
		if err != nil {
			return s, err
		}
		if without <= cost {
			tried, cost = tried.without(other), without
		}
	}
	return tried, nil
}

// drop takes out indexes that save too little, the least first.
func (c *selection) drop(ctx context.Context, s set) (set, error) {
	current, err := c.total(ctx, s)
	if err != nil {
		return s, err
	}
	for {
		least, at := 0.0, -1
		c.gains = map[int]float64{}
		for _, n := range s.list() {
			without, err := c.less(ctx, s, n)
			if err != nil {
				return s, err
			}
			c.gains[n] = without - current
			if at < 0 || without-current < least {
				least, at = without-current, n
			}
		}
		if at < 0 || least > c.slack {
			return s, nil
		}
		s, current = s.without(at), current+least
	}
}

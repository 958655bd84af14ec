package advisor

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
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
)

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
		t.bytes += float64(c.bytes[n])
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

// watch adds guards to those that are measured: from now on a set is charged for what they lose.
func (c *selection) watch(ctx context.Context, s set) error {
	base := map[*query]float64{}
	for i, p := range c.probes {
		base[p.query] = c.base[i].steps / float64(len(p.calls))
	}
	list, err := c.guards(ctx, c.db, c.schema)
	if err != nil {
		return err
	}
	for _, g := range list {
		m, err := c.before(ctx, g, s, base[g.query])
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			c.probes, c.base = append(c.probes, g), append(c.base, m)
		}
	}
	return nil
}

// before is what a guard costs without the set. Where it costs much less with it than the statement did with
// its own values without, that much is enough to know.
func (c *selection) before(ctx context.Context, g *probe, s set, usual float64) (measure, error) {
	m, err := c.cost(ctx, g, s)
	if err != nil {
		return m, err
	}
	if slices.ContainsFunc(m.each, func(steps float64) bool { return steps > usual/2 }) {
		return c.cost(ctx, g, set{})
	}
	return measure{each: slices.Repeat([]float64{usual}, len(m.each)), tally: math.Inf(1)}, nil
}

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

// reachable is how far below the least cost seen of a statement another index may bring it.
const reachable = 0.95

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

// relate notes which probes might use which candidates.
func (e *evaluator) relate(candidates []candidate, used [][]set) {
	e.candidates, e.built, e.candidate = candidates, map[int]int{}, map[int]int{}
	e.onTable = map[*schema.Table]set{}
	for n, c := range e.candidates {
		e.onTable[c.table] = e.onTable[c.table].with(n)
	}
	for i, p := range e.probes {
		for t := range p.tables {
			p.mask = p.mask.or(e.onTable[t])
		}
		for _, s := range used[i] {
			p.useful = p.useful.or(s)
		}
		for n, c := range e.candidates {
			if slices.ContainsFunc(p.accesses, func(a *access) bool { return a.may(c) }) {
				p.useful = p.useful.with(n)
			}
		}
	}
}

// may says whether the access might use the candidate: it asks for its first key, and for nothing that the
// candidate leaves out.
func (a *access) may(c candidate) bool {
	if a.table != c.table {
		return false
	}
	for _, text := range c.where {
		if !slices.ContainsFunc(a.fixed, func(f condition) bool { return f.text == text }) && !a.known(text) {
			return false
		}
	}
	first := func(keys []schema.Key) bool {
		return slices.ContainsFunc(keys, func(k schema.Key) bool { return k.Name == c.keys[0].Name })
	}
	return first(a.equal) || first(a.join) || first(a.ranges) || first(a.order) || first(a.group) || first(a.extreme)
}

// known says whether the access demands that a column is not NULL by comparing it.
func (a *access) known(text string) bool {
	for _, keys := range [][]schema.Key{a.equal, a.ranges, a.join} {
		if slices.ContainsFunc(keys, func(k schema.Key) bool { return quoteName(k.Name)+" IS NOT NULL" == text }) {
			return true
		}
	}
	return false
}

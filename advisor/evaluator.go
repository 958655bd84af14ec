package advisor

import (
	"cmp"
	"context"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/plan"
	"github.com/sqliteperf/sqliteperf/internal/schema"
	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// evaluator measures probes under sets of indexes that are built in a lab.
type evaluator struct {
	lab        lab
	probes     []*probe
	candidates []candidate
	onTable    map[*schema.Table]set
	built      map[int]int // number in the lab, by candidate
	candidate  map[int]int // the other way round
	runs       int         // for the report
	plans      int
	ran        time.Duration               // of all runs
	speed      float64                     // of this machine, see gauge
	kept       func(*schema.Table) float64 // share of a table's rows in the lab; nil for all
	failed     []Skipped                   // probes that could not be run
}

// measure is what a probe costs under a set of indexes: one execution of each of its calls.
type measure struct {
	cost  float64 // nanoseconds
	tally float64 // the same by what was counted alone
	steps float64
	floor float64 // what it costs to return the rows, as no index can save that
	cut   bool    // more than that
	used  set
	each  []float64 // steps by call, of a guard
}

// baseLimit is when a statement is stopped of which no better plan is known: that it is slow is known then.
const baseLimit = 250 * time.Millisecond

// leastLimit is when a run is not cut whatever the best known takes.
const leastLimit = 500 * time.Microsecond

// slowCall is the nanoseconds from which two calls of a statement are enough to search with.
const slowCall = 50e6

// shorten keeps two calls of each statement that takes long.
func (e *evaluator) shorten() {
	for _, p := range e.probes {
		if m := p.memo[set{}]; m.cost > slowCall*float64(len(p.calls)) && len(p.calls) > 2 {
			p.weight *= float64(len(p.calls)) / 2
			p.calls = p.calls[:2]
		}
	}
}

// baseline measures the probes with no candidate. Pruning reads the probes meanwhile, so it changes nothing of them
// but what was measured.
func (e *evaluator) baseline(ctx context.Context) error {
	kept := e.probes[:0]
	for _, p := range e.probes {
		m, err := e.cost(ctx, p, set{})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			e.failed = append(e.failed, Skipped{p.hex(), p.Fingerprint, "cannot be run: " + describe(err)})
			continue
		}
		p.query.cost = cmp.Or(p.query.cost, time.Duration(m.cost*p.weight))
		kept = append(kept, p)
	}
	e.probes = kept
	return nil
}

// cost measures p under the indexes of s, with what was measured before for the same program.
func (e *evaluator) cost(ctx context.Context, p *probe, s set) (measure, error) {
	key := s
	if !p.every {
		key = s.and(p.mask)
	}
	if m, ok := p.memo[key]; ok {
		return m, nil
	}
	shown := key.list()
	for i, n := range shown {
		shown[i] = e.built[n]
	}
	e.lab.Show(shown)
	var m measure
	for i, call := range p.calls {
		prog, err := e.lab.Plan(call)
		if err != nil {
			return m, err
		}
		e.plans++
		for _, n := range e.lab.Uses(prog.Plan) {
			m.used = m.used.with(e.candidate[n])
		}
		c, err := e.run(ctx, p, i, prog)
		if err != nil {
			return m, err
		}
		m.cost += e.price(c) * e.grown(p, c)
		m.tally += tally(c) * e.grown(p, c)
		m.steps += float64(c.Steps)
		m.floor += floor(c) * e.grown(p, c)
		if p.guard {
			m.each = append(m.each, float64(c.Steps))
		}
		m.cut = m.cut || c.Cut
	}
	p.memo[key] = m
	return m, nil
}

// without is cost for s less one index. What a plan does not use, it does not miss.
func (e *evaluator) without(ctx context.Context, p *probe, s set, n int) (measure, error) {
	m, err := e.cost(ctx, p, s)
	if err != nil || !m.used.has(n) {
		return m, err
	}
	return e.cost(ctx, p, s.without(n))
}

// with is cost for s and more, which only matters to probes that might use it.
func (e *evaluator) with(ctx context.Context, p *probe, s, more set) (measure, error) {
	if p.useful.and(more).empty() {
		return e.cost(ctx, p, s)
	}
	return e.cost(ctx, p, s.or(more))
}

// run runs a call unless its program was run before. Programs that take much longer than the best known are cut.
func (e *evaluator) run(ctx context.Context, p *probe, i int, prog plan.Program) (trial.Cost, error) {
	if c, ok := p.programs[i][prog.Hash]; ok {
		return c, nil
	}
	limit := baseLimit
	for _, c := range p.programs[i] {
		if !c.Cut {
			limit = min(limit, max(2*c.CPU, leastLimit))
		}
	}
	e.runs++
	c, err := e.lab.Run(ctx, p.calls[i], 1, 0, limit)
	if err == nil && !c.Cut && c.CPU < runBudget && !usual(e.factor(c)) { // that may be the first run's
		c, err = e.lab.Run(ctx, p.calls[i], runsMost, runBudget, limit)
	}
	if ctx.Err() != nil {
		return c, ctx.Err()
	}
	if err != nil {
		if len(p.programs[i]) == 0 {
			return c, err
		}
		c = trial.Cost{CPU: limit, Cut: true} // it fails under this plan alone
	}
	e.ran += c.CPU
	if c.Cut {
		c = p.worse(i, c, limit)
	}
	p.programs[i][prog.Hash] = c
	return c, nil
}

// worse is what a run that was cut counts as: twice what it had come to, and twice what the best run of the call
// took, of everything.
func (p *probe) worse(i int, c trial.Cost, limit time.Duration) trial.Cost {
	best := trial.Cost{CPU: max(c.CPU, limit), Steps: c.Steps, Pages: c.Pages, Rows: c.Rows, Cut: true}
	for _, other := range p.programs[i] {
		if !other.Cut {
			best.Steps, best.Pages, best.Rows = max(best.Steps, other.Steps), max(best.Pages, other.Pages), max(best.Rows, other.Rows)
			break
		}
	}
	return trial.Cost{CPU: 2 * best.CPU, Steps: 2 * best.Steps, Pages: 2 * best.Pages, Rows: best.Rows, Cut: true}
}

// convert binds times as the application's driver does.
func (e *evaluator) convert(ctx context.Context, p *probe) (err error) {
	for i, c := range p.calls {
		if p.calls[i].Args, err = e.lab.Convert(ctx, c.Args); err != nil {
			return err
		}
	}
	return nil
}

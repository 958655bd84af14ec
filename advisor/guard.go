package advisor

import (
	"context"
	"database/sql"
	"math"
	"slices"

	"github.com/sqliteperf/sqliteperf/internal/predicate"
	"github.com/sqliteperf/sqliteperf/internal/schema"
	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// callsGuarded is how many calls of one statement are watched besides those that the search measures.
const callsGuarded = 8

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
	return c.watchTail(ctx, s)
}

// tailCalls is how many calls are watched of a statement that is not searched for.
const tailCalls = 2

// watchTail adds the statements that no index is searched for and that would use one of the set: by the planner's
// estimates alone, an index may be taken that makes them slower.
func (c *selection) watchTail(ctx context.Context, s set) error {
	for _, q := range c.tail {
		g := newProbe(c.schema, q, spread(q.calls, tailCalls))
		if g == nil {
			continue
		}
		g.guard = true
		c.concern(g)
		if err := c.convert(ctx, g); err != nil {
			return err
		}
		if used, err := c.uses(g, s); err != nil || !used {
			continue // what cannot be planned here cannot be judged here
		}
		base, err := c.cost(ctx, g, set{})
		if err == nil {
			_, err = c.cost(ctx, g, s)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			c.probes, c.base = append(c.probes, g), append(c.base, base)
		}
	}
	return nil
}

// uses says whether a plan of the probe uses an index of s.
func (e *evaluator) uses(p *probe, s set) (bool, error) {
	if !p.every {
		s = s.and(p.mask)
	}
	shown := s.list()
	for i, n := range shown {
		shown[i] = e.built[n]
	}
	e.lab.Show(shown)
	for _, call := range p.calls {
		prog, err := e.lab.Plan(call)
		if err != nil || len(e.lab.Uses(prog.Plan)) > 0 {
			return err == nil, err
		}
	}
	return false, nil
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

// guards are the probes again with other values: what helps with some values and harms with others is no help.
func (e *evaluator) guards(ctx context.Context, db database, s *schema.Schema) ([]*probe, error) {
	var list []*probe
	for _, p := range e.probes {
		if p.query.read.Count == 0 {
			continue
		}
		calls := p.query.calls[min(len(p.query.calls), callsSearched):]
		if len(calls) == 0 {
			samples, err := draw(ctx, db, s, p.query.read, p.query.calls[0].SQL)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err != nil {
				continue
			}
			for i, sample := range samples {
				calls = append(calls, p.query.varied(p.query.calls[i%len(p.query.calls)], sample.Args))
			}
		}
		g := newProbe(s, p.query, spread(calls, min(callsGuarded, 2*len(p.calls))))
		if g == nil {
			continue
		}
		if err := e.convert(ctx, g); err != nil {
			return nil, err
		}
		g.guard, g.mask, g.useful, g.every = true, p.mask, p.useful, p.every
		list = append(list, g)
	}
	return list, nil
}

// varied is a call with drawn values in the place of those that are compared for equality; ranges, which belong
// together and to what is asked, and limits stay as they were.
func (q *query) varied(c trial.Call, drawn []any) trial.Call {
	args := slices.Clone(arguments(c.Args, q.read))
	for n, use := range q.read.Params {
		if use.Use != predicate.UseEqual || n > len(args) || n > len(drawn) || drawn[n-1] == nil {
			continue
		}
		if named, ok := args[n-1].(sql.NamedArg); ok {
			args[n-1] = sql.Named(named.Name, drawn[n-1])
		} else {
			args[n-1] = drawn[n-1]
		}
	}
	return trial.Call{SQL: c.SQL, Args: args, Writes: c.Writes}
}

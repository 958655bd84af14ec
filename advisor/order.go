package advisor

import (
	"cmp"
	"context"
	"slices"
)

// Between plans that it takes for equally good, SQLite decides by the order in which the indexes were made: the same
// indexes made in the opposite order were seen to make one statement a hundred times slower.

// fragileBy is how many times more a statement may cost in another order, or without the samples of
// sqlite_stat4, before that is said.
const fragileBy = 1.5

// inOrder puts the indexes of s in the order in which to make them, the most valuable first unless the statements
// are worse off that way, and says of those whose statements depend on it what they depend on.
func (c *selection) inOrder(ctx context.Context, s set) ([]int, map[int]string, error) {
	byGain, byNumber := s.list(), s.list()
	slices.SortStableFunc(byGain, func(a, b int) int { return cmp.Compare(c.gains[b], c.gains[a]) })
	chosen, costs, err := byGain, []float64(nil), error(nil)
	if costs, err = c.under(ctx, byGain); err != nil {
		return nil, nil, err
	}
	other, err := c.under(ctx, byNumber)
	if err != nil {
		return nil, nil, err
	}
	if sum(other)*(1+worthwhile) < sum(costs) {
		chosen, costs = byNumber, other
	}
	fragile := map[int]string{}
	reversed := slices.Clone(chosen)
	slices.Reverse(reversed)
	if err := c.fragile(ctx, s, reversed, costs, fragile, "Which index SQLite takes depends on the order in which they are made: make them in the order shown."); err != nil {
		return nil, nil, err
	}
	restore := c.lab.WithoutSamples()
	defer restore()
	err = c.fragile(ctx, s, chosen, costs, fragile, "It relies on the samples of a full ANALYZE (sqlite_stat4), which PRAGMA optimize may delete.")
	return chosen, fragile, err
}

// fragile notes the indexes of the statements that cost much more under other circumstances.
func (c *selection) fragile(ctx context.Context, s set, order []int, costs []float64, why map[int]string, text string) error {
	others, err := c.under(ctx, order)
	if err != nil {
		return err
	}
	for i, cost := range others {
		if p := c.probes[i]; cost > fragileBy*costs[i] {
			m, err := c.cost(ctx, p, s)
			if err != nil {
				return err
			}
			for _, n := range m.used.list() {
				why[n] = text
			}
		}
	}
	return nil
}

// rests says whether the set rests on statistics that the database does not have: without them the workload costs much
// more. Nothing can be planned with statistics afterwards.
func (c *selection) rests(ctx context.Context, order []int) (bool, error) {
	with, err := c.under(ctx, order)
	if err != nil {
		return false, err
	}
	if err := c.lab.Forget(); err != nil {
		return false, err
	}
	without, err := c.under(ctx, order)
	return sum(without) > restsBy*sum(with), err
}

// restsBy is how many times more the workload must cost without statistics for that to be said at once; what differs
// less, the replay shows.
const restsBy = 1.2

// under is what each probe costs, weighted, if the indexes were made in this order.
func (c *selection) under(ctx context.Context, order []int) ([]float64, error) {
	shown := make([]int, len(order))
	for i, n := range order {
		shown[i] = c.built[n]
	}
	costs := make([]float64, len(c.probes))
	for i, p := range c.probes {
		if p.guard {
			continue
		}
		for j, call := range p.calls {
			c.lab.Show(shown) // others are shown when a program is run
			prog, err := c.lab.Plan(call)
			if err != nil {
				return nil, err
			}
			run, err := c.run(ctx, p, j, prog)
			if err != nil {
				return nil, err
			}
			costs[i] += p.weight * c.evaluator.price(run) * c.grown(p, run)
		}
	}
	return costs, ctx.Err()
}

func sum(list []float64) (all float64) {
	for _, f := range list {
		all += f
	}
	return all
}

package advisor

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/plan"
	"github.com/sqliteperf/sqliteperf/internal/schema"
)

// indexSearch chooses indexes statement by statement, the most expensive first.
type indexSearch struct {
	*pass
	planner planner
	chosen  []*choice
}

// changes are the statements that make the indexes chosen so far.
func (m *indexSearch) changes() []string {
	var list []string
	for _, c := range m.chosen {
		list = append(list, c.sql(c.name()))
	}
	return list
}

// add chooses an index for q, unless those chosen before serve it.
func (m *indexSearch) add(ctx context.Context, q *query) error {
	if !q.plan.Wasteful() {
		return nil
	}
	current, err := m.planner.Explain(ctx, m.changes(), q.calls[0].SQL, q.calls[0].Args)
	if err != nil {
		return nil // the schema in memory lacks something, such as a module: no advice, no harm
	}
	if !current.Wasteful() {
		return nil
	}
	useful, err := m.prune(ctx, q, current)
	if err != nil || len(useful) == 0 {
		return err
	}
	best := useful[0]
	copies, err := m.copies(ctx)
	if err != nil {
		return err
	}
	if copies != nil && len(useful) > 1 {
		if best, err = m.measure(ctx, q, useful); err != nil {
			return err
		}
	}
	m.chosen = append(m.chosen, &choice{candidate: best})
	return nil
}

// assign notes which statements would use each chosen index beside the others, and drops those that
// none would use.
func (m *indexSearch) assign(ctx context.Context, queries []*query) {
	changes := m.changes()
	for _, q := range queries {
		p, err := m.planner.Explain(ctx, changes, q.calls[0].SQL, q.calls[0].Args)
		if err != nil || !q.plan.Wasteful() {
			continue
		}
		for _, c := range m.chosen {
			if p.Uses(c.name()) {
				c.queries = append(c.queries, q)
			}
		}
	}
	m.chosen = slices.DeleteFunc(m.chosen, func(c *choice) bool { return len(c.queries) == 0 })
}

// taken says whether another index has the name that c would be given.
func (m *indexSearch) taken(c candidate) bool {
	same := func(name string) bool { return strings.EqualFold(name, c.name()) }
	return slices.ContainsFunc(m.chosen, func(other *choice) bool { return same(other.name()) }) ||
		slices.ContainsFunc(m.schema.Tables, func(t *schema.Table) bool {
			return same(t.Name) || slices.ContainsFunc(t.Indexes, func(ix *schema.Index) bool { return same(ix.Name) })
		})
}

// prune keeps the candidates that the planner would use, the best plans first and among equal
// plans the narrowest.
func (m *indexSearch) prune(ctx context.Context, q *query, current plan.Plan) ([]candidate, error) {
	type rated struct {
		candidate
		waste int
	}
	var list []rated
	for _, b := range q.read.Blocks {
		for _, a := range accesses(m.schema, b) {
			for _, c := range a.candidates() {
				c.taken = m.taken(c)
				changes := append(m.changes(), c.sql(c.name()))
				p, err := m.planner.Explain(ctx, changes, q.calls[0].SQL, q.calls[0].Args)
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				if err != nil || !p.Uses(c.name()) || waste(p) >= waste(current) {
					continue
				}
				list = append(list, rated{c, waste(p)})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b rated) int {
		return cmp.Or(cmp.Compare(a.waste, b.waste), cmp.Compare(len(a.keys), len(b.keys)))
	})
	var best []candidate
	for _, r := range list[:min(len(list), tried)] {
		best = append(best, r.candidate)
	}
	return best, nil
}

// waste orders plans before anything is measured: scans and automatic indexes weigh most, then
// sorting, then reading the table besides the index.
func waste(p plan.Plan) int {
	sum := 0
	for _, n := range p {
		switch {
		case n.Automatic, n.Op == plan.Scan && !n.Covering:
			sum += 100
		case n.Op == plan.Scan:
			sum += 50
		case n.Op == plan.TempBTree:
			sum += 20
		case n.Op == plan.Search && !n.Covering && !n.Rowid:
			sum++
		}
	}
	return sum
}

// narrower is how much slower a narrower index may be and still be preferred: each column more is
// copied into every entry and paid for by every write, so it must at least halve the cost.
const narrower = 2

// measure builds each candidate on the shadow and returns the narrowest of the fastest.
func (m *indexSearch) measure(ctx context.Context, q *query, list []candidate) (candidate, error) {
	costs := make([]time.Duration, len(list))
	for i, c := range list {
		cost, err := m.cost(ctx, q, c)
		if err != nil {
			return candidate{}, err
		}
		if m.options.proposed[c.sql(c.name())] {
			cost = time.Duration(float64(cost) / narrower)
		}
		costs[i] = cost
	}
	limit := time.Duration(float64(slices.Min(costs)) * narrower)
	best := -1
	for i := range list {
		if costs[i] <= limit && (best < 0 || len(list[i].keys) < len(list[best].keys)) {
			best = i
		}
	}
	return list[best], nil
}

// costLimit bounds how long one candidate is run: a slow report is run once, a fast statement often.
const costLimit = 2 * time.Second

// cost is the mean processor time of q's calls under a candidate, each the least of three runs, as far
// as the time goes.
func (m *indexSearch) cost(ctx context.Context, q *query, c candidate) (mean time.Duration, err error) {
	after := m.shadow.After()
	if _, err := after.Change(ctx, []string{c.sql(c.name())}); err != nil {
		return 0, err
	}
	defer func() {
		_, undo := after.Change(context.WithoutCancel(ctx), []string{"DROP INDEX " + quoteName(c.name())})
		err = cmp.Or(err, undo)
	}()
	start, runs := time.Now(), time.Duration(0)
	for _, call := range q.calls[:min(len(q.calls), 6)] {
		var least time.Duration
		for i := 0; i < 3 && (i == 0 || time.Since(start) < costLimit); i++ {
			out, err := after.Run(ctx, call)
			if err != nil {
				return 0, err
			}
			if i == 0 || out.CPU < least {
				least = out.CPU
			}
		}
		mean, runs = mean+least, runs+1
		if time.Since(start) > costLimit {
			break
		}
	}
	return mean / runs, nil
}

// foldPrefixes drops a chosen index whose keys begin another chosen one, which serves its
// statements as well. The proof has the last word.
func (m *indexSearch) foldPrefixes() {
	all := slices.Clone(m.chosen)
	m.chosen = slices.DeleteFunc(m.chosen, func(short *choice) bool {
		return slices.ContainsFunc(all, func(c *choice) bool { return short.prefixOf(c.candidate) })
	})
}

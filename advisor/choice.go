package advisor

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/schema"
)

// take makes choices of the set: an index each, but those that do not help alone stay with the one they are
// used beside. It returns them in the order in which to make them.
func (m *indexSearch) take(ctx context.Context, s *selection, best set) ([]int, error) {
	numbers, fragile, err := s.inOrder(ctx, best)
	if err != nil {
		return nil, err
	}
	at := map[int]*choice{}
	for _, n := range numbers {
		c := &choice{}
		beside, err := m.companion(ctx, s, best, n)
		if err != nil {
			return nil, err
		}
		if found := at[beside]; found != nil && beside != n {
			c = found
		} else {
			m.chosen = append(m.chosen, c)
		}
		at[n] = c
		cand := m.evaluator.candidates[n]
		cand.taken = m.taken(cand)
		c.indexes, c.gain, c.bytes = append(c.indexes, cand), c.gain+s.gains[n], c.bytes+s.bytes[n]
		if fragile[n] != "" {
			c.fragile = fragile[n]
		}
		if w := s.upkeep.dearest(n); w.AddedUS > c.write.AddedUS || c.write.Source == "" {
			c.write = w
		}
	}
	for _, c := range m.chosen {
		if err := m.users(ctx, best, at, c); err != nil {
			return nil, err
		}
	}
	m.chosen = slices.DeleteFunc(m.chosen, func(c *choice) bool { return len(c.queries) == 0 })
	return numbers, nil
}

// users notes the statements that would use a choice, the most expensive first.
func (m *indexSearch) users(ctx context.Context, best set, at map[int]*choice, c *choice) error {
	for _, p := range m.evaluator.probes {
		if p.guard {
			continue
		}
		cost, err := m.evaluator.cost(ctx, p, best)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(cost.used.list(), func(n int) bool { return at[n] == c }) {
			c.queries = append(c.queries, p.query)
		}
	}
	return nil
}

// companion is the index without which n does not help: n itself if it helps alone.
func (m *indexSearch) companion(ctx context.Context, s *selection, best set, n int) (int, error) {
	var alone, together float64
	beside := map[int]float64{}
	for i, p := range s.probes {
		under, err := s.cost(ctx, p, best)
		if err != nil {
			return n, err
		}
		if p.guard || !under.used.has(n) {
			continue
		}
		single, err := s.cost(ctx, p, setOf(n))
		if err != nil {
			return n, err
		}
		alone += p.weight * (s.base[i].cost - single.cost)
		together += p.weight * (s.base[i].cost - under.cost)
		for _, other := range under.used.without(n).list() {
			beside[other] += p.weight * (s.base[i].cost - under.cost)
		}
	}
	if alone > helpsAlone*together || len(beside) == 0 {
		return n, nil
	}
	most := n
	for _, other := range slices.Sorted(maps.Keys(beside)) {
		if most == n || beside[other] > beside[most] {
			most = other
		}
	}
	return most, nil
}

// helpsAlone is the least share of what an index gains within the set that it must gain alone to be
// advised alone.
const helpsAlone = 0.1

// taken says whether another index has the name that c would be given.
func (m *indexSearch) taken(c candidate) bool {
	same := func(name string) bool { return strings.EqualFold(name, c.name()) }
	return slices.ContainsFunc(m.chosen, func(other *choice) bool {
		return slices.ContainsFunc(other.indexes, func(ix candidate) bool { return same(ix.name()) })
	}) ||
		slices.ContainsFunc(m.schema.Tables, func(t *schema.Table) bool {
			return same(t.Name) || slices.ContainsFunc(t.Indexes, func(ix *schema.Index) bool { return same(ix.Name) })
		})
}

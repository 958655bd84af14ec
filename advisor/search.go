package advisor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/schema"
)

// indexSearch finds the set of indexes that serves the whole workload best.
type indexSearch struct {
	*pass
	evaluator *evaluator
	chosen    []*choice
}

// refining bounds the work of improving a set once it was grown, in statements planned: 0.1 to 0.3 ms each.
const refining = 6000

// refiningRuns bounds the processor time of what refining runs, where statements are slow.
const refiningRuns = 15 * time.Second

// buildsMore is how many candidates may be built for improving a set: 10 to 50 ms each where a table has 100,000 rows.
const buildsMore = 24

// find searches on a copy of the database, or on a part of its rows where there is none.
func (m *indexSearch) find(ctx context.Context) (err error) {
	if len(m.queries) == 0 {
		return nil
	}
	lab, err := m.lab(ctx)
	if err != nil || lab == nil {
		return err
	}
	defer func() { err = errors.Join(err, lab.Close()) }()
	if err := lab.Analyze(ctx, ""); err != nil {
		return err
	}
	queries := m.queries[:min(heaviest, len(m.queries))]
	m.evaluator = &evaluator{lab: lab, speed: 1}
	if part, ok := lab.(sampleLab); ok {
		m.evaluator.kept = part.Kept
	}
	m.evaluator.probes = probes(m.schema, queries)
	for _, p := range m.evaluator.probes {
		if err := m.evaluator.convert(ctx, p); err != nil {
			return err
		}
	}
	found, err := m.prune(ctx)
	if err != nil || len(found.candidates) == 0 {
		return err
	}
	return m.choose(ctx, queries, found)
}

// lab is where indexes are tried: a copy, or a sample of a database that cannot be copied.
func (m *indexSearch) lab(ctx context.Context) (lab, error) {
	copies, err := m.copied(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case copies != nil:
		return copies.Lab(ctx)
	case m.mayCopy() != nil:
		return nil, nil // to read a sample would hold up the application's writers as well
	}
	return m.db.Sample(ctx, m.schema)
}

// sample is what candidates are pruned on.
func (m *indexSearch) sample(ctx context.Context) (sampleLab, error) {
	if m.shadow == nil {
		return m.db.Sample(ctx, m.schema)
	}
	return m.shadow.Sample(ctx, m.schema)
}

// prune finds the candidates on a sample of the rows while the statements are measured as they are.
func (m *indexSearch) prune(ctx context.Context) (*pruned, error) {
	sample, err := m.sample(ctx)
	if err != nil {
		return nil, err
	}
	defer sample.Close()
	probes := slices.Clone(m.evaluator.probes)
	var measured sync.WaitGroup
	var failed error
	measured.Go(func() {
		defer recovered(&failed)
		failed = m.evaluator.baseline(ctx)
	})
	found, err := prune(ctx, sample, m.schema, probes, func(done float64) { m.report("prune", m.name, done) })
	measured.Wait()
	if err = cmp.Or(err, failed); err != nil {
		return nil, err
	}
	m.evaluator.gauge()
	m.skipped = append(m.skipped, m.evaluator.failed...)
	for i, p := range slices.Backward(probes) {
		if !slices.Contains(m.evaluator.probes, p) {
			found.sets, found.core = slices.Delete(found.sets, i, i+1), slices.Delete(found.core, i, i+1)
		}
	}
	return found, nil
}

func (m *indexSearch) choose(ctx context.Context, queries []*query, found *pruned) error {
	m.evaluator.relate(found.candidates, found.sets)
	s := &selection{evaluator: m.evaluator, limits: m.options.Limits, pays: map[int]float64{}, bytes: map[int]int64{}, guess: found.bytes, db: m.db, schema: m.schema}
	var err error
	if s.upkeep, err = newUpkeep(ctx, m.evaluator, m.schema, queries); err != nil {
		return err
	}
	best, err := s.choose(ctx, slices.Concat(found.core...))
	if err != nil {
		return err
	}
	return m.take(ctx, s, best)
}

// take makes choices of the set: an index each, but those that do not help alone stay with the one they are
// used beside.
func (m *indexSearch) take(ctx context.Context, s *selection, best set) error {
	numbers, fragile, err := s.inOrder(ctx, best)
	if err != nil {
		return err
	}
	at := map[int]*choice{}
	for _, n := range numbers {
		c := &choice{}
		beside, err := m.companion(ctx, s, best, n)
		if err != nil {
			return err
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
			return err
		}
	}
	m.chosen = slices.DeleteFunc(m.chosen, func(c *choice) bool { return len(c.queries) == 0 })
	return nil
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

// recovered turns a panic into an error: advice is not worth the application's life.
func recovered(err *error) {
	if reason := recover(); reason != nil {
		*err = fmt.Errorf("the analysis panicked: %v", reason)
	}
}

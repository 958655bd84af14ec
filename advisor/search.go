package advisor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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

// refining bounds the time for improving a set once it was grown.
const refining = 3 * time.Second

// find searches on a copy of the database, or of a part of it.
func (m *indexSearch) find(ctx context.Context) (err error) {
	copies, err := m.copies(ctx)
	if err != nil || copies == nil {
		return err
	}
	lab, err := copies.Lab(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lab.Close()) }()
	if err := lab.Analyze(ctx, ""); err != nil {
		return err
	}
	queries := m.queries[:min(heaviest, len(m.queries))]
	m.evaluator = &evaluator{lab: lab}
	for _, p := range probes(m.schema, queries) {
		if len(p.accesses) > 0 {
			m.evaluator.probes = append(m.evaluator.probes, p)
		}
	}
	lap("prepare")
	found, err := m.prune(ctx, copies)
	lap("prune")
	if err != nil || len(found.candidates) == 0 {
		return err
	}
	return m.choose(ctx, queries, found)
}

var (
	debugSearch = false
	lapStart    time.Time
)

func lap(what string) {
	if debugSearch {
		fmt.Printf("## %-12s %v\n", what, time.Since(lapStart).Round(time.Millisecond))
	}
	lapStart = time.Now()
}

// prune finds the candidates on a sample of the rows while the statements are measured as they are.
func (m *indexSearch) prune(ctx context.Context, copies shadow) (*pruned, error) {
	sample, err := copies.Sample(ctx, m.schema)
	if err != nil {
		return nil, err
	}
	defer sample.Close()
	probes := slices.Clone(m.evaluator.probes)
	var measured sync.WaitGroup
	var failed error
	measured.Go(func() { failed = m.evaluator.baseline(ctx) })
	found, err := prune(ctx, sample, m.schema, probes, func(done float64) { m.report("prune", m.name, done) })
	measured.Wait()
	if err = cmp.Or(err, failed); err != nil {
		return nil, err
	}
	for i, p := range slices.Backward(probes) {
		if !slices.Contains(m.evaluator.probes, p) {
			found.sets, found.best = slices.Delete(found.sets, i, i+1), slices.Delete(found.best, i, i+1)
		}
	}
	return found, nil
}

func (m *indexSearch) choose(ctx context.Context, queries []*query, found *pruned) error {
	m.evaluator.relate(found.candidates, found.sets)
	s := &selection{evaluator: m.evaluator, limits: m.options.Limits, pays: map[int]float64{}, bytes: map[int]int64{}, guess: found.bytes}
	var err error
	if s.upkeep, err = newUpkeep(ctx, m.evaluator, m.schema, queries); err != nil {
		return err
	}
	best, before, after, err := s.choose(ctx, slices.Concat(found.best...))
	lap("choose")
	if err != nil {
		return err
	}
	if debugSearch {
		fmt.Printf("## candidates %d, built %d, plans %d, runs %d, before %.1f ms after %.1f ms, %d indexes %.1f MB writes %.1f ms\n", len(m.evaluator.candidates), len(m.evaluator.built), m.evaluator.plans, m.evaluator.runs, (before.reads+before.writes+s.upkeep.bare)/1e6, (after.reads+after.writes+s.upkeep.bare)/1e6, len(best.list()), float64(s.size(best))/1e6, (after.writes+s.upkeep.bare)/1e6)
	}
	numbers := best.list()
	slices.SortStableFunc(numbers, func(a, b int) int { return cmp.Compare(s.gains[b], s.gains[a]) })
	for _, n := range numbers {
		c := &choice{candidate: m.evaluator.candidates[n], gain: s.gains[n]}
		c.taken = m.taken(c.candidate)
		for _, p := range m.evaluator.probes {
			cost, err := m.evaluator.cost(ctx, p, best)
			if err != nil {
				return err
			}
			if cost.used.has(n) {
				c.queries = append(c.queries, p.query)
			}
		}
		if len(c.queries) > 0 {
			m.chosen = append(m.chosen, c)
		}
	}
	return nil
}

// taken says whether another index has the name that c would be given.
func (m *indexSearch) taken(c candidate) bool {
	same := func(name string) bool { return strings.EqualFold(name, c.name()) }
	return slices.ContainsFunc(m.chosen, func(other *choice) bool { return same(other.name()) }) ||
		slices.ContainsFunc(m.schema.Tables, func(t *schema.Table) bool {
			return same(t.Name) || slices.ContainsFunc(t.Indexes, func(ix *schema.Index) bool { return same(ix.Name) })
		})
}

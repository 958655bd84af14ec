package advisor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// indexSearch finds the set of indexes that serves the whole workload best.
type indexSearch struct {
	*pass
	evaluator *evaluator
	chosen    []*choice
}

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
	case m.mayCopy() != nil: // to read a sample would hold up the application's writers as well
		if !m.refused {
			m.skipped = append(m.skipped, Skipped{Reason: "no indexes are searched for: " + describe(m.mayCopy())})
		}
		return nil, nil
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
	m.evaluator.shorten()
	m.evaluator.gauge()
	m.sort() // what a trace does not tell is measured now
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
	s := &selection{evaluator: m.evaluator, limits: m.options.Limits, pays: map[int]float64{}, bytes: map[int]int64{}, guess: found.bytes,
		loyal: m.proposed(found.candidates), db: m.db, schema: m.schema,
		tail: m.queries[len(queries):]}
	var err error
	if s.upkeep, err = newUpkeep(ctx, m.evaluator, m.schema, queries); err != nil {
		return err
	}
	best, err := s.choose(ctx, slices.Concat(found.core...))
	if err != nil {
		return err
	}
	numbers, err := m.take(ctx, s, best)
	if err != nil || m.schema.Analyzed || len(numbers) == 0 {
		return err
	}
	m.rests, err = s.rests(ctx, numbers)
	return err
}

// proposed are the candidates that are open advice already.
func (m *indexSearch) proposed(candidates []candidate) (s set) {
	for n, c := range candidates {
		if m.options.proposed[c.sql(c.name())] {
			s = s.with(n)
		}
	}
	return s
}

// recovered turns a panic into an error: advice is not worth the application's life.
func recovered(err *error) {
	if reason := recover(); reason != nil {
		*err = fmt.Errorf("the analysis panicked: %v", reason)
	}
}

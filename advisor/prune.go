package advisor

import (
	"context"
	"fmt"
	"slices"

	"github.com/sqliteperf/sqliteperf/internal/plan"
	"github.com/sqliteperf/sqliteperf/internal/schema"
)

// pruning keeps the candidates that the planner would ever use. All are built over a sample of the rows, whose
// statistics are scaled up to the whole: planning reads nothing else.
type pruning struct {
	sample     sampleLab
	schema     *schema.Schema
	probes     []*probe
	candidates []candidate
	numbers    map[string]int // of candidates, by statement
	built      map[int]int    // number in the sample, by candidate
	wanted     [][]int        // by probe: its candidates
	bundles    [][][]int
	core       map[int][]int // by probe: which of its bundles are first choices
}

// prune returns the candidates worth measuring, and for each probe the sets of them that its plans used.
func prune(ctx context.Context, sample sampleLab, s *schema.Schema, probes []*probe, report func(done float64)) (*pruned, error) {
	p := &pruning{sample: sample, schema: s, probes: probes, numbers: map[string]int{}, built: map[int]int{}, core: map[int][]int{}}
	if err := p.collect(ctx); err != nil {
		return nil, err
	}
	if err := p.build(ctx); err != nil {
		return nil, err
	}
	for i := range probes {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		report(float64(i) / float64(len(probes)))
		p.bundles = append(p.bundles, p.plans(i))
	}
	return p.renumber(ctx)
}

// pruned are the candidates worth measuring.
type pruned struct {
	candidates []candidate
	bytes      []int64 // that each would take, about
	sets       [][]set // by probe: those that its plans used
	core       [][]set // of these, the planner's first choices
}

// collect makes the candidates of all probes, each once.
func (p *pruning) collect(ctx context.Context) error {
	s := &shaper{columns: map[*schema.Table]map[string]columnStat{}, asked: map[*schema.Table]map[string]float64{}}
	known := map[string]int{}
	s.distinct = func(t *schema.Table, expressions string) int {
		key := t.Name + "\x00" + expressions
		if _, ok := known[key]; !ok {
			known[key] = p.sample.Distinct(ctx, t, expressions, enumerated+1)
		}
		return known[key]
	}
	for _, probe := range p.probes {
		for _, a := range probe.accesses {
			if err := p.learn(ctx, s, a); ctx.Err() != nil {
				return ctx.Err()
			} else if err != nil {
				continue // a table that could not be sampled
			}
			for _, k := range a.equal {
				s.asked[a.table][k.Name]++
			}
		}
	}
	for _, probe := range p.probes {
		var mine []int
		for _, a := range probe.accesses {
			if s.columns[a.table] == nil {
				continue
			}
			for _, c := range s.candidates(a) {
				text := c.sql("")
				n, known := p.numbers[text]
				if !known {
					n = len(p.candidates)
					p.numbers[text] = n
					p.candidates = append(p.candidates, c)
				}
				if !slices.Contains(mine, n) {
					mine = append(mine, n)
				}
			}
		}
		p.wanted = append(p.wanted, mine)
	}
	return nil
}

// learn reads what the sample says of a table's columns, once.
func (p *pruning) learn(ctx context.Context, s *shaper, a *access) error {
	if s.columns[a.table] != nil {
		return nil
	}
	stats, err := p.sample.Columns(ctx, a.table)
	if err != nil {
		return fmt.Errorf("columns of %s: %w", a.table.Name, err)
	}
	known := map[string]columnStat{}
	for i, c := range a.table.Columns {
		known[c.Name] = columnStat{nulls: stats[i].Nulls, width: stats[i].Width}
	}
	s.columns[a.table], s.asked[a.table] = known, map[string]float64{}
	return nil
}

// build makes the candidates over the sample. What SQLite refuses, such as a function that is not
// deterministic after all, is no candidate.
func (p *pruning) build(ctx context.Context) error {
	for i, c := range p.candidates {
		name := fmt.Sprintf("sqliteperf candidate %d", i)
		n, err := p.sample.Build(ctx, name, c.sql(name))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			p.built[i] = n
		}
	}
	return p.sample.Scale(ctx)
}

const (
	usedMost = 10 // candidates kept of one probe
)

// family is a part of a probe's candidates, to see what the planner takes when it has no others.
type family struct {
	peels int
	of    func(c candidate) bool
}

// coreFamilies are how many of the families, the first of them, a set is grown from: whatever the planner likes
// best, and what it likes best among narrow indexes.
const coreFamilies = 2

var families = []family{
	{2, func(candidate) bool { return true }},
	{1, func(c candidate) bool { return !c.wide }},
	{1, func(c candidate) bool { return !c.partial() }},
	{1, func(c candidate) bool { return !c.partial() && !c.wide }},
	{1, func(c candidate) bool { return len(c.keys) == 1 && !c.partial() }},
	{1, func(c candidate) bool { return len(c.keys) <= 2 && !c.partial() }},
}

// plans collects the sets of candidates that a probe's plans use.
func (p *pruning) plans(i int) (bundles [][]int) {
	seen := map[string]bool{}
	count := map[int]bool{}
	for number, f := range families {
		rest := slices.DeleteFunc(slices.Clone(p.wanted[i]), func(n int) bool {
			_, built := p.built[n]
			return !built || !f.of(p.candidates[n])
		})
		for peel := range f.peels {
			used := p.used(i, rest)
			if len(used) == 0 {
				break
			}
			for _, bundle := range used {
				if key := fmt.Sprint(bundle); !seen[key] && len(count) < usedMost {
					seen[key] = true
					bundles = append(bundles, bundle)
					if number < coreFamilies && peel == 0 {
						p.core[i] = append(p.core[i], len(bundles)-1)
					}
					for _, n := range bundle {
						count[n] = true
					}
				}
				rest = slices.DeleteFunc(rest, func(n int) bool { return slices.Contains(bundle, n) })
			}
		}
	}
	return bundles
}

// used are the sets of candidates that the plans of a probe's calls use when only those of rest are shown.
func (p *pruning) used(i int, rest []int) (bundles [][]int) {
	shown, number := make([]int, len(rest)), map[int]int{}
	for j, n := range rest {
		shown[j], number[p.built[n]] = p.built[n], n
	}
	p.sample.Show(shown)
	for _, call := range p.probes[i].calls {
		prog, err := p.sample.Plan(call)
		if err != nil {
			return nil // the sample lacks something, such as a module
		}
		var bundle []int
		for _, n := range p.sample.Uses(plan.Plan(prog.Plan)) {
			bundle = append(bundle, number[n])
		}
		if len(bundle) > 0 && !slices.ContainsFunc(bundles, func(b []int) bool { return slices.Equal(b, bundle) }) {
			bundles = append(bundles, bundle)
		}
	}
	return bundles
}

// renumber keeps the candidates that were used, those of the heaviest probes first.
func (p *pruning) renumber(ctx context.Context) (*pruned, error) {
	sizes, err := p.sample.Bytes(ctx)
	if err != nil {
		return nil, err
	}
	out := &pruned{sets: make([][]set, len(p.probes)), core: make([][]set, len(p.probes))}
	numbers := map[int]int{}
	for i, bundles := range p.bundles {
		for j, bundle := range bundles {
			var s set
			for _, n := range bundle {
				at, known := numbers[n]
				if !known {
					if at = len(out.candidates); at == setSize {
						return out, nil
					}
					numbers[n] = at
					c := p.candidates[n]
					out.candidates = append(out.candidates, c)
					out.bytes = append(out.bytes, int64(float64(sizes[p.built[n]])/p.sample.Kept(c.table)))
				}
				s = s.with(at)
			}
			out.sets[i] = append(out.sets[i], s)
			if slices.Contains(p.core[i], j) {
				out.core[i] = append(out.core[i], s)
			}
		}
	}
	return out, nil
}

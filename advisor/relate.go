package advisor

import (
	"slices"

	"github.com/sqliteperf/sqliteperf/internal/schema"
)

// relate notes which probes might use which candidates.
func (e *evaluator) relate(candidates []candidate, used [][]set) {
	e.candidates, e.built, e.candidate = candidates, map[int]int{}, map[int]int{}
	e.onTable = map[*schema.Table]set{}
	for n, c := range e.candidates {
		e.onTable[c.table] = e.onTable[c.table].with(n)
	}
	for i, p := range e.probes {
		for _, s := range used[i] {
			p.planned = p.planned.or(s)
		}
		p.useful = p.useful.or(p.planned)
		e.concern(p)
	}
}

// concern notes which candidates are on the probe's tables, and which it might use.
func (e *evaluator) concern(p *probe) {
	for t := range p.tables {
		p.mask = p.mask.or(e.onTable[t])
	}
	for n, c := range e.candidates {
		if slices.ContainsFunc(p.accesses, func(a *access) bool { return a.may(c) }) {
			p.useful = p.useful.with(n)
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

package advisor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/plan"
)

// missingIndex is IX01 to IX04: a set of indexes, chosen for the whole workload, with which its statements
// cost less than what its writes pay more. Candidates come from the statements' own predicates; the planner
// prunes them on a sample; the rest are measured on a copy. How an index helps decides its code.
type missingIndex struct{}

// heaviest bounds how many statements are given candidates: the tail of a workload costs little.
const heaviest = 200

// choice is an index chosen, or several of which one alone would not help.
type choice struct {
	indexes []candidate
	gain    float64 // nanoseconds that the workload would cost more without it
	write   WriteCost
	bytes   int64
	queries []*query
	fragile string // why the plan may turn out otherwise
}

func (missingIndex) code() string { return codeMissing }

func (missingIndex) check(ctx context.Context, p *pass) ([]*Recommendation, error) {
	m := &indexSearch{pass: p}
	if err := m.find(ctx); err != nil {
		return nil, err
	}
	var list []*Recommendation
	for _, c := range m.chosen {
		list = append(list, c.recommend(p))
	}
	return list, nil
}

func (c *choice) recommend(p *pass) *Recommendation {
	first := c.indexes[0]
	kind := first.kind()
	r := p.recommendation(kind.code, "index", first.table.Name, c.identity())
	r.gain, r.write, r.bytes, r.subject = c.gain, c.write, c.bytes, describeTable(first.table)
	r.Title = "Index " + describeIndexes(c.indexes)
	for _, ix := range c.indexes {
		name := ix.name()
		r.indexes = append(r.indexes, name)
		r.Columns = append(r.Columns, ix.columns()...)
		r.Statements = append(r.Statements, ix.sql(name))
		r.Undo = append([]string{"DROP INDEX IF EXISTS " + quoteName(name)}, r.Undo...)
	}
	if p.schema.Analyzed && p.schema.Sampled { // else ANALYZE would leave a table behind that undo must not drop
		r.Statements = append(r.Statements, analyzeEach(r)...)
	}
	if p.refused { // a copy was wanted
		r.State, r.Basis = Estimated, "estimate"
		r.Evidence = &Evidence{Verdict: Estimated, Queries: []Measured{}, Write: c.write, Bytes: c.bytes,
			Reasons: []string{"measured on a sample of the rows, planned with its statistics as if of all"}}
	}
	r.index, r.Applicable, r.Level = r.indexes[0], true, "warning"
	for _, q := range c.queries {
		r.Digests = append(r.Digests, q.hex())
	}
	r.Why = whyMissing(c.queries) + " " + kind.why
	r.Risk = "Every write to " + first.table.Name + " must also change the index; building it holds the write lock once."
	if kind.risk != "" {
		r.Risk += " " + kind.risk
	}
	if c.fragile != "" {
		r.Risk += " " + c.fragile
	}
	return r
}

// identity is what makes the recommendation the same in the next analysis.
func (c *choice) identity() string {
	var list []string
	for _, ix := range c.indexes {
		list = append(list, ix.sql(""))
	}
	return strings.Join(list, ";")
}

// indexKind is how an index helps.
type indexKind struct{ code, why, risk string }

// kind tells the codes apart.
func (c candidate) kind() indexKind {
	switch {
	case slices.ContainsFunc(c.keys, isExpression), slices.ContainsFunc(c.where, mayFail):
		return expressionIndex
	case c.partial():
		return partialIndex
	case c.wide:
		return coveringIndex
	}
	return indexKind{code: codeMissing}
}

const codeMissing = "IX01"

// whyMissing words what the statements do without the index.
func whyMissing(queries []*query) string {
	var does []string
	for _, n := range queries[0].plan {
		switch {
		case n.Automatic:
			does = append(does, "builds an index of "+queries[0].tableOf(n.Table)+" for each execution")
		case n.Op == plan.Scan:
			does = append(does, "reads all of "+queries[0].tableOf(n.Table))
		case n.Op == plan.TempBTree:
			does = append(does, "sorts for "+n.Purpose)
		}
	}
	text := strings.Join(slices.Compact(does), " and ")
	switch {
	case text == "":
		text = "reads more rows than it needs"
	case len(queries) > 1:
		return fmt.Sprintf("%d statements would use it; the most expensive %s.", len(queries), text)
	}
	return "1 statement " + text + "."
}

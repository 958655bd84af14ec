package advisor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/plan"
)

// missingIndex is IX01: a statement scans, sorts or builds an automatic index, and an index that
// the planner would use makes it cheaper. Candidates come from the statement's own predicates; the
// planner prunes them without data; the rest are built on the shadow and measured.
type missingIndex struct{}

const codeMissing = "IX01"

// heaviest bounds how many statements are given candidates: the tail of a workload costs little.
const heaviest = 200

// choice is a candidate chosen for one or more statements.
type choice struct {
	candidate
	gain    float64 // nanoseconds that the workload would cost more without it
	queries []*query
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
	r := p.recommendation(codeMissing, "index", c.table.Name, c.sql(""))
	r.Columns, r.index, r.subject = c.columns(), c.name(), describeTable(c.table)
	r.Title = fmt.Sprintf("Index %s(%s)", c.table.Name, strings.Join(r.Columns, ", "))
	r.Statements = []string{c.sql(c.name())}
	if p.schema.Analyzed && p.schema.Sampled { // else ANALYZE would leave a table behind that undo must not drop
		r.Statements = append(r.Statements, "ANALYZE "+quoteName(c.name()))
	}
	r.Undo = []string{"DROP INDEX IF EXISTS " + quoteName(c.name())}
	r.Applicable, r.Level = true, "warning"
	for _, q := range c.queries {
		r.Digests = append(r.Digests, q.hex())
	}
	r.Why = whyMissing(c.queries)
	r.Risk = "Every write to " + c.table.Name + " must also change the index; building it holds the write lock once."
	return r
}

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
	text := "1 statement " + strings.Join(slices.Compact(does), " and ") + "."
	if len(queries) > 1 {
		text = fmt.Sprintf("%d statements would use it; the most expensive %s.", len(queries), strings.Join(slices.Compact(does), " and "))
	}
	return text
}

package advisor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/schema"
)

// unusedIndex is IX06: no plan of any statement seen reads the index, and every write pays for it. Each row
// inserted changes 1.2 pages of the write-ahead log more per index (field measurement, random keys).
//
// What was not seen may use it, so the rule says nothing unless the traffic is known whole: a
// statement that was folded, or could not be explained and names the table, silences it. So do
// triggers on the table and foreign keys, whose searches are in no plan.
type unusedIndex struct{}

// unusedWindow is how long an index must have been idle: what runs monthly is missed, what runs weekly
// is seen twice.
const unusedWindow = 14 * 24 * time.Hour

const codeUnused = "IX06"

func (unusedIndex) code() string { return codeUnused }

func (unusedIndex) check(ctx context.Context, p *pass) ([]*Recommendation, error) {
	idle := p.idleIndexes()
	if p.traffic == nil || len(idle) == 0 {
		return nil, nil
	}
	w, err := p.traffic.weeks(ctx)
	if err != nil || !w.whole || w.seen() < unusedWindow {
		return nil, err
	}
	queries, unknown, err := p.explained(ctx, w.statements)
	if err != nil {
		return nil, err
	}
	used, err := p.usedIndexes(ctx, queries)
	if err != nil {
		return nil, err
	}
	var list []*Recommendation
	for _, ix := range idle {
		t := p.schema.Table(ix.Table)
		if !used[strings.ToLower(ix.Name)] && !p.hidden(t, unknown) {
			list = append(list, dropUnused(p, t, ix, w.seen()))
		}
	}
	return list, nil
}

// idleIndexes are those that may be dropped and that no plan of the workload reads.
func (p *pass) idleIndexes() []*schema.Index {
	var list []*schema.Index
	for _, t := range p.schema.Tables {
		if !t.Indexable() || t.Rows < tinyTable {
			continue
		}
		for _, ix := range t.Indexes {
			used := slices.ContainsFunc(p.queries, func(q *query) bool { return q.plan.Uses(ix.Name) })
			if ix.Origin == "c" && !ix.Unique && !used && !servesForeignKey(t, ix) && covers(t, ix) == nil {
				list = append(list, ix)
			}
		}
	}
	return list
}

func dropUnused(p *pass, t *schema.Table, ix *schema.Index, seen time.Duration) *Recommendation {
	r := dropIndex(p, codeUnused, t, ix)
	days := seen.Hours() / 24
	r.Why = fmt.Sprintf("No statement of the last %.0f days used it. Every write to %s changes it all the same.", days, t.Name)
	r.Risk = "Statements that run less often than that, or in another process, may need it; those that name it with " +
		"INDEXED BY fail without it. So may those that are yet to be written."
	var statements, writes float64
	for _, q := range p.on(t.Name) {
		if statements += q.Calls; strings.EqualFold(q.read.Target, t.Name) {
			writes += q.Calls
		}
	}
	r.Facts = append(r.Facts, Fact{Name: "observed", Value: days, Unit: "days"},
		Fact{Name: "calls on the table", Value: statements, Unit: "calls"}, Fact{Name: "of them writes", Value: writes, Unit: "calls"})
	return r
}

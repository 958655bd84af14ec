package advisor

import (
	"context"
	"fmt"

	"github.com/sqliteperf/sqliteperf/internal/schema"
)

// redundantIndex is IX05: an index whose columns begin those of another index of the table serves
// no search that the other does not serve, and every write pays for it. An index that enforces
// uniqueness, is partial or holds expressions is never advised away.
type redundantIndex struct{}

const codeRedundant = "IX05"

func (redundantIndex) code() string { return codeRedundant }

func (redundantIndex) check(_ context.Context, p *pass) ([]*Recommendation, error) {
	var list []*Recommendation
	for _, t := range p.schema.Tables {
		for _, ix := range t.Indexes {
			if other := covers(t, ix); other != nil {
				list = append(list, dropIndex(p, t, ix, other))
			}
		}
	}
	return list, nil
}

// covers finds an index that makes ix redundant, itself not redundant, or nil.
func covers(t *schema.Table, ix *schema.Index) *schema.Index {
	for _, other := range t.Indexes {
		if ix.Redundant(other) {
			return other
		}
	}
	return nil
}

func dropIndex(p *pass, t *schema.Table, ix, other *schema.Index) *Recommendation {
	r := p.recommendation(codeRedundant, "drop_index", t.Name, ix.Name)
	for _, k := range ix.Columns {
		r.Columns = append(r.Columns, k.Name)
	}
	r.index, r.subject, r.Applicable = ix.Name, describeTable(t), true
	r.Title = fmt.Sprintf("Drop index %s", ix.Name)
	r.Why = fmt.Sprintf("Its columns begin those of %s, which answers the same searches. Every write to %s changes both.", other.Name, t.Name)
	r.Risk = "Statements that name it with INDEXED BY fail without it; its narrower entries may be faster to scan."
	r.Statements = []string{"DROP INDEX " + quoteName(ix.Name)}
	r.Undo = []string{ix.SQL}
	if len(ix.Stat) > 0 {
		r.Undo = append(r.Undo, "ANALYZE "+quoteName(ix.Name))
	}
	for _, q := range p.on(t.Name) {
		if q.plan.Uses(ix.Name) {
			r.Digests = append(r.Digests, q.hex())
		}
	}
	return r
}

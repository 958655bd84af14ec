package advisor

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/predicate"
	"github.com/sqliteperf/sqliteperf/internal/schema"
)

// wideStar is QY04: SELECT * over a list reads the large columns of each row, most of which lie on pages of their
// own, though a list seldom shows them. https://sqlite.org/fileformat2.html#ovflpgs
type wideStar struct{}

const (
	wideShare = 4  // a column is large that takes 1/4 of a page, as in SC05
	wideRows  = 20 // rows a call: who asks for one row may want all of it, who asks for a list does not
)

func (wideStar) code() string { return "QY04" }

func (rule wideStar) check(ctx context.Context, p *pass) ([]*Recommendation, error) {
	pageSize, err := strconv.ParseFloat(p.pragmas["page_size"], 64)
	if err != nil {
		return nil, nil
	}
	var list []*Recommendation
	for _, q := range p.queries {
		t := p.starred(q)
		if t == nil || t.Rows < wideRows {
			continue
		}
		names, widths, err := p.widths(ctx, t)
		if err != nil {
			return list, err
		}
		var small, large []string
		var bytes, row float64
		for i, name := range names {
			if row += widths[i]; widths[i] >= pageSize/wideShare {
				large, bytes = append(large, name), bytes+widths[i]
			} else {
				small = append(small, quoteName(name))
			}
		}
		if len(large) == 0 || len(small) == 0 {
			continue
		}
		rows, err := p.rowsPerCall(ctx, q)
		if err != nil {
			return list, err
		}
		if rows < wideRows {
			continue
		}
		after := replaceOnce(q.Fingerprint, "*", strings.Join(small, ", "))
		if after == "" {
			continue
		}
		r := queryAdvice(p, rule.code(), "star", q)
		r.Table, r.Columns = t.Name, large
		r.Title = fmt.Sprintf("Ask %s for the columns that are needed", t.Name)
		r.Why = fmt.Sprintf("SELECT * returns %.0f rows a call, of %.0f bytes each, of which %s takes %.0f.", rows, row, strings.Join(large, ", "), bytes)
		r.Manual = "Name the columns that the list shows, and fetch the large ones with the one row that is opened."
		r.Risk = "Code that scans all columns by place must change with it."
		r.Rewrite = &Rewrite{Before: q.Fingerprint, After: after}
		r.Facts = append(r.Facts, Fact{Name: "rows per call", Value: rows, Unit: "rows"}, Fact{Name: "bytes per row", Value: row, Unit: "bytes"},
			Fact{Name: "of them in large columns", Value: bytes / row, Unit: "of the row"})
		list = append(list, r)
	}
	return list, nil
}

// starred is the one table of which a query that only reads returns all columns, or nil.
func (p *pass) starred(q *query) *schema.Table {
	if !q.ReadOnly || len(q.read.Blocks) != 1 {
		return nil
	}
	b := q.read.Blocks[0]
	if len(b.Tables) != 1 || len(b.Results) != 1 || b.Results[0].Op != predicate.OpColumn || b.Results[0].Name != "*" || b.Results[0].Qualifier != "" || b.Distinct {
		return nil
	}
	t := p.schema.Table(b.Tables[0].Name)
	if t == nil || !t.Indexable() {
		return nil
	}
	return t
}

// rowsPerCall is what a query returns, as seen, or as the copy returns it; 0 if neither is known.
func (p *pass) rowsPerCall(ctx context.Context, q *query) (float64, error) {
	if s := p.traffic.statement(q); s != nil {
		return float64(s.Rows) / float64(max(s.Calls, 1)), nil
	}
	copies, err := p.copies(ctx)
	if err != nil || copies == nil {
		return 0, err
	}
	out, err := copies.Before().Run(ctx, q.calls[0])
	if err != nil {
		return 0, ctx.Err() // it cannot be replayed
	}
	return float64(out.Rows), nil
}

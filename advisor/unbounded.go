package advisor

import (
	"context"
	"fmt"
)

// unboundedResult is QY05: a request that gets all rows there are grows with the table: at first some, then thousands,
// which must be read, sent and shown. Jobs that read everything on purpose run outside of requests.
type unboundedResult struct{}

const (
	// unboundedRows is more than a page shows; a thousand rows of a few columns take about a millisecond to fetch.
	unboundedRows  = 1000
	unboundedCalls = 10  // fewer may be an export
	unboundedShare = 0.5 // of the calls came from requests
)

func (unboundedResult) code() string { return "QY05" }

func (rule unboundedResult) check(_ context.Context, p *pass) ([]*Recommendation, error) {
	var list []*Recommendation
	for _, q := range p.queries {
		s := p.traffic.statement(q)
		if s == nil || !q.ReadOnly || s.Calls < unboundedCalls || q.ties() || share(s.Attributed, s.Calls) < unboundedShare {
			continue
		}
		rows := float64(s.Rows) / float64(s.Calls)
		if rows < unboundedRows {
			continue
		}
		r := queryAdvice(p, rule.code(), "unbounded", q)
		r.Title = "Bound what a request reads"
		r.Why = fmt.Sprintf("Each call returns %.0f rows, and nothing keeps it from returning more as the table grows.", rows)
		r.Manual = "Add ORDER BY and LIMIT, and go on from the last row shown; or let SQL sum up what the rows are read for."
		r.Risk = "Who relied on all rows gets some."
		r.Rewrite = &Rewrite{Before: q.Fingerprint, After: q.Fingerprint + " LIMIT ?"}
		r.Facts = append(r.Facts, Fact{Name: "rows per call", Value: rows, Unit: "rows"})
		for _, route := range s.Routes[:min(len(s.Routes), sitesShown)] {
			r.Facts = append(r.Facts, Fact{Name: "requested by", Value: float64(route.Calls), Unit: "calls", Text: route.Name})
		}
		list = append(list, r)
	}
	return list, nil
}

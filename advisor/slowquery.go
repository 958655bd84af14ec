package advisor

import (
	"context"
	"fmt"

	"github.com/sqliteperf/sqliteperf/internal/request"
)

// slowQuery is QY12: a statement that keeps a request for half a second, or for five times what is usual of it. What to do is what
// the other rules say of it; this one says which requests wait.
type slowQuery struct{}

func (slowQuery) code() string { return "QY12" }

func (rule slowQuery) check(_ context.Context, p *pass) ([]*Recommendation, error) {
	return p.each(request.SlowQuery, rule.code(), "query", func(r *Recommendation, f *request.Finding) {
		r.Title = fmt.Sprintf("A slow statement on %s", onRoute(f))
		r.Why = fmt.Sprintf("One execution took %v; from %.0f ms on it is slow for what is usual of it.", f.Sum, f.Threshold)
		r.Manual = "Look at its plan and at the advice on its tables. If that has nothing for it, ask for less: fewer columns, a LIMIT, a sum kept beside the rows."
		if f.Repeated != nil {
			r.Rewrite = &Rewrite{Before: f.Repeated.Fingerprint, After: "EXPLAIN QUERY PLAN " + f.Repeated.Fingerprint}
		}
		r.Facts = append(r.Facts, Fact{Name: "this execution", Value: f.Value, Unit: "ms"}, Fact{Name: "slow from", Value: f.Threshold, Unit: "ms"}, count("rows", f.Rows, "rows"))
	})
}

package advisor

import (
	"context"
	"fmt"

	"github.com/sqliteperf/sqliteperf/internal/request"
)

// lostContext is RQ07: statements that run without the context of their request. They are in no figure of a route, and go on when the client has
// left. Work in the background belongs to no request rightly. https://go.dev/doc/database/cancel-operations
type lostContext struct{}

func (lostContext) code() string { return "RQ07" }

func (rule lostContext) check(_ context.Context, p *pass) ([]*Recommendation, error) {
	return p.each(request.LostCtx, rule.code(), "request", func(r *Recommendation, f *request.Finding) {
		r.Title = "Pass the context of the request to its statements"
		r.Why = fmt.Sprintf("%.0f %% of the time of all statements belongs to no request.", f.Value*100)
		r.Manual = "Call the methods that end in Context, with the context of the request. If the lines below are work in the background, nothing is wrong."
		r.Rewrite = &Rewrite{Before: "db.Query(query, args...)", After: "db.QueryContext(r.Context(), query, args...)"}
		for _, s := range f.Sites {
			r.Facts = append(r.Facts, Fact{Name: "without a request", Value: ms(s.Time), Unit: fmt.Sprintf("ms in %d calls", s.Calls), Text: fmt.Sprintf("%s %s", s.Site, s.Site.Function)})
		}
	})
}

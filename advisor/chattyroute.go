package advisor

import (
	"context"
	"fmt"

	"github.com/sqliteperf/sqliteperf/internal/request"
)

// chattyRoute is RQ01: a route whose median request runs more than fifty statements. Each goes its own way through database/sql and may have
// to wait for a connection.
type chattyRoute struct{}

func (chattyRoute) code() string { return "RQ01" }

func (rule chattyRoute) check(_ context.Context, p *pass) ([]*Recommendation, error) {
	return p.each(request.Chatty, rule.code(), "request", func(r *Recommendation, f *request.Finding) {
		r.Title = fmt.Sprintf("Ask less often on %s", onRoute(f))
		r.Why = fmt.Sprintf("The median request of the route runs %d statements.", f.Median)
		r.Manual = "Look for loops among its statements; ask for lists with IN or joins, insert several rows at a time, and keep answers for the request."
		r.Facts = append(r.Facts, count("statements of the median request", int64(f.Median), "calls"))
	})
}

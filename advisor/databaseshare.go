package advisor

import (
	"context"
	"fmt"

	"github.com/sqliteperf/sqliteperf/internal/request"
)

// databaseShare is RQ02: most of a slow route is its statements. Nothing outside of the database can make it much faster.
type databaseShare struct{}

func (databaseShare) code() string { return "RQ02" }

func (rule databaseShare) check(_ context.Context, p *pass) ([]*Recommendation, error) {
	return p.each(request.DBShare, rule.code(), "request", func(r *Recommendation, f *request.Finding) {
		r.Title = fmt.Sprintf("%s is as fast as its statements", onRoute(f))
		r.Why = fmt.Sprintf("%.0f %% of the time of its requests passes in statements.", f.Value*100)
		r.Manual = "Begin with the advice on the statements that take most of its time."
		r.Facts = append(r.Facts, Fact{Name: "in statements", Value: f.Value, Unit: "of the time of the requests"}, Fact{Name: "of one request", Value: ms(f.Sum), Unit: "ms"})
	})
}

package advisor

import (
	"context"
	"fmt"

	"github.com/sqliteperf/sqliteperf/internal/request"
)

// slowRoute is RQ03: one request in twenty takes longer than the objective, or twice as long as in the day before.
type slowRoute struct{}

func (slowRoute) code() string { return "RQ03" }

func (rule slowRoute) check(_ context.Context, p *pass) ([]*Recommendation, error) {
	return p.each(request.SlowRoute, rule.code(), "request", func(r *Recommendation, f *request.Finding) {
		r.Title = fmt.Sprintf("%s is slow", onRoute(f))
		r.Why = fmt.Sprintf("One request in twenty takes %.0f ms or more; the limit is %.0f ms, by the objective or by the last 24 hours.", f.Value, f.Threshold)
		r.Manual = "Look at what its slow requests have that others have not: more statements, a slow one, waits for locks or connections."
		r.Facts = append(r.Facts, Fact{Name: "95th percentile", Value: f.Value, Unit: "ms"}, Fact{Name: "limit", Value: f.Threshold, Unit: "ms"})
	})
}

package advisor

import (
	"context"
	"fmt"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/request"
)

// consecutiveCalls is RQ06: calls to different services that wait for each other. At once they take as long as the slowest.
type consecutiveCalls struct{}

func (consecutiveCalls) code() string { return "RQ06" }

func (rule consecutiveCalls) check(_ context.Context, p *pass) ([]*Recommendation, error) {
	return p.each(request.ConsecutiveHTTP, rule.code(), "request", func(r *Recommendation, f *request.Finding) {
		r.Title = fmt.Sprintf("Call %d services at once on %s", f.Count, onRoute(f))
		r.Why = fmt.Sprintf("Calls to %s ran one after the other for %v; at once they would take %.0f ms less.", strings.Join(f.Names, ", "), f.Sum, f.Value)
		r.Manual = "If none needs what another answers, run them in goroutines of an errgroup with the context of the request."
		r.Facts = append(r.Facts, took(f), Fact{Name: "would be saved", Value: f.Value, Unit: "ms"})
	})
}

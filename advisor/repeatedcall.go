package advisor

import (
	"context"
	"fmt"

	"github.com/sqliteperf/sqliteperf/internal/request"
)

// repeatedCall is RQ05: the same call to another service again and again within one request, each over the network.
type repeatedCall struct{}

func (repeatedCall) code() string { return "RQ05" }

func (rule repeatedCall) check(_ context.Context, p *pass) ([]*Recommendation, error) {
	return p.each(request.NPlusOneAPI, rule.code(), "request", func(r *Recommendation, f *request.Finding) {
		r.Title = fmt.Sprintf("Ask %s once on %s", firstName(f), onRoute(f))
		r.Why = fmt.Sprintf("One request called %s %d times, which took %v.", firstName(f), f.Count, f.Sum)
		r.Manual = "Ask for all at once if the service can do that; else keep what it answered, and run the calls beside each other, a few at a time."
		r.Facts = append(r.Facts, count("calls in one request", int64(f.Count), "calls"), took(f))
	})
}

// firstName is the first outgoing call of a finding.
func firstName(f *request.Finding) string {
	if len(f.Names) == 0 {
		return "a service"
	}
	return f.Names[0]
}

package advisor

import (
	"context"
	"fmt"

	"github.com/sqliteperf/sqliteperf/internal/request"
)

// duplicates is QY10: a request that asks again what it has been told, with nothing written between, gets the same answer for the same
// price. Usually two parts of it do not know of each other.
type duplicates struct{}

func (duplicates) code() string { return "QY10" }

func (rule duplicates) check(_ context.Context, p *pass) ([]*Recommendation, error) {
	return p.each(request.Duplicate, rule.code(), "query", func(r *Recommendation, f *request.Finding) {
		r.Title = fmt.Sprintf("Keep the answer for the request on %s", onRoute(f))
		r.Why = fmt.Sprintf("One request asked the same with the same values %d times, which took %v, and nothing it reads was written between.", f.Count, f.Sum)
		r.Manual = "Ask once and hand the answer on, in a struct that lives as long as the request, or in its context."
		if f.Repeated != nil {
			r.Rewrite = &Rewrite{Before: f.Repeated.Fingerprint, After: "// once, where the request begins:\n" + f.Repeated.Fingerprint}
		}
		r.Facts = append(r.Facts, count("executions in one request", int64(f.Count), "calls"), took(f))
	})
}

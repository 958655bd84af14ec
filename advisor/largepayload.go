package advisor

import (
	"context"
	"fmt"

	"github.com/sqliteperf/sqliteperf/internal/request"
)

// largePayload is RQ04: an answer of hundreds of kilobytes is made, compressed, sent and read, and grows with the data if nothing bounds it.
type largePayload struct{}

func (largePayload) code() string { return "RQ04" }

func (rule largePayload) check(_ context.Context, p *pass) ([]*Recommendation, error) {
	return p.each(request.LargePayload, rule.code(), "request", func(r *Recommendation, f *request.Finding) {
		r.Title = fmt.Sprintf("Answer with less on %s", onRoute(f))
		r.Why = fmt.Sprintf("An answer had %.0f kB before compression.", f.Value/1000)
		r.Manual = "Send pages that begin after the last row of the one before, name the columns that are needed, and compress what remains."
		r.Facts = append(r.Facts, Fact{Name: "answer", Value: f.Value, Unit: "bytes"}, Fact{Name: "request", Value: ms(f.Sum), Unit: "ms"})
	})
}

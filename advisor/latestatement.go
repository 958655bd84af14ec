package advisor

import (
	"context"
	"fmt"

	"github.com/sqliteperf/sqliteperf/internal/request"
)

// lateStatement is RQ08: a statement that begins after its request has ended. net/http cancels the context of the request by then, so that the
// statement fails or is cut off. https://pkg.go.dev/net/http#Request.Context
type lateStatement struct{}

func (lateStatement) code() string { return "RQ08" }

func (rule lateStatement) check(_ context.Context, p *pass) ([]*Recommendation, error) {
	return p.each(request.Late, rule.code(), "request", func(r *Recommendation, f *request.Finding) {
		r.Title = fmt.Sprintf("Let nothing of %s run on after its end", onRoute(f))
		r.Why = fmt.Sprintf("%.1f %% of the requests run a statement after their end.", f.Value*100)
		r.Manual = "Wait for the goroutine before the handler returns, or give the work to a queue of its own whose context does not end with the request."
		r.Rewrite = &Rewrite{Before: "go save(r.Context(), event)", After: "queue <- event // a worker saves it with a context of its own"}
	})
}

package advisor

import (
	"context"
	"fmt"

	"github.com/sqliteperf/sqliteperf/internal/request"
)

// poolWait is PO05: requests wait for a connection now. It is about these minutes; PO03 is about the whole time and tries numbers. database/sql does not
// tell who waited, so no route is named. https://pkg.go.dev/database/sql#DBStats
type poolWait struct{}

func (poolWait) code() string { return "PO05" }

func (rule poolWait) check(_ context.Context, p *pass) ([]*Recommendation, error) {
	return p.each(request.PoolWait, rule.code(), "pool", func(r *Recommendation, f *request.Finding) {
		r.Title = "Requests wait for a connection"
		r.Why = fmt.Sprintf("Within five minutes %d calls waited for a connection, %.0f ms on average.", f.Count, f.Value)
		r.Manual = "Close rows as soon as they are read, and let no request hold two connections. If connections are held for short times only, allow more by SetMaxOpenConns."
		r.Facts = append(r.Facts, count("waits for a connection", int64(f.Count), "checkouts"), Fact{Name: "such a wait", Value: f.Value, Unit: "ms"}, took(f))
	})
}

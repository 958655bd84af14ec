package advisor

import (
	"context"
	"fmt"

	"github.com/sqliteperf/sqliteperf/internal/request"
)

// parallelizable is QY11: queries that wait for each other though none may need it. In WAL mode readers run beside each other, on connections
// of their own. Whether one needs what another returned, only the code tells. https://sqlite.org/wal.html#concurrency
type parallelizable struct{}

func (parallelizable) code() string { return "QY11" }

func (rule parallelizable) check(_ context.Context, p *pass) ([]*Recommendation, error) {
	return p.each(request.Parallelizable, rule.code(), "query", func(r *Recommendation, f *request.Finding) {
		r.Title = fmt.Sprintf("Run %d queries at once on %s", f.Count, onRoute(f))
		r.Why = fmt.Sprintf("%d queries ran one after the other for %v; at once they would take as long as the slowest, %.0f ms less.", f.Count, f.Sum, f.Value)
		r.Manual = "If none needs what another returns, run them in goroutines of an errgroup, and let the pool have as many connections. " +
			"Or make them one statement: several counts of a table are one scan."
		r.Rewrite = &Rewrite{Before: about(f.Statements), After: allAtOnce}
		r.Facts = append(r.Facts, took(f), Fact{Name: "would be saved", Value: f.Value, Unit: "ms"})
	})
}

// allAtOnce is what queries that run at once look like.
const allAtOnce = `group, ctx := errgroup.WithContext(r.Context())
for i, query := range queries {
	group.Go(func() error { return db.QueryRowContext(ctx, query).Scan(&answers[i]) })
}
if err := group.Wait(); err != nil {
	return err
}`

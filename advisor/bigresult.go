package advisor

import (
	"context"
	"fmt"

	"github.com/sqliteperf/sqliteperf/internal/request"
)

// bigResult is QY13: rows that are read and not shown. Each is decoded, copied and scanned, some 0.5 µs, to be counted, filtered or cut
// in the application, which SQLite does without handing them over.
type bigResult struct{}

func (bigResult) code() string { return "QY13" }

func (rule bigResult) check(_ context.Context, p *pass) ([]*Recommendation, error) {
	return p.each(request.BigResult, rule.code(), "query", func(r *Recommendation, f *request.Finding) {
		r.Title = fmt.Sprintf("Let SQLite count, filter and cut on %s", onRoute(f))
		r.Why = fmt.Sprintf("A statement returned %d rows for an answer of less than 10 kB.", f.Rows)
		r.Manual = "Put the condition into WHERE, the sum into the results, and a LIMIT behind the order."
		if f.Repeated != nil {
			r.Rewrite = &Rewrite{Before: f.Repeated.Fingerprint, After: "SELECT count(*) FROM (" + f.Repeated.Fingerprint + ")"}
		}
		r.Facts = append(r.Facts, count("rows", f.Rows, "rows"), took(f))
	})
}

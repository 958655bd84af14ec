package advisor

import (
	"context"
	"fmt"

	"github.com/sqliteperf/sqliteperf/internal/request"
)

// cycles is QY09: the same two to eight statements again and again are the body of a loop. Each of them can be one statement for
// all rounds: SQLite takes many rows at a time for little more than one.
type cycles struct{}

func (cycles) code() string { return "QY09" }

func (rule cycles) check(_ context.Context, p *pass) ([]*Recommendation, error) {
	return p.each(request.Cycle, rule.code(), "query", func(r *Recommendation, f *request.Finding) {
		r.Title = fmt.Sprintf("Take the loop apart on %s", onRoute(f))
		r.Why = fmt.Sprintf("One request ran the same %d statements %d times in a row, which took %v.", len(f.Statements), f.Count, f.Sum)
		r.Manual = "Run each statement once for all rounds: reads with IN, inserts with several rows, updates with IN or from a list of values; " +
			"all in one transaction."
		r.Rewrite = &Rewrite{Before: about(f.Statements), After: loopTogether}
		if f.Repeated != nil {
			if many := manyRows(f.Repeated.Fingerprint); many != "" {
				r.Rewrite.After = many
			}
		}
		r.Facts = append(r.Facts, count("rounds in one request", int64(f.Count), "rounds"), took(f))
	})
}

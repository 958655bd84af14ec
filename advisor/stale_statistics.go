package advisor

import (
	"context"
	"fmt"
)

// staleStatistics is ST02: statistics that count rows as they were long ago, or that lack the samples
// of sqlite_stat4, as analysis_limit and PRAGMA optimize leave them, make plans for another database.
// Advised only where a full ANALYZE on the copy changes plans and replay is faster.
// https://sqlite.org/lang_analyze.html#approx
type staleStatistics struct{}

func (staleStatistics) code() string { return "ST02" }

func (rule staleStatistics) check(ctx context.Context, p *pass) ([]*Recommendation, error) {
	if !p.schema.Analyzed {
		return nil, nil
	}
	x, err := p.renew(ctx)
	if err != nil || !x.proved() {
		return nil, err
	}
	r := p.statisticsAdvice(rule.code(), x)
	r.Title = "Run a full ANALYZE again"
	r.Why = fmt.Sprintf("%d row counts are far from the real ones and %d indexes lack samples.", len(x.stale)/2, x.missing)
	r.Facts = append(r.Facts, count("indexes without samples", int64(x.missing), "indexes"))
	r.Facts = append(r.Facts, x.stale[:min(len(x.stale), 10)]...)
	return []*Recommendation{r}, nil
}

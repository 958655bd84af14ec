package advisor

import (
	"context"
	"fmt"
)

// noStatistics is ST01: without statistics the planner takes every index for as selective as any
// other and every table for a million rows. Advised only where ANALYZE on the copy changes plans and
// replay is faster. https://sqlite.org/lang_analyze.html
type noStatistics struct{}

func (noStatistics) code() string { return "ST01" }

func (rule noStatistics) check(ctx context.Context, p *pass) ([]*Recommendation, error) {
	if p.schema.Analyzed {
		return nil, nil
	}
	x, err := p.renew(ctx)
	if err != nil || !x.proved() {
		return nil, err
	}
	r := p.statisticsAdvice(rule.code(), x)
	r.Title = "Run ANALYZE"
	r.Why = fmt.Sprintf("The planner has no statistics and guesses. With them it plans %d statements otherwise.", len(x.digests))
	return []*Recommendation{r}, nil
}

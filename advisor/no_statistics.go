package advisor

import (
	"context"
	"fmt"
	"strings"
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

// forIndexes advises ANALYZE where indexes are advised that are of use only with statistics.
func (rule noStatistics) forIndexes(ctx context.Context, p *pass, indexes []*Recommendation) (*Recommendation, error) {
	stats, err := p.engine().Statistics(ctx)
	if err != nil {
		return nil, err
	}
	r := p.recommendation(rule.code(), "statistics", "", strings.Join(stats.Restore, ";"))
	r.Title = "Run ANALYZE once the indexes are there"
	r.Why = "The planner has no statistics and guesses. The indexes advised were chosen for what it does with them."
	r.Risk = "Plans of other statements may change too. ANALYZE reads every index, and writers wait meanwhile."
	r.Level, r.Applicable, r.Statements, r.Undo = "warning", true, stats.Renew, stats.Restore
	proved := 0
	for _, index := range indexes {
		if index.State == Proved {
			proved++
		}
	}
	if proved > 0 {
		r.State, r.Basis = Proved, "replay"
		r.Evidence = &Evidence{Verdict: Proved, Queries: []Measured{}, Write: WriteCost{Source: "none"},
			Reasons: []string{fmt.Sprintf("%d indexes were proved with statistics, and not all without", proved)}}
	}
	r.PlanHash = hashPlan(r)
	return r, nil
}

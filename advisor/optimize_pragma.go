package advisor

import (
	"context"
	"fmt"
	"strings"
)

// optimizePragma is ST03: PRAGMA optimize analyzes with a limit, which writes no samples, and after a
// table has grown it deletes those that a full ANALYZE had left. Advised only where the application
// runs it, samples are missing, and replay with all of them is faster.
// https://sqlite.org/pragma.html#pragma_optimize
type optimizePragma struct{}

func (optimizePragma) code() string { return "ST03" }

func (rule optimizePragma) check(ctx context.Context, p *pass) ([]*Recommendation, error) {
	if p.traffic == nil || !p.schema.Analyzed {
		return nil, nil
	}
	facts, digests := p.traffic.optimizes()
	if len(facts) == 0 {
		return nil, nil
	}
	x, err := p.renew(ctx)
	if err != nil || !x.proved() || x.missing == 0 {
		return nil, err
	}
	r := p.statisticsAdvice(rule.code(), x)
	r.Title, r.Applicable, r.Statements, r.Undo = "Run ANALYZE where PRAGMA optimize runs", false, []string{}, []string{}
	r.Why = fmt.Sprintf("PRAGMA optimize leaves %d indexes without samples, and %d statements are planned worse for it.", x.missing, len(x.digests))
	r.Manual = "Run ANALYZE instead, with PRAGMA analysis_limit = 0, at a quiet moment after tables have grown."
	r.Digests, r.Facts = append(r.Digests, digests...), append(r.Facts, facts...)
	return []*Recommendation{r}, nil
}

// optimizes are the lines of the application that run PRAGMA optimize, and the statements' digests.
func (t *traffic) optimizes() (facts []Fact, digests []string) {
	for _, s := range t.statements {
		if s.Statement == nil || !strings.HasPrefix(strings.ToLower(s.Statement.Fingerprint), "pragma optimize") {
			continue
		}
		facts = append(facts, Fact{Name: "runs of PRAGMA optimize", Value: float64(s.Calls), Unit: "calls", Text: s.Statement.Fingerprint})
		for _, c := range s.Callers {
			facts = append(facts, note("run at", c.Site.String()))
		}
		digests = append(digests, fmt.Sprintf("%016x", s.Digest))
	}
	return facts, digests
}

package advisor

import "context"

// busyTimeout is PR03: without a busy timeout a statement that meets a lock fails at once.
// https://sqlite.org/pragma.html#pragma_busy_timeout
type busyTimeout struct{}

func (busyTimeout) code() string { return "PR03" }

func (rule busyTimeout) check(_ context.Context, p *pass) ([]*Recommendation, error) {
	if !p.live || p.pragmas["busy_timeout"] != "0" {
		return nil, nil
	}
	r := pragmaAdvice(p, rule.code(), "busy_timeout", "5000")
	r.Level = "critical"
	r.Why = "busy_timeout is 0: a statement that meets another connection's lock fails at once with SQLITE_BUSY."
	r.Risk = "A statement may now wait up to 5 seconds where it failed before."
	if p.traffic != nil {
		var failed uint64
		for _, s := range p.traffic.statements {
			failed += s.Busy
		}
		r.Facts = append(r.Facts, count("statements that failed for a lock", int64(failed), "calls"))
	}
	return []*Recommendation{r}, nil
}

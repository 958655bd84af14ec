package advisor

import (
	"context"
	"fmt"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/sqlite"
	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// poolAdvice starts advice on the application's pool.
func poolAdvice(p *pass, code, title string) *Recommendation {
	r := p.recommendation(code, "pool", "", code)
	r.Title, r.Level = title, "warning"
	r.Risk = "Code that uses one sql.DB for everything must choose: a write on a reader fails with SQLITE_READONLY."
	return r
}

// splitManual says how to split a pool, with its numbers.
func splitManual(readers int) string {
	return fmt.Sprintf("Open the file twice. Writes and transactions that write: SetMaxOpenConns(1), SetMaxIdleConns(1), SetConnMaxLifetime(0), "+
		"with _txlock=immediate in the data source name. Reads: SetMaxOpenConns(%d), SetMaxIdleConns(%d), SetConnMaxLifetime(0), with "+
		"_pragma=query_only(1).", readers, readers)
}

// facts are the figures that pool advice rests on.
func (d demand) facts() []Fact {
	return []Fact{
		{Name: "reads", Value: d.reads, Unit: "a second"}, {Name: "writes", Value: d.writes, Unit: "a second"},
		{Name: "time of a read", Value: ms(d.readTime), Unit: "ms"}, {Name: "time of a write", Value: ms(d.writeTime), Unit: "ms"},
		count("callers at the same time", int64(d.callers), "callers"),
	}
}

// contend tries two configurations of pools on a copy, with the recorded callers and mix, and makes the
// outcome the recommendation's evidence. Without an experiment the advice stays one by rule.
func (p *pass) contend(ctx context.Context, r *Recommendation, d demand, present, proposed sqlite.Pools) error {
	lab, err := p.lab(ctx)
	if lab == nil || err != nil {
		return err
	}
	load := p.load(d)
	busy := time.Duration(p.number("busy_timeout")) * time.Millisecond
	present.Settings, proposed.Settings = p.poolSettings(), p.poolSettings()
	present.Busy, proposed.Busy = busy, busy
	var c sqlite.Contended
	began := time.Now()
	ended, err := p.bounded(ctx, r.Code, func(ctx context.Context) (err error) {
		c, err = lab.Contend(ctx, load, present, proposed, newRandom())
		return err
	})
	if err != nil || !ended {
		return err
	}
	e := newEvidence(p.shadow)
	e.Samples, e.Parameters = c.Comparison.Samples, p.queries[0].Source
	e.Verdict, e.Reasons = judgePools(c)
	r.conclude(e, "experiment", began)
	r.Facts = append(r.Facts, roundFacts("present", c.Present)...)
	r.Facts = append(r.Facts, roundFacts("proposed", c.Proposed)...)
	r.Facts = append(r.Facts, Fact{Name: "proposed: calls a second", Value: c.Comparison.Speedup.Value, Unit: "times those at present"})
	return nil
}

func roundFacts(which string, r sqlite.Round) []Fact {
	return []Fact{
		{Name: which + ": calls", Value: r.PerSecond, Unit: "a second"},
		{Name: which + ": p50", Value: ms(r.P50), Unit: "ms"}, {Name: which + ": p99", Value: ms(r.P99), Unit: "ms"},
		{Name: which + ": failed for a lock", Value: r.Busy, Unit: "of all calls"},
	}
}

// judgePools decides on an experiment with pools by the interval of the ratio of calls a second: more of
// them, unless the slowest hundredth waits longer for it; or a shorter wait, or fewer failures for
// locks, at no fewer, proves.
func judgePools(c sqlite.Contended) (State, []string) {
	t := c.Comparison
	fewer, noFewer := t.Speedup.High < 1/trial.Margin, t.Speedup.Low >= 1/trial.Margin
	shorter := t.After.P50.High*trial.Margin < t.Before.P50.Low // of the 99th percentiles
	longer := t.After.P50.Low > t.Before.P50.High*trial.Margin
	cures := c.Present.Busy >= leastBusyShare && c.Proposed.Busy < c.Present.Busy/2
	describe := func(verdict string) []string {
		return []string{fmt.Sprintf("%s: %.2f times as many calls a second (95 %% between %.2f and %.2f), p99 %.2f ms instead of %.2f, %d rounds of each by turns",
			verdict, t.Speedup.Value, t.Speedup.Low, t.Speedup.High, ms(c.Proposed.P99), ms(c.Present.P99), t.Samples)}
	}
	switch {
	case t.Samples < trial.MinSamples:
		return Inconclusive, describe("too few rounds")
	case fewer:
		return Rejected, describe("fewer calls")
	case c.Proposed.Busy > max(c.Present.Busy, leastBusyShare):
		return Rejected, describe("more calls fail for a lock")
	case cures && noFewer:
		return Proved, describe("fewer failures for a lock")
	case t.Speedup.Low > trial.Margin && longer:
		return Inconclusive, describe("more calls, but the slowest wait longer")
	case t.Speedup.Low > trial.Margin:
		return Proved, describe("more calls")
	case shorter && noFewer:
		return Proved, describe("shorter waits")
	case t.Speedup.High > trial.Margin || !noFewer:
		return Inconclusive, describe("the rounds vary more than the difference")
	}
	return Rejected, describe("no difference")
}

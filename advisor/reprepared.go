package advisor

import (
	"context"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/digest"
)

// reprepared is QY03: short statements that are compiled for each call take longer than they need: a search by
// key 8.2 µs instead of 4.9 (field measurement). The driver keeps statements if it is told to, and
// sql.DB.Prepare keeps one.
type reprepared struct{}

const (
	compileCost = 3300 * time.Nanosecond // 8.2 µs less 4.9
	// compiledCalls is how many calls are worth a setting: 100,000 compilations are a third of a second.
	compiledCalls = 100_000
	// compiledShort is below which a compilation is a tenth of the call and more.
	compiledShort = 10 * compileCost
	// changedShare is the share of calls after which a schema that keeps changing is the cause.
	changedShare = 0.1
	changedCalls = 1000
)

func (reprepared) code() string { return "QY03" }

func (rule reprepared) check(_ context.Context, p *pass) ([]*Recommendation, error) {
	if p.traffic == nil {
		return nil, nil
	}
	var list []*Recommendation
	if r := rule.uncached(p); r != nil {
		list = append(list, r)
	}
	for _, q := range p.queries {
		s := p.traffic.statement(q)
		if s == nil || s.Work.Reprepares < changedCalls || share(s.Work.Reprepares, s.Calls) < changedShare {
			continue
		}
		r := queryAdvice(p, rule.code(), "changed", q)
		r.Title = "Stop changing the schema while statements are in use"
		r.Why = "The prepared statement is compiled anew again and again, as SQLite must after each change of the schema, " +
			"each ANALYZE, ATTACH or new temporary table."
		r.Manual = "Look for CREATE, DROP, ALTER, ANALYZE, ATTACH and CREATE TEMP TABLE among the statements, and make such " +
			"objects once per connection."
		r.Risk = "None known."
		r.Facts = append(r.Facts, Fact{Name: "compiled anew", Value: share(s.Work.Reprepares, s.Calls), Unit: "per call"})
		list = append(list, r)
	}
	return list, nil
}

// uncached advises on the driver's cache, if there is none and many short calls would use it.
func (rule reprepared) uncached(p *pass) *Recommendation {
	if p.traffic.connections.CacheHits+p.traffic.connections.CacheMisses > 0 {
		return nil
	}
	var calls uint64
	var most *digest.Summary
	var digests []string
	for _, q := range p.queries {
		s := p.traffic.statement(q)
		if s == nil || p.texts(q) > 0 {
			continue // many texts: nothing to keep
		}
		p50, ok := s.Time.Quantile(0.5)
		compiled := s.Calls - min(s.Calls, s.Work.Cached+s.Work.Prepared)
		if !ok || time.Duration(p50) > compiledShort || compiled == 0 {
			continue
		}
		if calls += compiled; most == nil {
			most = s
		}
		digests = append(digests, q.hex())
	}
	if calls < compiledCalls {
		return nil
	}
	r := p.recommendation(rule.code(), "query", "", "uncached")
	r.Title = "Keep statements prepared"
	r.Why = "Short statements are compiled for each call, which is a good part of their time."
	r.Manual = "Set StatementCache in driver.Config, or SQLITE_PERF_STATEMENT_CACHE, to about the number of different " +
		"statements; or keep a *sql.Stmt from db.Prepare for the most frequent."
	r.Risk = "Each connection keeps that many statements, some kilobytes each."
	r.Rewrite = &Rewrite{Before: `driver.Open(dsn, driver.Config{})`, After: `driver.Open(dsn, driver.Config{StatementCache: 100})`}
	r.Digests = digests[:min(len(digests), 5)]
	r.Facts = append(r.Facts, Fact{Name: "calls compiled", Value: float64(calls), Unit: "calls"},
		Fact{Name: "time that could be saved, at 3.3 µs each", Value: ms(time.Duration(calls) * compileCost), Unit: "ms"})
	r.Facts = append(r.Facts, callSites(most)...)
	return r
}

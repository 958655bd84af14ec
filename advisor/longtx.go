package advisor

import (
	"context"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/digest"
)

// longTransaction is TX03: SQLite has one writer at a time, so each transaction that writes keeps the others waiting
// until its end, whatever it does meanwhile. What took long but hindered nobody, such as a report, is no fault: the
// rule asks for others' waits. https://sqlite.org/lang_transaction.html
type longTransaction struct{}

const (
	// longHeld is how long is long: by then SQLite's busy handler has tried eight times and sleeps up to
	// 100 ms between tries, so that waiters lose more than was held. See sqliteDefaultBusyCallback in
	// https://sqlite.org/src/file/src/main.c
	longHeld  = 100 * time.Millisecond
	longCalls = 20 // transactions that a 95th percentile needs: below, it is the maximum
	// longWaited is what others must have waited in all: ten times what one wait of longHeld is.
	longWaited = 10 * longHeld
)

func (longTransaction) code() string { return "TX03" }

func (rule longTransaction) check(_ context.Context, p *pass) ([]*Recommendation, error) {
	if p.traffic == nil {
		return nil, nil
	}
	all := p.traffic.ended(digest.Commit, digest.Rollback)
	p95, ok := all.Time.Quantile(0.95)
	failed, work := p.traffic.locked()
	if !ok || all.Calls < longCalls || time.Duration(p95) < longHeld || work.LockWait < longWaited && failed == 0 {
		return nil, nil
	}
	p50, _ := all.Time.Quantile(0.5)
	r := p.recommendation(rule.code(), "transaction", "", "long")
	r.Level = "warning"
	r.Title = "Keep transactions that write short"
	r.Why = "Transactions last long and others wait for their locks: there is one writer at a time."
	r.Manual = "Prepare what a transaction needs before it begins; make no calls over the network and wait for no user in it. " +
		"Split large changes into batches of some hundred rows. Read in transactions of their own, begun read-only."
	r.Risk = "What was one transaction and becomes several is seen half done by others, and may stay so after a crash."
	r.Facts = append(r.Facts,
		Fact{Name: "median of a transaction", Value: ms(time.Duration(p50)), Unit: "ms"},
		Fact{Name: "95th percentile", Value: ms(time.Duration(p95)), Unit: "ms"},
		Fact{Name: "longest", Value: ms(time.Duration(all.Time.Max())), Unit: "ms"},
		Fact{Name: "waits for locks", Value: ms(work.LockWait), Unit: "ms"},
		Fact{Name: "writes that failed for a lock", Value: float64(failed), Unit: "calls"})
	r.Facts = append(r.Facts, callSites(all)...)
	return []*Recommendation{r}, nil
}

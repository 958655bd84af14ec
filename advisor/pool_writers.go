package advisor

import (
	"context"
	"fmt"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/sqlite"
)

// manyWriters is PO04: SQLite has one writer at a time. Several connections that write meet its lock
// and try again after ever longer sleeps, in no order, until some fail; behind one connection they
// queue in order, without sleeping. https://sqlite.org/c3ref/busy_timeout.html
//
// It is no gain everywhere, so an experiment decides. BenchmarkPools of internal/sqlite, November 2026,
// two shared cores: 44,000 instead of 28,000 calls a second with look-ups by key; with scans 2,500
// instead of 4,500, at a p99 of 22 instead of 46 ms.
type manyWriters struct{}

const (
	leastWrites = 1000
	// lockShare is the share of the time of writes that is lock wait from which on it shows at the 95th
	// percentile.
	lockShare = 0.05
	// leastBusyShare and leastBusy: one write in a thousand that fails for a lock is an error that users see.
	leastBusyShare = 0.001
	leastBusy      = 10
)

func (manyWriters) code() string { return "PO04" }

func (rule manyWriters) check(ctx context.Context, p *pass) ([]*Recommendation, error) {
	t := p.traffic
	if t == nil || t.pool.MaxOpenConnections == 1 || t.severalPools() || t.connections.Opened < 2 {
		return nil, nil
	}
	d := t.demand()
	waits := float64(d.lockWait) >= lockShare*float64(d.writeTotal) && d.lockWait > 0
	fails := d.writeBusy >= leastBusy && float64(d.writeBusy) >= leastBusyShare*float64(d.writeCalls)
	if d.writeCalls < leastWrites || !waits && !fails || len(p.queries) == 0 {
		return nil, nil
	}
	readers := readersFor(d.reads, d.readTime)
	r := poolAdvice(p, rule.code(), "Write through one connection")
	r.Why = fmt.Sprintf("Writers waited %v for each other's locks, of %v that all writes took, and %d failed.",
		d.lockWait.Round(time.Millisecond), d.writeTotal.Round(time.Millisecond), d.writeBusy)
	r.Manual = splitManual(readers)
	r.Risk += " If another process writes to the file, its locks remain."
	r.Facts = append([]Fact{
		{Name: "lock wait", Value: float64(d.lockWait) / float64(max(d.writeTotal, 1)), Unit: "of the time of writes"},
		count("writes that failed for a lock", int64(d.writeBusy), "calls"),
	}, d.facts()...)
	present := sqlite.Pools{MaxOpen: t.pool.MaxOpenConnections, MaxIdle: d.callers}
	if t.pool.MaxIdleClosed > 0 {
		present.MaxIdle = defaultIdle
	}
	err := p.contend(ctx, r, d, present, sqlite.Pools{MaxOpen: 1, MaxIdle: 1, Readers: readers})
	return []*Recommendation{r}, err
}

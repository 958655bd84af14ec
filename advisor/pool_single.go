package advisor

import (
	"context"
	"fmt"

	"github.com/sqliteperf/sqliteperf/internal/sqlite"
)

// singlePool is PO02: where one connection serves reads and writes, each read waits for every write,
// though in WAL mode readers and the writer do not hold each other up. https://sqlite.org/wal.html#concurrency
//
// It is no gain everywhere, so an experiment decides. BenchmarkPools of internal/sqlite, November 2026,
// two shared cores: 44,000 instead of 36,000 calls a second with look-ups by key, 2,500 instead of
// 5,800 with scans without a pause, which keep the write-ahead log from being reset.
type singlePool struct{}

func (singlePool) code() string { return "PO02" }

func (rule singlePool) check(ctx context.Context, p *pass) ([]*Recommendation, error) {
	if p.traffic == nil || !p.wal() || p.traffic.pool.MaxOpenConnections != 1 || p.traffic.severalPools() || !p.traffic.starved() {
		return nil, nil
	}
	d := p.traffic.demand()
	if !d.mixed() || len(p.queries) == 0 {
		return nil, nil
	}
	readers := readersFor(d.reads, d.readTime)
	r := poolAdvice(p, rule.code(), fmt.Sprintf("Read through %d connections beside the one that writes", readers))
	r.Why = fmt.Sprintf("One connection serves reads and writes, and callers waited for it %d times, %v in all.",
		p.traffic.pool.WaitCount, p.traffic.pool.WaitDuration)
	r.Manual = splitManual(readers)
	r.Facts = append(p.traffic.waitFacts(), d.facts()...)
	err := p.contend(ctx, r, d, sqlite.Pools{MaxOpen: 1, MaxIdle: 1}, sqlite.Pools{MaxOpen: 1, MaxIdle: 1, Readers: readers})
	return []*Recommendation{r}, err
}

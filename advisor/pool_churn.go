package advisor

import (
	"context"
	"fmt"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/sqlite"
)

// poolChurn is PO01: database/sql keeps two idle connections unless told otherwise and closes the
// others when they are returned, to open new ones at the next call; and it closes those older than
// ConnMaxLifetime, which a file needs no protection from. https://go.dev/doc/database/manage-connections
//
// BenchmarkReopen of internal/sqlite, November 2026, two shared cores: a call on a new connection
// takes 64 µs, on an idle one 7 µs, with a schema of one table and no settings. A new one has an empty
// page cache besides.
type poolChurn struct{}

const (
	// leastOpened and churnShare: one call in a hundred that opens a connection adds 0.6 µs to each on
	// average, a tenth of what the smallest statement takes.
	leastOpened = 100
	churnShare  = 0.01
	// defaultIdle is what database/sql keeps idle by default.
	defaultIdle = 2
)

func (poolChurn) code() string { return "PO01" }

func (rule poolChurn) check(ctx context.Context, p *pass) ([]*Recommendation, error) {
	if p.traffic == nil {
		return nil, nil
	}
	t := p.traffic
	idle, aged := t.pool.MaxIdleClosed, t.pool.MaxLifetimeClosed+t.pool.MaxIdleTimeClosed
	if idle+aged < leastOpened || float64(idle+aged) < churnShare*float64(t.connections.Checkouts) {
		return nil, nil
	}
	d := t.demand()
	keep := d.callers
	if t.pool.MaxOpenConnections > 0 {
		keep = t.pool.MaxOpenConnections
	}
	r := poolAdvice(p, rule.code(), "Keep connections open")
	r.Why = fmt.Sprintf("%d connections were opened for %d checkouts: %d closed because enough were idle, %d for their age.",
		t.connections.Opened, t.connections.Checkouts, idle, aged)
	r.Manual = fmt.Sprintf("SetMaxIdleConns(%d), SetConnMaxLifetime(0) and SetConnMaxIdleTime(0).", keep)
	r.Risk = "Connections that are idle keep their page cache, and one file descriptor or two."
	r.Facts = append(r.Facts, count("connections opened", int64(t.connections.Opened), "connections"),
		Fact{Name: "opened", Value: float64(t.connections.Opened) / max(t.running.Minutes(), 1.0/60), Unit: "a minute"},
		count("closed as too many idle ones", idle, "connections"), count("closed for their age", aged, "connections"))
	if idle >= aged && len(p.queries) > 0 {
		present := sqlite.Pools{MaxOpen: t.pool.MaxOpenConnections, MaxIdle: defaultIdle}
		proposed := sqlite.Pools{MaxOpen: t.pool.MaxOpenConnections, MaxIdle: keep}
		r.Facts = append(r.Facts, d.facts()...)
		if err := p.contend(ctx, r, d, present, proposed); err != nil {
			return nil, err
		}
	}
	return []*Recommendation{r}, nil
}

// starvedFor is how long a caller that waits must wait on average for it to matter: ten times what the
// smallest statement takes.
const starvedFor = 50 * time.Microsecond

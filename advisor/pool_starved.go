package advisor

import (
	"context"
	"fmt"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/sqlite"
)

// poolStarved is PO03: callers wait for a connection of a pool that is smaller than what they ask for
// at the same time, or whose connections are held for longer than statements take.
// https://pkg.go.dev/database/sql#DBStats
type poolStarved struct{}

const (
	leastWaits   = 100
	starvedShare = 0.05 // of checkouts that waited: below it, the 95th percentile does not show it
)

func (poolStarved) code() string { return "PO03" }

func (rule poolStarved) check(ctx context.Context, p *pass) ([]*Recommendation, error) {
	if p.traffic == nil || !p.traffic.starved() {
		return nil, nil
	}
	t, d := p.traffic, p.traffic.demand()
	open := t.pool.MaxOpenConnections
	if open == 1 && d.mixed() {
		return nil, nil // PO02
	}
	want := max(readersFor(d.reads+d.writes, t.held()), open)
	r := poolAdvice(p, rule.code(), "Hold connections for less time")
	r.Risk = "None known."
	r.Why = fmt.Sprintf("Callers waited %d times for one of %d connections, %v on average; one is held for %v.",
		t.pool.WaitCount, open, t.meanWait().Round(time.Microsecond), t.held().Round(time.Microsecond))
	r.Manual = "Close rows as soon as they are read, keep work that needs no database out of transactions, and let no request hold two connections."
	r.Facts = append(t.waitFacts(), d.facts()...)
	if want > open && len(p.queries) > 0 {
		r.Title = fmt.Sprintf("Allow %d connections", want)
		r.Manual = fmt.Sprintf("SetMaxOpenConns(%d), SetMaxIdleConns(%d), SetConnMaxLifetime(0).", want, want)
		r.Risk = "Each connection has a page cache of its own. Writers may meet each other's locks."
		if err := p.contend(ctx, r, d, sqlite.Pools{MaxOpen: open, MaxIdle: open}, sqlite.Pools{MaxOpen: want, MaxIdle: want}); err != nil {
			return nil, err
		}
	}
	return []*Recommendation{r}, nil
}

// starved says whether waits for a connection are frequent and long enough to matter.
func (t *traffic) starved() bool {
	return t.pool.MaxOpenConnections > 0 && t.pool.WaitCount >= leastWaits && t.meanWait() >= starvedFor &&
		float64(t.pool.WaitCount) >= starvedShare*float64(t.connections.Checkouts)
}

// meanWait is how long those who waited for a connection waited.
func (t *traffic) meanWait() time.Duration {
	return t.pool.WaitDuration / time.Duration(max(t.pool.WaitCount, 1))
}

func (t *traffic) waitFacts() []Fact {
	return []Fact{
		count("waits for a connection", t.pool.WaitCount, "checkouts"),
		{Name: "such a wait", Value: ms(t.meanWait()), Unit: "ms"},
		count("hand-offs from one caller to the next", int64(t.connections.HandOffs), "checkouts"),
		count("checkouts", int64(t.connections.Checkouts), "checkouts"),
		{Name: "connection held for", Value: ms(t.held()), Unit: "ms"},
	}
}

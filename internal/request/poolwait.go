package request

import (
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// pool is the connection pool of a database: what database/sql had counted when it was read last.
type pool struct {
	waits, checkouts uint64
	waited           time.Duration
	n, of            sliding // waits and checkouts in the window
	took             sliding // nanoseconds waited
	read             bool
}

// Pool takes in what database/sql has counted of a pool since it was opened. It is N13: those who wait for a connection wait 50 ms on
// average and are a twentieth, or all waits are a tenth of the time of the requests on that database. database/sql does not say
// who waited, so the finding is the database's, and its route is empty: who holds connections for long keeps all others waiting.
func (t *Tracker) Pool(source *capture.Source, waits, checkouts uint64, waited time.Duration) {
	p := t.pools[source]
	if p == nil {
		if len(t.pools) >= t.config.Issues {
			return
		}
		p = &pool{}
		t.pools[source] = p
	}
	if p.read && waits >= p.waits && waited >= p.waited && checkouts >= p.checkouts {
		p.n.add(t.clock, t.config.Slow.Window, waits-p.waits)
		p.of.add(t.clock, t.config.Slow.Window, checkouts-p.checkouts)
		p.took.add(t.clock, t.config.Slow.Window, uint64(waited-p.waited))
	}
	p.waits, p.checkouts, p.waited, p.read = waits, checkouts, waited, true
	t.poolWait(source, p)
}

func (t *Tracker) poolWait(source *capture.Source, p *pool) {
	c, window := &t.config.Lifecycle, t.config.Slow.Window
	waits, checkouts, took := p.n.sum(t.clock, window), p.of.sum(t.clock, window), p.took.sum(t.clock, window)
	var requests, total uint64
	for _, r := range t.routes {
		if r.main() == source {
			requests += r.recent.now.Count() + r.recent.previous.Count()
			total += uint64(r.recent.now.Sum() + r.recent.previous.Sum())
		}
	}
	mean := time.Duration(took / max(waits, 1))
	long := mean >= c.Wait && float64(waits) >= c.WaitOften*float64(max(checkouts, 1))
	if waits < t.config.Slow.Requests/5 || !long && (requests < t.config.Slow.Requests || share(took, total) < c.WaitShare) {
		return
	}
	s := signal{code: PoolWait, level: Critical, about: uint64(source.ID), settled: true, Evidence: Evidence{
		database: source, Count: int(waits), Sum: time.Duration(took), Share: share(took, total),
		Value: milliseconds(mean), Threshold: milliseconds(c.Wait), Unit: "ms",
	}}
	t.signal(t.process, &s, Example{})
}

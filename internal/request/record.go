package request

import (
	"slices"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// fingerprints bounds those told apart in one request. What comes after them is one group.
const fingerprints = 32

// Most of what else is kept of a request: more transactions or calls than that make no other finding.
const (
	transactionsKept = 16
	callsKept        = 64
)

// record is a request under way, or one that has ended of which something may still come.
type record struct {
	*observation // nil once it is done
	scope        *capture.Scope
	name         string  // of its route, once it has ended
	example      Example // the same
	seen         int64   // statements so far
	expected     int64   // statements, once it has ended
	last         capture.Instant
	ended        bool
	done         bool // detectors have been asked
	latened      bool // a statement began after its end
	lateOf       *capture.Site
}

// reset empties an observation and keeps its room.
func (o *observation) reset() {
	clear(o.groups) // statements must not be kept alive
	clear(o.txs)
	clear(o.calls)
	*o = observation{steps: o.steps[:0], groups: o.groups[:0], txs: o.txs[:0], calls: o.calls[:0]}
}

// statement adds a statement; folded says that it is not kept as it is.
func (r *record) statement(ev *capture.Event, c *Config) (folded bool) {
	g := r.groupOf(ev)
	r.groups[g].add(ev)
	r.seen++
	folded = len(r.steps) >= c.Kept
	if len(r.steps) < c.Kept+c.Trail {
		r.steps = append(r.steps, stepOf(ev, g))
	} else {
		r.dropped++
	}
	if ev.Tx != 0 {
		r.transaction(ev.Tx)
	}
	return folded
}

// groupOf is the place of the statement's group.
func (r *record) groupOf(ev *capture.Event) int {
	at := slices.IndexFunc(r.groups, func(g group) bool { return g.statement != nil && g.statement.Digest == ev.Statement.Digest })
	switch {
	case at >= 0:
		return at
	case len(r.groups) < fingerprints:
		r.groups = append(r.groups, group{statement: ev.Statement, source: ev.Source, site: ev.Site, bound: boundOf(ev)})
	case len(r.groups) == fingerprints:
		r.groups = append(r.groups, group{source: ev.Source})
	}
	return len(r.groups) - 1
}

// add counts one execution.
func (g *group) add(ev *capture.Event) {
	if g.count == 0 || ev.Total < g.min {
		g.min = ev.Total
	}
	g.max = max(g.max, ev.Total)
	g.count++
	g.rows += ev.Rows
	g.sum += ev.Total
	if ev.Error != capture.ErrorNone {
		g.failed++
	}
	if g.site == nil {
		g.site = ev.Site // where call sites are sampled
	}
}

// transaction finds a transaction, or notes that there is one; nil if there are too many.
func (r *record) transaction(id uint64) *transaction {
	at := slices.IndexFunc(r.txs, func(t transaction) bool { return t.id == id })
	if at < 0 {
		if len(r.txs) == transactionsKept {
			return nil
		}
		r.txs = append(r.txs, transaction{id: id})
		at = len(r.txs) - 1
	}
	return &r.txs[at]
}

// transacted adds the event of a transaction's end.
func (r *record) transacted(ev *capture.Event) {
	if t := r.transaction(ev.Tx); t != nil {
		*t = transactionOf(ev)
	}
}

func transactionOf(ev *capture.Event) transaction {
	return transaction{id: ev.Tx, start: ev.Start, end: ev.Start + capture.Instant(ev.Total), statements: ev.Rows, source: ev.Source,
		site: ev.Site, waited: time.Duration(ev.LockWait) * time.Microsecond}
}

// finished adds the event of the request's end.
func (r *record) finished(ev *capture.Event) {
	r.ended, r.expected, r.name = true, ev.Rows, ev.Scope.Name()
	r.example = Example{ID: ev.Scope.ID, Start: ev.Start, Total: ev.Total, Status: ev.Status, Statements: ev.Rows}
	r.route, r.Example = r.name, r.example
	r.response, r.sized = responseOf(ev)
}

// complete says that all there is of a request that has ended has arrived.
func (r *record) complete() bool {
	return r.seen >= r.expected && !slices.ContainsFunc(r.txs, func(t transaction) bool { return t.end == 0 })
}

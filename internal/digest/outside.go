package digest

import (
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// burstGap is the time between the beginnings of two calls of one loop. A commit takes up to 3.5 ms
// with a rollback journal (BenchmarkAutocommitInsert of internal/sqlite), a slow disk's three times that.
const burstGap = capture.Instant(10 * time.Millisecond)

// lastChange is the last call outside of a transaction on one connection that changed rows.
type lastChange struct {
	digest uint64
	start  capture.Instant
	scope  uint64 // its ID: the scope itself is not kept
	site   *capture.Site
}

// outside counts a call that changes rows outside of a transaction. What comes between two of them on
// the connection and only reads does not end a burst.
func (t *Table) outside(s *Summary, ev *capture.Event) {
	if ev.Kind != capture.KindStatement || ev.Tx != 0 || ev.Statement == nil || !ev.Statement.Changes || ev.Error != capture.ErrorNone {
		return
	}
	s.Outside++
	now := lastChange{digest: ev.Statement.Digest, start: ev.Start, site: ev.Site}
	if ev.Scope != nil {
		now.scope = ev.Scope.ID
	}
	last, known := t.last[ev.Conn]
	t.last[ev.Conn] = now
	gap := now.start - last.start
	last.start = now.start
	if known && last == now && gap >= 0 && gap < burstGap {
		s.Bursts++
	}
}

package advisor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/request"
)

// watchRequests tells the tracker of the time and of the pools, and makes what it has found visible.
func (d *drain) watchRequests() {
	d.tracker.Tick(capture.Now())
	for _, w := range d.watchedDatabases() {
		stats := w.db.Stats()
		d.tracker.Pool(w.source, uint64(max(stats.WaitCount, 0)), w.source.Pool().Checkouts, stats.WaitDuration)
	}
	list := d.tracker.Findings()
	d.found.Store(&list)
}

// findingsOf are the findings about a database. Those about none, such as a route without statements, are the first database's, so that
// they are shown once.
func (a *Advisor) findingsOf(w *watched) []request.Finding {
	all := a.watchedDatabases()
	first := slices.IndexFunc(all, func(other *watched) bool { return other.source.Path != "" })
	home := first >= 0 && all[first].source == w.source
	var mine []request.Finding
	for _, f := range *a.found.Load() {
		if f.Database == w.source || f.Database == nil && home {
			mine = append(mine, f)
		}
	}
	return mine
}

// describeFindings says what was found, so that another finding is another analysis.
func describeFindings(list []request.Finding) string {
	var b strings.Builder
	for i := range list {
		f := &list[i]
		fmt.Fprintf(&b, " %s %s", f.Code, f.Route)
		for _, s := range statementsOf(f) {
			fmt.Fprintf(&b, " %016x", s.Digest)
		}
	}
	return b.String()
}

// requestMemory is how long advice on requests is kept after a restart until it is found again: as long as an issue stays open
// without a request.
const requestMemory = 24 * time.Hour

// mayReturn says whether open advice was found by the process before this one, and rests on requests that this one has not seen for
// long enough. started is when this one was.
func mayReturn(r *Recommendation, started, now time.Time) bool {
	ofRequests := slices.ContainsFunc(requestRules, func(rule rule) bool { return rule.code() == r.Code })
	return ofRequests && r.Updated.Before(started) && now.Sub(started) < requestMemory
}

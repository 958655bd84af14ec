package advisor

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// choose picks what to apply, the most valuable first, and notes in run what it passes over.
func (c Auto) choose(recs []*Recommendation, entries []AuditEntry, now time.Time, run *AutoRun) (chosen []*Recommendation) {
	run.Looked = len(recs)
	undone, today := pastOf(entries, now)
	busy := map[string]string{} // tables with a change that is being watched
	for _, r := range recs {
		if r.State == Applied || r.State.underWay() {
			busy[r.File+"\x00"+r.Table] = r.ID
		}
	}
	for _, r := range recs {
		if r.State.made() || r.State.underWay() {
			continue
		}
		reason := c.against(r)
		if reason == "" && undone[r.ID] {
			reason = "state: it was undone before"
		}
		if watched := busy[r.File+"\x00"+r.Table]; reason == "" && watched != "" {
			reason = "state: " + watched + " on the same table is being watched"
		}
		if reason == "" {
			reason = c.spent(today, len(chosen))
		}
		if reason != "" {
			run.pass(r, "%s", reason)
			continue
		}
		chosen = append(chosen, r)
		busy[r.File+"\x00"+r.Table] = r.ID
	}
	return chosen
}

// spent says which budget of changes is spent.
func (c Auto) spent(today, now int) string {
	switch {
	case today+now >= c.PerDay:
		return fmt.Sprintf("budget: %d changes within 24 hours", c.PerDay)
	case now >= c.PerRun:
		return fmt.Sprintf("budget: %d changes in a run", c.PerRun)
	}
	return ""
}

// against says why a recommendation is none that may be applied by itself.
func (c Auto) against(r *Recommendation) string {
	switch {
	case r.State != Proved && (r.State != Estimated || !c.Estimated):
		return "state: it is " + string(r.State)
	case !slices.Contains(c.Codes, r.Code):
		return "code: " + r.Code + " is not among " + strings.Join(c.Codes, ", ")
	case !r.Applicable:
		return "state: a person must do it"
	case r.Evidence == nil:
		return "state: there is no proof of it"
	case c.speedup(r.Evidence) < c.MinSpeedup:
		return fmt.Sprintf("speed-up: %.2f is less than %.2f", c.speedup(r.Evidence), c.MinSpeedup)
	}
	return ""
}

// speedup is the greatest of a target, by the lower end of its interval. A change that is for no
// statement in particular has none to show: its proof must do.
func (c Auto) speedup(e *Evidence) float64 {
	best, targets := 0.0, 0
	for _, m := range e.Queries {
		if m.Role == roleTarget {
			best, targets = max(best, m.SpeedupLow), targets+1
		}
	}
	if targets == 0 {
		return c.MinSpeedup
	}
	return best
}

// pastOf reads from the ledger what was ever undone and how many changes the automatic mode has made
// within 24 hours.
func pastOf(entries []AuditEntry, now time.Time) (undone map[string]bool, today int) {
	undone = map[string]bool{}
	for _, e := range entries {
		switch {
		case e.Action == string(Undone):
			undone[e.Subject] = true
		case e.Action == "apply" && e.Actor == autoActor && e.At.After(now.Add(-day)):
			today++
		}
	}
	return undone, today
}

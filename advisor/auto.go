package advisor

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/history"
)

// Auto configures changes that the advisor makes by itself, each of which is watched, and undone if it
// does harm. The zero value makes none. Every run and every change is in the ledger.
type Auto struct {
	On     bool
	DryRun bool // decide and write it down, but change nothing

	Every time.Duration // between runs; default 1h

	// From and To are the hours in which changes may be made, in local time since midnight, such as 2h and
	// 5h30m; To before From spans midnight. Default: any time.
	From, To time.Duration

	PerRun int // changes in one run; default 1: two at once could not be told apart on live traffic
	PerDay int // changes within 24 hours; default 4

	// CPU is the share of one core that analyses may take; default 0.25. It bounds those in the
	// background too.
	CPU float64

	// Codes are the rules whose advice may be applied. Default AutoCodes: nothing is dropped and no
	// setting is changed unless it is named.
	Codes []string

	// MinSpeedup is the least speed-up proved, by the lower end of its interval, of a statement that the
	// change is for. Default 1.25: what is less the watch could not confirm.
	MinSpeedup float64

	Estimated bool          // also advice that was only estimated on a sample of a large database
	Quiet     time.Duration // how long a change waits for a quiet moment; default 1m, negative: not at all
}

// AutoCodes are the rules whose advice is applied by itself unless Auto.Codes says otherwise: indexes and
// statistics.
var AutoCodes = []string{"IX01", "IX02", "IX03", "IX04", "IX07", "ST01", "ST02", "ST03"}

func (c Auto) withDefaults() Auto {
	c.Every = cmp.Or(c.Every, time.Hour)
	c.PerRun, c.PerDay = cmp.Or(c.PerRun, 1), cmp.Or(c.PerDay, 4)
	c.CPU = min(cmp.Or(c.CPU, 0.25), 1)
	c.MinSpeedup = cmp.Or(c.MinSpeedup, slower)
	c.Quiet = cmp.Or(c.Quiet, time.Minute)
	if c.Codes == nil {
		c.Codes = AutoCodes
	}
	return c
}

// rest is how long to do nothing after an analysis that took so long.
func (c Auto) rest(took time.Duration) time.Duration {
	return time.Duration(float64(took) * (1/c.CPU - 1))
}

// within says whether changes may be made at this time of day.
func (c Auto) within(now time.Time) bool {
	if c.From == c.To {
		return true
	}
	hour, minute, second := now.Local().Clock()
	at := time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second
	if c.From < c.To {
		return c.From <= at && at < c.To
	}
	return at >= c.From || at < c.To
}

// AutoRun is what one run of the automatic mode decided and why, as the ledger keeps it.
type AutoRun struct {
	Looked   int      `json:"looked"` // recommendations
	Analyzed bool     `json:"analyzed"`
	DryRun   bool     `json:"dry_run"`
	Chosen   []string `json:"chosen"`  // IDs, in order
	Applied  []string `json:"applied"` // of those
	Skipped  []Passed `json:"skipped"`
	Note     string   `json:"note"` // why nothing was considered at all, or not analyzed
}

// Passed is advice that a run did not apply, and why.
type Passed struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// passedKept bounds what one entry of the ledger holds.
const passedKept = 100

func (run *AutoRun) pass(r *Recommendation, format string, args ...any) {
	if len(run.Skipped) < passedKept {
		run.Skipped = append(run.Skipped, Passed{r.ID, fmt.Sprintf(format, args...)})
	}
}

// autoEvery runs until ctx ends.
func (a *Advisor) autoEvery(ctx context.Context) {
	every(ctx, a.config.Auto.Every, func(now time.Time) {
		_, err := a.autoRun(ctx, now)
		a.log("automatic run", err)
	})
}

// every calls f each d until ctx ends, for the first time after d.
func every(ctx context.Context, d time.Duration, f func(now time.Time)) {
	ticker := time.NewTicker(d)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			f(now)
		}
	}
}

// autoRun decides what to change now, does it, and writes into the ledger what it looked at, what it
// did and what it left, and why.
func (a *Advisor) autoRun(ctx context.Context, now time.Time) (*AutoRun, error) {
	c := a.config.Auto
	run := &AutoRun{DryRun: c.DryRun, Chosen: []string{}, Applied: []string{}, Skipped: []Passed{}}
	if !c.within(now) {
		run.Note = fmt.Sprintf("outside of the hours from %v to %v", c.From, c.To)
		return run, a.record(ctx, run)
	}
	if err := a.analyzeWithin(ctx, now, run); err != nil {
		return run, err
	}
	recs, err := a.Recommendations(ctx)
	if err != nil {
		return run, err
	}
	entries, err := a.store.Entries(ctx, ledgerKnown)
	if err != nil {
		return run, err
	}
	for _, r := range c.choose(recs, entries, now, run) {
		run.Chosen = append(run.Chosen, r.ID)
		if c.DryRun {
			run.pass(r, "dry run")
			continue
		}
		if _, err := a.ApplyWhen(ctx, r.ID, r.PlanHash, autoActor, When{Quiet: max(c.Quiet, 0)}); err != nil {
			run.pass(r, "%s", describe(err))
			continue
		}
		run.Applied = append(run.Applied, r.ID)
	}
	return run, a.record(ctx, run)
}

// autoActor stands in the ledger for changes that nobody asked for.
const autoActor = "auto"

// ledgerKnown is how many entries a run looks back.
const ledgerKnown = 10_000

// analyzeWithin looks for advice, unless what analyses took so far must be rested for.
func (a *Advisor) analyzeWithin(ctx context.Context, now time.Time, run *AutoRun) error {
	a.mu.Lock()
	rest := a.restUntil
	a.mu.Unlock()
	if now.Before(rest) {
		run.Note = "not analyzed: the budget of processor time is spent until " + rest.UTC().Format(time.RFC3339)
		return nil
	}
	run.Analyzed = true
	return a.analyze(ctx, false)
}

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
		watched := busy[r.File+"\x00"+r.Table]
		switch {
		case reason != "":
		case undone[r.ID]:
			reason = "state: it was undone before"
		case watched != "":
			reason = "state: " + watched + " on the same table is being watched"
		case today+len(chosen) >= c.PerDay:
			reason = fmt.Sprintf("budget: %d changes within 24 hours", c.PerDay)
		case len(chosen) >= c.PerRun:
			reason = fmt.Sprintf("budget: %d changes in a run", c.PerRun)
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
		case e.Action == string(Applied) && e.Actor == autoActor && e.At.After(now.Add(-day)):
			today++
		}
	}
	return undone, today
}

// record writes a run into the ledger.
func (a *Advisor) record(ctx context.Context, run *AutoRun) error {
	data, err := json.Marshal(run)
	if err != nil {
		return err
	}
	detail := fmt.Sprintf("%d looked at, %d applied, %d skipped", run.Looked, len(run.Applied), len(run.Skipped))
	if run.Note != "" {
		detail += "; " + run.Note
	}
	e := history.Entry{Actor: autoActor, Action: "run", Subject: "auto", Detail: detail, Data: data}
	_, err = a.store.Audit(context.WithoutCancel(ctx), e)
	return err
}

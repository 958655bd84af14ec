package advisor

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
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
// statistics. IX04 is not among them: where its expression fails, such as for malformed JSON, so does the write.
var AutoCodes = []string{"IX01", "IX02", "IX03", "IX07", "ST01", "ST02", "ST03"}

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
	c, began := a.config.Auto, time.Now()
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
		if !c.within(now.Add(time.Since(began))) { // the analysis may have taken long
			run.pass(r, "the hours from %v to %v are over", c.From, c.To)
			continue
		}
		a.autoApply(ctx, r, run)
	}
	return run, a.record(ctx, run)
}

func (a *Advisor) autoApply(ctx context.Context, r *Recommendation, run *AutoRun) {
	run.Chosen = append(run.Chosen, r.ID)
	if run.DryRun {
		run.pass(r, "dry run")
		return
	}
	if _, err := a.ApplyWhen(ctx, r.ID, r.PlanHash, autoActor, When{Quiet: max(a.config.Auto.Quiet, 0)}); err != nil {
		run.pass(r, "%s", describe(err))
		return
	}
	run.Applied = append(run.Applied, r.ID)
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

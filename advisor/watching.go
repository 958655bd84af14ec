package advisor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/alert"
)

// Watching configures how an applied change is watched on live traffic. The zero value works.
type Watching struct {
	// Least is the time before the first look. Default 15m: fifteen slots of a minute on each side, from
	// which a doubling is certain at the level that twenty statements leave to each.
	Least time.Duration

	// Most is when watching ends: what has done no harm by then is kept. Default 24h, in which what a day
	// brings has come once. Looks are made after Least, 2 Least, 4 Least … and Most.
	Most time.Duration

	// TellOnly does not undo a change that did harm: it raises an alert and keeps the change.
	TellOnly bool
}

func (w Watching) withDefaults() Watching {
	w.Least = cmp.Or(w.Least, 15*time.Minute)
	w.Most = max(cmp.Or(w.Most, 24*time.Hour), w.Least)
	return w
}

// The verdicts of watching.
const (
	watchGoesOn = "watching"
	watchKept   = string(Kept)
	watchUndone = string(Undone)
)

// lookEvery is how often the loop asks whether a look is due.
const lookEvery = 10 * time.Second

// watchEvery looks at applied changes until ctx ends.
func (a *Advisor) watchEvery(ctx context.Context) {
	every(ctx, min(lookEvery, a.config.Watch.Least), func(now time.Time) {
		a.log("watch applied changes", a.look(ctx, now))
	})
}

// look resumes what was left under way, and looks at each applied change that is due.
func (a *Advisor) look(ctx context.Context, now time.Time) error {
	var errs []error
	for _, w := range a.watchedDatabases() {
		if w.source.Path != "" {
			errs = append(errs, a.resumeAll(ctx, w))
		}
	}
	a.mu.Lock()
	var due []*Recommendation
	for _, r := range a.recs {
		if r.State == Applied && r.Live != nil && !now.Before(a.nextLook(r)) {
			due = append(due, r)
		}
	}
	a.mu.Unlock()
	slices.SortFunc(due, func(a, b *Recommendation) int { return cmp.Compare(a.ID, b.ID) })
	for _, r := range due {
		if err := a.lookAt(ctx, r, now); err != nil && !errors.Is(err, ErrBusy) {
			errs = append(errs, fmt.Errorf("%s: %w", r.ID, err))
		}
	}
	return errors.Join(errs...)
}

func (a *Advisor) nextLook(r *Recommendation) time.Time {
	if r.Live.Watch != nil {
		return r.Live.Watch.Next
	}
	return r.Live.AppliedAt.Add(a.config.Watch.Least)
}

// lookAt compares the traffic since the change with that before, and decides.
func (a *Advisor) lookAt(ctx context.Context, r *Recommendation, now time.Time) error {
	c, err := a.compare(ctx, r, now)
	if err != nil {
		return err
	}
	w := a.config.Watch.conclude(r, c, decide(c), now)
	switch w.Verdict {
	case watchUndone:
		return a.undoHarm(ctx, r, w, now)
	case watchKept:
		return a.keep(ctx, r, w)
	}
	a.changing.Lock()
	defer a.changing.Unlock()
	if a.Recommendation(r.ID) != r {
		return nil // changed while we looked
	}
	return a.settle(ctx, r.ID, a.put(ctx, withWatch(r, w)))
}

// begin is the watch of a change that is just being made.
func (c Watching) begin(now time.Time) *Watch {
	return &Watch{
		Verdict: watchGoesOn, Reason: "waiting for the first look", Next: now.Add(c.Least).UTC(), Until: now.Add(c.Most).UTC(),
		Statements: []Watched{},
	}
}

// conclude is the verdict of one look: harm is undone, at once if it is severe, else when the next look
// confirms it; what made a target faster and leaves no statement unseen is kept; at the end what has
// done no harm is kept.
func (c Watching) conclude(r *Recommendation, on *comparison, f *finding, now time.Time) *Watch {
	applied := r.Live.AppliedAt
	w := &Watch{Verdict: watchGoesOn, Until: applied.Add(c.Most).UTC(), Baseline: on.baseline, Slot: on.slot.Seconds(), Controls: f.controls, Statements: f.statements}
	suspect := false
	if before := r.Live.Watch; before != nil {
		w.Looks, suspect = before.Looks, before.Suspect
	}
	w.Looks++
	w.Next = c.after(applied, now).UTC()
	last := !now.Before(w.Until)
	switch {
	case w.Looks == 1 && now.After(w.Until.Add(c.Most)): // nobody was there to look
		w.Verdict, w.Reason = watchKept, "inconclusive: its time was over before the first look"
	case f.harm != "" && (f.severe || suspect || last):
		w.Verdict, w.Reason = watchUndone, f.harm
	case f.harm != "":
		w.Suspect, w.Reason = true, f.harm+"; the next look must confirm it"
	case f.better && f.waiting == 0:
		w.Verdict, w.Reason = watchKept, "a statement it is for is faster, and no other that reads what it changed is slower"
		if f.balance != "" {
			w.Reason += "; " + f.balance
		}
	case r.Type == "drop_index" && f.seen > 0 && f.waiting == 0:
		w.Verdict, w.Reason = watchKept, "no statement that could have used it is slower"
	case last && f.better:
		w.Verdict, w.Reason = watchKept, fmt.Sprintf("a statement it is for is faster; %d statements were too rare to tell", f.waiting)
	case last && f.seen == 0:
		w.Verdict, w.Reason = watchKept, "inconclusive: there was too little traffic to tell"
	case last:
		w.Verdict, w.Reason = watchKept, "inconclusive: no difference was seen"
	case f.seen == 0:
		w.Reason = "waiting for traffic"
	case f.waiting > 0:
		w.Reason = fmt.Sprintf("waiting for %d statements that were not seen often enough since", f.waiting)
	default:
		w.Reason = "no difference so far"
	}
	if w.Verdict == watchUndone {
		if why := c.mayNotUndo(r); why != "" {
			w.Verdict, w.Suspect, w.Reason = watchKept, true, w.Reason+"; not undone by itself: "+why
		}
	}
	return w
}

// after is when the next look is due: looks come at twice the time of the one before, so that few of
// them share the level.
func (c Watching) after(applied, now time.Time) time.Time {
	d := c.Least
	for d <= now.Sub(applied) && d < c.Most {
		d *= 2
	}
	return applied.Add(min(d, c.Most))
}

// mayNotUndo says why a change that did harm is not undone by itself.
func (c Watching) mayNotUndo(r *Recommendation) string {
	switch {
	case c.TellOnly:
		return "the configuration says so"
	case !r.Applicable || len(r.Undo) == 0:
		return "there are no statements that undo it"
	case r.Type == "pragma":
		return "undoing it needs every connection to be closed"
	}
	return ""
}

func withWatch(r *Recommendation, w *Watch) *Recommendation {
	next, live := *r, *r.Live
	live.Watch, next.Live = w, &live
	return &next
}

func (a *Advisor) keep(ctx context.Context, r *Recommendation, w *Watch) error {
	a.changing.Lock()
	defer a.changing.Unlock()
	if a.Recommendation(r.ID) != r {
		return nil // undone while we looked
	}
	next := withWatch(r, w)
	next.State = Kept
	if w.Suspect {
		a.tellHarm(r, w)
	}
	err := advance(ctx, a.store, Applied, next, words{"advisor", string(Kept), r.Title + ": " + w.Reason}, step{Watch: w})
	if err == nil {
		a.show(next)
	}
	return a.settle(ctx, r.ID, err)
}

// retryUndo is the time between attempts to undo a change that did harm, if one fails.
const retryUndo = time.Minute

// undoHarm undoes a change and tells of it.
func (a *Advisor) undoHarm(ctx context.Context, r *Recommendation, w *Watch, now time.Time) error {
	_, err := a.change(ctx, changing{
		id: r.ID, planHash: r.PlanHash, actor: "advisor", way: undoing, why: w.Reason, watch: w,
		allowed: func(now *Recommendation) error {
			if now != r {
				return ErrBusy // changed while we looked
			}
			return nil
		},
	})
	if err == nil {
		a.tellHarm(r, w)
		return nil
	}
	if r = a.Recommendation(r.ID); r == nil || r.State != Applied {
		return err
	}
	again := *w
	again.Verdict, again.Suspect, again.Next = watchGoesOn, true, now.Add(retryUndo).UTC()
	again.Reason += "; undoing it failed: " + describe(err)
	return errors.Join(err, a.settle(ctx, r.ID, a.put(ctx, withWatch(r, &again))))
}

func (a *Advisor) tellHarm(r *Recommendation, w *Watch) {
	a.observe(alert.Reading{
		Code: "harmful_change", Level: alert.Warning, Subject: r.ID, Title: "A change did harm: " + w.Verdict,
		Detail: r.Title + ": " + w.Reason, Value: 1, Threshold: 1, Unit: "change",
	}, time.Now())
}

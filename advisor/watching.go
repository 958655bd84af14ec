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

package advisor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/history"
)

// changing is one call of Apply or Undo.
type changing struct {
	id, planHash, actor string
	when                When
	way                 func(*Recommendation) direction
	allowed             func(*Recommendation) error
	why                 string // in the ledger, of a change that nobody asked for
	watch               *Watch
}

func (a *Advisor) change(ctx context.Context, c changing) (*Recommendation, error) {
	if err := a.quiet(ctx, c.when.Quiet); err != nil {
		return nil, err
	}
	if !a.changing.TryLock() {
		return nil, ErrBusy
	}
	defer a.changing.Unlock()
	r, w, err := a.admit(c)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(c.when.Deadline, changeLimit))
	defer cancel()
	next := *r
	err = a.carry(ctx, w, &next, c)
	if errors.Is(err, history.ErrMoved) {
		return nil, errors.Join(ErrStale, a.settle(context.WithoutCancel(ctx), r.ID, err))
	}
	a.feed.publish("job", job{r.ID, "done", r.Title, 1})
	a.analyzeSoon()
	if err == nil {
		w.refresh(context.WithoutCancel(ctx))
		a.feed.publish("applied", marker{Time: time.Now().Unix(), Action: string(next.State), ID: r.ID, Title: r.Title})
	}
	return &next, err
}

// admit finds what a change is about, and refuses it if it cannot be made.
func (a *Advisor) admit(c changing) (*Recommendation, *watched, error) {
	r := a.Recommendation(c.id)
	switch {
	case r == nil:
		return nil, nil, ErrUnknown
	case r.PlanHash != c.planHash:
		return nil, nil, ErrStale
	}
	if err := c.allowed(r); err != nil {
		return nil, nil, err
	}
	w := a.databaseOf(r)
	if w == nil {
		return nil, nil, fmt.Errorf("%w: its database %s is not watched in this process", ErrNotApplicable, r.Database)
	}
	return r, w, nil
}

// quiet waits for a quiet moment, not at all if limit is 0. Close ends it.
func (a *Advisor) quiet(ctx context.Context, limit time.Duration) error {
	if limit <= 0 {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(a.closing, cancel)()
	return a.pulse.wait(ctx, limit)
}

// carry opens the database and makes the change.
func (a *Advisor) carry(ctx context.Context, w *watched, r *Recommendation, c changing) error {
	db, err := w.openFor(ctx, c.when.Deadline)
	if err != nil {
		return err
	}
	defer db.Close()
	d := c.way(r)
	if d.under == Applying {
		if r.Live, err = a.liveBefore(ctx, r); err != nil {
			return err
		}
		r.Live.Watch = a.config.Watch.begin(r.Live.Began)
	}
	a.feed.publish("job", job{r.ID, d.action, r.Title, 0})
	carrier := &carrier{db: db, store: a.store, actor: c.actor, why: c.why, watch: c.watch, show: a.show}
	return carrier.carryOut(ctx, r, d)
}

// databaseOf is the watched database that a recommendation is about: the one of its name, else, for what
// the command line has applied, the one of its file. Nil if there is none.
func (a *Advisor) databaseOf(r *Recommendation) (found *watched) {
	for _, w := range a.watchedDatabases() {
		switch {
		case w.source.Path == "":
		case w.name == r.Database:
			return w
		case w.source.Path == r.File:
			found = w
		}
	}
	return found
}

package advisor

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// What Apply, Undo and Review fail with, besides errors of the database.
var (
	ErrUnknown       = errors.New("no such recommendation")
	ErrStale         = errors.New("the plan is stale: the schema or the advice changed since it was reviewed")
	ErrBusy          = errors.New("another change is being made")
	ErrNotApplicable = errors.New("the recommendation cannot be applied")
)

// changeLimit bounds one change, from waiting for the write lock to the commit.
const changeLimit = 10 * time.Minute

// Review is a dry run: what applying would do.
type Review struct {
	ID         string   `json:"id"`
	State      State    `json:"state"`
	PlanHash   string   `json:"plan_hash"`
	Statements []string `json:"statements"`
	Undo       []string `json:"undo"`
	Locks      string   `json:"locks"`
	ExpectedMS float64  `json:"expected_ms"`
}

// Review says exactly what applying the recommendation would do now, under which plan hash. It
// changes nothing. It fails with ErrUnknown, or with ErrStale until the next analysis has looked at a
// schema that changed.
func (a *Advisor) Review(ctx context.Context, id string) (*Review, error) {
	r := a.Recommendation(id)
	if r == nil {
		return nil, ErrUnknown
	}
	if err := a.current(ctx, r); err != nil {
		return nil, err
	}
	v := &Review{ID: r.ID, State: r.State, PlanHash: r.PlanHash, Statements: r.Statements, Undo: r.Undo}
	if r.Evidence != nil {
		v.ExpectedMS = r.Evidence.BuildMS
	}
	v.Locks = "the write lock for about " + time.Duration(v.ExpectedMS*1e6).Round(time.Millisecond).String() +
		": other writers wait, readers go on in WAL mode"
	return v, nil
}

// current fails with ErrStale if an open recommendation rests on a schema that is no longer so.
func (a *Advisor) current(ctx context.Context, r *Recommendation) error {
	w := a.databaseNamed(r.Database)
	if w == nil || r.State == Applied || r.State == Applying {
		return nil
	}
	s, err := schemaOf(ctx, w.open)
	if err != nil {
		return err
	}
	if stalePlan(r, s) {
		return ErrStale
	}
	return nil
}

// Apply makes the change of a recommendation whose plan hash is still planHash, on behalf of actor,
// and returns it applied. It fails with ErrUnknown, ErrStale, ErrBusy or ErrNotApplicable, wrapped,
// before anything is changed; if a statement fails, all are rolled back.
func (a *Advisor) Apply(ctx context.Context, id, planHash, actor string) (*Recommendation, error) {
	return a.change(ctx, id, planHash, actor, "apply", func(r *Recommendation) error {
		return applicable(r)
	})
}

// Undo reverts an applied recommendation, under the same conditions as Apply.
func (a *Advisor) Undo(ctx context.Context, id, planHash, actor string) (*Recommendation, error) {
	return a.change(ctx, id, planHash, actor, "undo", func(r *Recommendation) error {
		if r.State != Applied {
			return fmt.Errorf("%w: it is %s, not applied", ErrNotApplicable, r.State)
		}
		return nil
	})
}

// applicable says why a recommendation cannot be applied.
func applicable(r *Recommendation) error {
	switch {
	case !r.Applicable:
		return fmt.Errorf("%w: %s", ErrNotApplicable, r.Manual)
	case r.State == Applying, r.State == Applied, r.State == Rejected, r.State == Inconclusive:
		return fmt.Errorf("%w: it is %s", ErrNotApplicable, r.State)
	case r.Evidence != nil && r.Evidence.Verdict != Proved:
		return fmt.Errorf("%w: its last proof was %s", ErrNotApplicable, r.Evidence.Verdict)
	}
	return nil
}

// change is Apply or Undo.
func (a *Advisor) change(ctx context.Context, id, planHash, actor, action string, allowed func(*Recommendation) error) (*Recommendation, error) {
	if !a.changing.TryLock() {
		return nil, ErrBusy
	}
	defer a.changing.Unlock()
	r := a.Recommendation(id)
	switch {
	case r == nil:
		return nil, ErrUnknown
	case r.PlanHash != planHash:
		return nil, ErrStale
	}
	if err := allowed(r); err != nil {
		return nil, err
	}
	w := a.databaseNamed(r.Database)
	if w == nil {
		return nil, fmt.Errorf("%w: its database %s is not watched in this process", ErrNotApplicable, r.Database)
	}
	ctx, cancel := context.WithTimeout(ctx, changeLimit)
	defer cancel()
	db, err := w.open(ctx)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	next := *r
	if action == "apply" {
		if next.Live, err = a.liveBefore(ctx, r); err != nil {
			return nil, err
		}
	}
	a.feed.publish("job", job{r.ID, action, r.Title, 0})
	err = carryOut(ctx, db, a.store, &next, action, actor)
	a.feed.publish("job", job{r.ID, "done", r.Title, 1})
	if next.Live != nil && action == "apply" {
		next.Live.AppliedAt = time.Now().UTC()
	}
	if err != nil && (errors.Is(err, ErrStale) || ctx.Err() != nil) {
		return nil, err // nothing was done
	}
	err = errors.Join(err, a.put(context.WithoutCancel(ctx), &next)) // what is done is done
	a.analyzeSoon()
	if err == nil {
		a.feed.publish("applied", marker{Time: time.Now().Unix(), Action: string(next.State), ID: r.ID, Title: r.Title})
	}
	return &next, err
}

func (a *Advisor) databaseNamed(name string) *watched {
	for _, w := range a.watchedDatabases() {
		if w.name == name && w.source.Path != "" {
			return w
		}
	}
	return nil
}

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
	ErrNotQuiet      = errors.New("there was no quiet moment")
)

// changeLimit bounds one change, from waiting for the write lock to the commit: an index on the
// largest table that anybody would build with a click.
const changeLimit = 10 * time.Minute

// When says when a change is made. The zero value means at once.
type When struct {
	// Quiet is how long to wait for a moment at which the application runs less than half as many
	// statements as in the last minute. Without one the change is not made: ErrNotQuiet.
	Quiet time.Duration

	// Deadline is how long the change may take from then on, waiting for the write lock included. What is
	// not committed by then is rolled back. Default 10m, of which at most 5s for the lock.
	Deadline time.Duration
}

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
	w := a.databaseOf(r)
	if w == nil || r.State.made() || r.State.underWay() {
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
// and returns it applied: from then on it is watched, and kept or undone. It fails with ErrUnknown,
// ErrStale, ErrBusy or ErrNotApplicable, wrapped, before anything is changed; if a statement fails, all
// are rolled back.
func (a *Advisor) Apply(ctx context.Context, id, planHash, actor string) (*Recommendation, error) {
	return a.ApplyWhen(ctx, id, planHash, actor, When{})
}

// ApplyWhen is Apply at a moment and within a time. It also fails with ErrNotQuiet.
func (a *Advisor) ApplyWhen(ctx context.Context, id, planHash, actor string, when When) (*Recommendation, error) {
	return a.change(ctx, changing{
		id: id, planHash: planHash, actor: actor, when: when, way: applying, allowed: applicable,
	})
}

// Undo reverts an applied recommendation, under the same conditions as Apply.
func (a *Advisor) Undo(ctx context.Context, id, planHash, actor string) (*Recommendation, error) {
	return a.change(ctx, changing{id: id, planHash: planHash, actor: actor, way: undoing, allowed: revertible})
}

func revertible(r *Recommendation) error {
	if !r.State.made() {
		return fmt.Errorf("%w: it is %s, not applied", ErrNotApplicable, r.State)
	}
	return nil
}

// applicable says why a recommendation cannot be applied.
func applicable(r *Recommendation) error {
	switch {
	case !r.Applicable:
		return fmt.Errorf("%w: %s", ErrNotApplicable, r.Manual)
	case r.State.next(Applying) != nil:
		return fmt.Errorf("%w: it is %s", ErrNotApplicable, r.State)
	case r.Evidence != nil && r.Evidence.Verdict.next(Applying) != nil:
		return fmt.Errorf("%w: its last proof was %s", ErrNotApplicable, r.Evidence.Verdict)
	}
	return nil
}

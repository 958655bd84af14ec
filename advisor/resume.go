package advisor

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sqliteperf/sqliteperf/internal/sqlite"
)

// resume finds out what became of a change of which the ledger tells the beginning and not the end: its
// process was killed. It looks at the database itself: where the objects are as the statements make
// them, the change was made; else r goes back to what it was.
//
// It holds the database's write lock while it looks and decides. A process that is alive and about to
// make the change after all waits for that lock and then finds, in guard, that it was decided against.
func (c *carrier) resume(ctx context.Context, r *Recommendation) error {
	d := applying(r)
	if r.State == Undoing {
		d = undoing(r)
	}
	return c.db.Change(ctx, nil, func(ctx context.Context, tx *sql.Tx) error {
		state, err := c.store.State(ctx, r.ID)
		if err != nil || State(state) != r.State { // somebody else has concluded
			return err
		}
		made, err := c.made(ctx, tx, r, d)
		if err != nil {
			return err
		}
		return c.conclude(ctx, r, d, made)
	})
}

// made says whether the change is in the database. Statements of which no object tells, such as
// ANALYZE, were run if the statistics are others than before: if they are not, nothing has changed.
func (c *carrier) made(ctx context.Context, tx *sql.Tx, r *Recommendation, d direction) (bool, error) {
	yes, known, err := sqlite.InEffect(ctx, tx, d.statements)
	if err != nil || known {
		return yes, err
	}
	entries, err := c.store.EntriesOf(ctx, r.ID, 1)
	if err != nil || len(entries) == 0 {
		return false, err
	}
	var intention step
	if err := json.Unmarshal(entries[0].Data, &intention); err != nil {
		return false, fmt.Errorf("entry %d of the ledger: %w", entries[0].Seq, err)
	}
	mark, err := sqlite.Mark(ctx, tx)
	return mark != intention.Mark, err
}

// conclude writes into the ledger what was found.
func (c *carrier) conclude(ctx context.Context, r *Recommendation, d direction, made bool) error {
	next := *r
	next.Was = ""
	w, s := words{actor: c.actor}, step{}
	if made {
		next.State, s.Statements = d.done, d.statements
		w.detail = r.Title + ": found made, its process had ended before it could say so"
	} else {
		if next.State = cmp.Or(r.Was, d.undecided(r)); d.under == Applying {
			next.Live = nil
		}
		w.detail = r.Title + ": found not made, its process had ended before the commit"
	}
	w.action = string(next.State)
	if err := advance(ctx, c.store, r.State, &next, w, s); err != nil {
		return err
	}
	*r = next
	c.tell(r)
	return nil
}

// undecided is the state before a change that an older version began, which did not store it.
func (d direction) undecided(r *Recommendation) State {
	switch {
	case d.under == Undoing:
		return Applied
	case r.Evidence != nil:
		return r.Evidence.Verdict
	}
	return Proposed
}

// resumeAll resumes what was left under way on a database, unless this process is changing one now.
func (a *Advisor) resumeAll(ctx context.Context, w *watched) error {
	var list []*Recommendation
	a.mu.Lock()
	for _, r := range a.recs {
		if r.File == w.source.Path && r.State.underWay() {
			list = append(list, r)
		}
	}
	a.mu.Unlock()
	if len(list) == 0 || !a.changing.TryLock() {
		return nil
	}
	defer a.changing.Unlock()
	db, err := w.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	c := &carrier{db: db, store: a.store, actor: "advisor", show: a.show}
	var errs []error
	for _, r := range list {
		next := *r
		if err := a.settle(ctx, r.ID, c.resume(ctx, &next)); err != nil {
			errs = append(errs, fmt.Errorf("resume %s: %w", r.ID, err))
		}
	}
	return errors.Join(errs...)
}

package advisor

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/history"
)

// Ledger applies and undoes recommendations on database files that no Advisor of this process
// watches, and remembers them in a history file. It is safe for concurrent use.
type Ledger struct{ store *history.Store }

// OpenLedger opens the history at path, or creates it.
func OpenLedger(ctx context.Context, path string) (*Ledger, error) {
	store, err := history.Open(ctx, history.Config{Path: path})
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	return &Ledger{store: store}, nil
}

// Close closes the history.
func (l *Ledger) Close() error { return l.store.Close() }

// Apply makes the changes of a plan, found by Analyze, on the database file at path, one after the
// other, and calls done after each. It stops at the first that fails, as Advisor.Apply does.
func (l *Ledger) Apply(ctx context.Context, path string, plan []*Recommendation, actor string, done func(*Recommendation)) error {
	for i, r := range plan {
		if err := applicable(r); err != nil {
			return fmt.Errorf("%s: %w", r.ID, err)
		}
		if err := l.change(ctx, path, actor, func(ctx context.Context, c *carrier) error { return c.applyFound(ctx, r) }); err != nil {
			return fmt.Errorf("%s: %w", r.ID, err)
		}
		done(r)
		if err := follow(ctx, path, r, plan[i+1:]); err != nil {
			return err
		}
	}
	return nil
}

// applyFound applies advice that an analysis of the file has found just now, whatever the ledger knows
// of it from before.
func (c *carrier) applyFound(ctx context.Context, r *Recommendation) error {
	s, err := c.db.Schema(ctx)
	if err != nil {
		return err
	}
	if stalePlan(r, s) {
		return ErrStale
	}
	before, err := loadRecommendation(ctx, c.store, r.ID)
	if err != nil {
		return err
	}
	if before != nil && before.State.underWay() {
		if err := c.resume(ctx, before); err != nil {
			return err
		}
	}
	if err := c.enter(ctx, before, r); err != nil {
		return err
	}
	now := time.Now().UTC()
	r.Live = &Live{Began: now, AppliedAt: now} // an Advisor that opens this history will watch it
	return c.carryOut(ctx, r, applying(r))
}

// enter brings the ledger up to date with what was found: r goes on from the state that it has there.
func (c *carrier) enter(ctx context.Context, before, r *Recommendation) error {
	from := unknown
	if before != nil {
		from, r.Created = before.State, before.Created
	}
	switch {
	case from.made() && !slices.Equal(before.Statements, r.Statements):
		return fmt.Errorf("%w: it is %s", ErrNotApplicable, from)
	case from.made(): // else it would not have been found
		r.State = Undone
		return advance(ctx, c.store, from, r, words{c.actor, string(Undone), "its index is gone: " + r.Title}, step{})
	case from == Undone || from == Failed:
		r.State = from
		return nil
	case from == r.State:
		return nil
	}
	return advance(ctx, c.store, from, r, words{c.actor, string(r.State), r.Title}, step{})
}

// follow makes the rest of a plan rest on the schema as the change before left it: who approved the
// plan approved that change too.
func follow(ctx context.Context, path string, made *Recommendation, rest []*Recommendation) error {
	s, err := schemaOf(ctx, func(ctx context.Context) (database, error) { return openDatabase(ctx, path) })
	if err != nil {
		return err
	}
	for _, r := range rest {
		if t := s.Table(r.Table); t != nil && r.Table == made.Table {
			r.subject = describeTable(t)
			r.PlanHash = hashPlan(r)
		}
	}
	return nil
}

// Undo reverts the recommendation with the given ID that was applied to the database file at path.
func (l *Ledger) Undo(ctx context.Context, path, id, actor string) (*Recommendation, error) {
	r, err := loadRecommendation(ctx, l.store, id)
	switch {
	case err != nil:
		return nil, err
	case r == nil:
		return nil, ErrUnknown
	case !sameFile(r.File, path):
		return nil, fmt.Errorf("%w: it is about %s", ErrNotApplicable, r.File)
	}
	return r, l.change(ctx, path, actor, func(ctx context.Context, c *carrier) error {
		if r.State.underWay() {
			if err := c.resume(ctx, r); err != nil {
				return err
			}
		}
		if !r.State.made() {
			return fmt.Errorf("%w: it is %s, not applied", ErrNotApplicable, r.State)
		}
		return c.carryOut(ctx, r, undoing(r))
	})
}

// Entries returns the last entries of the ledger, the newest first, at most limit of them.
func (l *Ledger) Entries(ctx context.Context, limit int) ([]AuditEntry, error) {
	return l.store.Entries(ctx, limit)
}

// sameFile says whether path is the absolute path file.
func sameFile(file, path string) bool {
	abs, err := filepath.Abs(path)
	return err == nil && abs == file
}

// change lends f a carrier for the file at path.
func (l *Ledger) change(ctx context.Context, path, actor string, f func(context.Context, *carrier) error) error {
	ctx, cancel := context.WithTimeout(ctx, changeLimit)
	defer cancel()
	db, err := openDatabase(ctx, path)
	if err != nil {
		return err
	}
	defer db.Close()
	return f(ctx, &carrier{db: db, store: l.store, actor: actor})
}

// DefaultHistory is where the command line keeps the history of a database file: beside it.
func DefaultHistory(path string) string { return filepath.Join(filepath.Dir(path), "advisor.db") }

// Plan picks what would be applied: the recommendations with the given IDs, or without any all
// that are proved.
func Plan(list []*Recommendation, ids []string) []*Recommendation {
	plan := slices.DeleteFunc(slices.Clone(list), func(r *Recommendation) bool {
		if len(ids) > 0 {
			return !slices.Contains(ids, r.ID)
		}
		return r.State != Proved || !r.Applicable
	})
	// Statistics last: they are to be of the new indexes too.
	slices.SortStableFunc(plan, func(a, b *Recommendation) int { return cmp.Compare(first(b), first(a)) })
	return plan
}

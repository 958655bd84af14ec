package advisor

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

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
		if err := l.carryOut(ctx, path, r, "apply", actor); err != nil {
			return fmt.Errorf("%s: %w", r.ID, err)
		}
		done(r)
		if err := follow(ctx, path, r, plan[i+1:]); err != nil {
			return err
		}
	}
	return nil
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
	list, err := loadRecommendations(ctx, l.store)
	if err != nil {
		return nil, err
	}
	for _, r := range list {
		switch {
		case r.ID != id:
			continue
		case !sameFile(r.File, path):
			return nil, fmt.Errorf("%w: it is about %s", ErrNotApplicable, r.File)
		case r.State != Applied:
			return nil, fmt.Errorf("%w: it is %s, not applied", ErrNotApplicable, r.State)
		}
		return r, l.carryOut(ctx, path, r, "undo", actor)
	}
	return nil, ErrUnknown
}

// sameFile says whether path is the absolute path file.
func sameFile(file, path string) bool {
	abs, err := filepath.Abs(path)
	return err == nil && abs == file
}

func (l *Ledger) carryOut(ctx context.Context, path string, r *Recommendation, action, actor string) error {
	ctx, cancel := context.WithTimeout(ctx, changeLimit)
	defer cancel()
	db, err := openDatabase(ctx, path)
	if err != nil {
		return err
	}
	defer db.Close()
	return carryOut(ctx, db, l.store, r, action, actor)
}

// DefaultHistory is where the command line keeps the history of a database file: beside it.
func DefaultHistory(path string) string { return filepath.Join(filepath.Dir(path), "advisor.db") }

// Plan picks what would be applied: the recommendations with the given IDs, or without any all
// that are proved.
func Plan(list []*Recommendation, ids []string) []*Recommendation {
	return slices.DeleteFunc(slices.Clone(list), func(r *Recommendation) bool {
		if len(ids) > 0 {
			return !slices.Contains(ids, r.ID)
		}
		return r.State != Proved || !r.Applicable
	})
}

package advisor

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/history"
	"github.com/sqliteperf/sqliteperf/internal/schema"
)

// carryOut runs the statements of r, or those that undo it, and writes the audit trail: the
// intention first, so that a killed process leaves a trace of what it was about. r gets its new
// state, which is stored.
func carryOut(ctx context.Context, db database, store *history.Store, r *Recommendation, action, actor string) error {
	statements, done := r.Statements, Applied
	if action == "undo" {
		statements, done = r.Undo, Undone
	}
	s, err := db.Schema(ctx)
	if err != nil {
		return err
	}
	if action == "apply" && stalePlan(r, s) {
		return ErrStale
	}
	note := func(what, detail string) error {
		_, err := store.Audit(context.WithoutCancel(ctx), history.Entry{Actor: actor, Action: what, Subject: r.ID, Detail: detail})
		return err
	}
	if err := note(action, strings.Join(statements, "; ")); err != nil {
		return fmt.Errorf("write the audit trail first: %w", err)
	}
	keep := func(r *Recommendation) error { return save(context.WithoutCancel(ctx), store, r) }
	if action == "apply" {
		under := *r
		under.State = Applying
		if err := keep(&under); err != nil {
			return fmt.Errorf("write the history first: %w", err)
		}
	}
	if err := db.Change(ctx, statements, unchangedSince(s.Version)); err != nil {
		if !errors.Is(err, ErrStale) && ctx.Err() == nil {
			r.State, r.Error = Failed, describe(err)
			if action == "undo" {
				r.State = Applied
			}
		}
		return errors.Join(fmt.Errorf("%s %s: %w", action, r.ID, err), note("fail", describe(err)), keep(r))
	}
	r.State, r.Error, r.Updated = done, "", time.Now().UTC()
	return errors.Join(keep(r), note(string(done), r.Title))
}

// stalePlan says whether what the plan rests on is no longer so: the table gone or changed, or the
// index already there.
func stalePlan(r *Recommendation, s *schema.Schema) bool {
	if r.Table == "" {
		return false
	}
	t := s.Table(r.Table)
	if t == nil {
		return true
	}
	fresh := *r
	fresh.subject = describeTable(t)
	return hashPlan(&fresh) != r.PlanHash
}

// unchangedSince refuses a change, under the write lock, if the schema is another by now.
func unchangedSince(version int64) func(context.Context, *sql.Tx) error {
	return func(ctx context.Context, tx *sql.Tx) error {
		var now int64
		if err := tx.QueryRowContext(ctx, "PRAGMA schema_version").Scan(&now); err != nil {
			return err
		}
		if now != version {
			return ErrStale
		}
		return nil
	}
}

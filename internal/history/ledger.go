package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrMoved reports a recommendation that is in another state than expected: another process that
// shares the history has changed it. Nothing was saved.
var ErrMoved = errors.New("the recommendation is in another state by now")

// Entry is a line of the audit trail: who did what to what.
type Entry struct {
	Seq     int64           `json:"seq"` // from 1, in order of writing; set by Audit and Advance
	At      time.Time       `json:"at"`  // whole milliseconds; now if zero
	Actor   string          `json:"actor"`
	Action  string          `json:"action"`
	Subject string          `json:"subject"`
	Detail  string          `json:"detail"`
	Data    json.RawMessage `json:"data"` // what a program can read of it, JSON; null if there is none
}

// Audit adds e to the trail and returns its number. Entries can be neither changed nor deleted,
// which triggers of the file itself enforce. Prune leaves them alone: a change of a database is a few
// hundred bytes, and who wants to know years later is the one that the trail is for.
func (s *Store) Audit(ctx context.Context, e Entry) (seq int64, err error) {
	err = s.update(ctx, "audit "+e.Action, func(ctx context.Context, tx *sql.Tx) error {
		seq, err = addEntry(ctx, tx, e)
		return err
	})
	return seq, err
}

// Advance stores a recommendation in place of the one with the same id, whose state must be one of
// from, and adds e to the trail: both or neither. "" is the state of one that is not stored. It fails
// with ErrMoved, wrapped, if the state is another. The body is JSON text.
func (s *Store) Advance(ctx context.Context, r Saved, e Entry, from ...string) (seq int64, err error) {
	err = s.update(ctx, e.Action+" "+r.ID, func(ctx context.Context, tx *sql.Tx) error {
		if err := replace(ctx, tx, r, from); err != nil {
			return err
		}
		seq, err = addEntry(ctx, tx, e)
		return err
	})
	return seq, err
}

// SaveRecommendation is Advance without an entry: for one that stays in its state, or, without from,
// whatever its state is.
func (s *Store) SaveRecommendation(ctx context.Context, r Saved, from ...string) error {
	return s.update(ctx, "save recommendation "+r.ID, func(ctx context.Context, tx *sql.Tx) error {
		return replace(ctx, tx, r, from)
	})
}

func replace(ctx context.Context, tx *sql.Tx, r Saved, from []string) error {
	if !json.Valid(r.Body) {
		return errors.New("body is not JSON")
	}
	state, err := stateOf(ctx, tx, r.ID)
	if err != nil {
		return err
	}
	if len(from) > 0 && !slices.Contains(from, state) {
		return fmt.Errorf("%w: it is %q", ErrMoved, state)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO recommendation(id, state, updated_ms, body) VALUES(?, ?, ?, ?)
		ON CONFLICT(id) DO UPDATE SET state = excluded.state, updated_ms = excluded.updated_ms, body = excluded.body`,
		r.ID, r.State, time.Now().UnixMilli(), string(r.Body))
	return err
}

// State is the state of a stored recommendation, "" if there is none with this id.
func (s *Store) State(ctx context.Context, id string) (string, error) {
	state, err := stateOf(ctx, s.db, id)
	if err != nil {
		return "", s.fail("read recommendation "+id, err)
	}
	return state, nil
}

func stateOf(ctx context.Context, q querier, id string) (state string, err error) {
	err = q.QueryRowContext(ctx, "SELECT state FROM recommendation WHERE id = ?", id).Scan(&state)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return state, err
}

func addEntry(ctx context.Context, tx *sql.Tx, e Entry) (seq int64, err error) {
	if e.At.IsZero() {
		e.At = time.Now()
	}
	result, err := tx.ExecContext(ctx, "INSERT INTO audit(at_ms, actor, action, subject, detail, data) VALUES(?, ?, ?, ?, ?, ?)",
		e.At.UnixMilli(), e.Actor, e.Action, e.Subject, e.Detail, string(e.Data))
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
}

// Entries returns the last entries of the audit trail, the newest first, at most limit of them.
func (s *Store) Entries(ctx context.Context, limit int) ([]Entry, error) {
	return s.entries(ctx, "SELECT seq, at_ms, actor, action, subject, detail, data FROM audit ORDER BY seq DESC LIMIT ?", max(0, limit))
}

// EntriesOf returns the last entries about a subject, the newest first, at most limit of them.
func (s *Store) EntriesOf(ctx context.Context, subject string, limit int) ([]Entry, error) {
	return s.entries(ctx, `SELECT seq, at_ms, actor, action, subject, detail, data FROM audit
		WHERE subject = ? ORDER BY seq DESC LIMIT ?`, subject, max(0, limit))
}

func (s *Store) entries(ctx context.Context, query string, args ...any) ([]Entry, error) {
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, s.fail("read the audit trail", err)
	}
	defer rows.Close()
	var all []Entry
	for rows.Next() {
		var e Entry
		var at int64
		var data string
		if err := rows.Scan(&e.Seq, &at, &e.Actor, &e.Action, &e.Subject, &e.Detail, &data); err != nil {
			return nil, s.fail("read the audit trail", err)
		}
		e.At = time.UnixMilli(at)
		if data != "" {
			e.Data = json.RawMessage(data)
		}
		all = append(all, e)
	}
	if err := rows.Err(); err != nil {
		return nil, s.fail("read the audit trail", err)
	}
	return all, nil
}

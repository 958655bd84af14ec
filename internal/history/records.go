package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"
)

// Saved is a recommendation as it was last saved.
type Saved struct {
	ID      string          `json:"id"`
	State   string          `json:"state"`
	Updated time.Time       `json:"updated"`
	Body    json.RawMessage `json:"body"`
}

// SaveRecommendation stores a recommendation in place of the one with the same id. The body is
// JSON text.
func (s *Store) SaveRecommendation(ctx context.Context, id, state string, body []byte) error {
	if !json.Valid(body) {
		return s.fail("save recommendation "+id, errors.New("body is not JSON"))
	}
	return s.update(ctx, "save recommendation "+id, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO recommendation(id, state, updated_ms, body) VALUES(?, ?, ?, ?)
			ON CONFLICT(id) DO UPDATE SET state = excluded.state, updated_ms = excluded.updated_ms, body = excluded.body`,
			id, state, time.Now().UnixMilli(), string(body))
		return err
	})
}

// Recommendations returns all recommendations, the one saved last first.
func (s *Store) Recommendations(ctx context.Context) ([]Saved, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT id, state, updated_ms, body FROM recommendation ORDER BY updated_ms DESC, id")
	if err != nil {
		return nil, s.fail("read recommendations", err)
	}
	defer rows.Close()
	var all []Saved
	for rows.Next() {
		var r Saved
		var updated int64
		if err := rows.Scan(&r.ID, &r.State, &updated, (*[]byte)(&r.Body)); err != nil {
			return nil, s.fail("read recommendations", err)
		}
		r.Updated = time.UnixMilli(updated)
		all = append(all, r)
	}
	if err := rows.Err(); err != nil {
		return nil, s.fail("read recommendations", err)
	}
	return all, nil
}

// Entry is a line of the audit trail: who did what to what.
type Entry struct {
	Seq     int64     `json:"seq"` // from 1, in order of writing; set by Audit
	At      time.Time `json:"at"`  // whole milliseconds; now if zero
	Actor   string    `json:"actor"`
	Action  string    `json:"action"`
	Subject string    `json:"subject"`
	Detail  string    `json:"detail"`
}

// Audit adds e to the trail and returns its number. Entries can be neither changed nor deleted,
// which the file itself enforces.
func (s *Store) Audit(ctx context.Context, e Entry) (seq int64, err error) {
	if e.At.IsZero() {
		e.At = time.Now()
	}
	err = s.update(ctx, "audit "+e.Action, func(ctx context.Context, tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, "INSERT INTO audit(at_ms, actor, action, subject, detail) VALUES(?, ?, ?, ?, ?)",
			e.At.UnixMilli(), e.Actor, e.Action, e.Subject, e.Detail)
		if err != nil {
			return err
		}
		seq, err = result.LastInsertId()
		return err
	})
	return seq, err
}

// Entries returns the last entries of the audit trail, the newest first, at most limit of them.
func (s *Store) Entries(ctx context.Context, limit int) ([]Entry, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT seq, at_ms, actor, action, subject, detail FROM audit ORDER BY seq DESC LIMIT ?", max(0, limit))
	if err != nil {
		return nil, s.fail("read the audit trail", err)
	}
	defer rows.Close()
	var all []Entry
	for rows.Next() {
		var e Entry
		var at int64
		if err := rows.Scan(&e.Seq, &at, &e.Actor, &e.Action, &e.Subject, &e.Detail); err != nil {
			return nil, s.fail("read the audit trail", err)
		}
		e.At = time.UnixMilli(at)
		all = append(all, e)
	}
	if err := rows.Err(); err != nil {
		return nil, s.fail("read the audit trail", err)
	}
	return all, nil
}

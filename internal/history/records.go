package history

import (
	"context"
	"encoding/json"
	"time"
)

// Saved is a recommendation as it was last saved.
type Saved struct {
	ID      string          `json:"id"`
	State   string          `json:"state"`
	Updated time.Time       `json:"updated"`
	Body    json.RawMessage `json:"body"`
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

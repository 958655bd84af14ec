package advisor

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/history"
)

func savedOf(r *Recommendation) (history.Saved, error) {
	body, err := json.Marshal(r)
	return history.Saved{ID: r.ID, State: string(r.State), Body: body}, err
}

// words are what people read of an entry of the ledger.
type words struct{ actor, action, detail string }

// step is what a program reads of an entry of the ledger that moved a recommendation.
type step struct {
	From       State    `json:"from"`
	To         State    `json:"to"`
	File       string   `json:"file"`       // the database
	Statements []string `json:"statements"` // to applying or undoing: about to run; to applied or undone: committed
	Mark       string   `json:"mark"`       // of the schema and statistics before, see sqlite.Mark
	Watch      *Watch   `json:"watch"`      // what a decision on live traffic rests on
}

// advance is the only way from one state to the next: it stores r, which is in its new state, and the
// step in the ledger, both or neither. It fails with history.ErrMoved, wrapped, if another process has
// moved the recommendation since. What is done is done: it does not end with ctx.
func advance(ctx context.Context, store *history.Store, from State, r *Recommendation, w words, s step) error {
	if err := from.next(r.State); err != nil {
		return fmt.Errorf("%s: %w", r.ID, err)
	}
	r.Updated = time.Now().UTC()
	saved, err := savedOf(r)
	if err != nil {
		return err
	}
	s.From, s.To, s.File = from, r.State, r.File
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	before := []string{string(from)}
	if from == unknown {
		before = append(before, string(dropped))
	}
	e := history.Entry{Actor: w.actor, Action: w.action, Subject: r.ID, Detail: w.detail, Data: data}
	_, err = store.Advance(context.WithoutCancel(ctx), saved, e, before...)
	return err
}

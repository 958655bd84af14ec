package advisor

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Past is what a ledger says has happened.
type Past struct {
	States   map[string]State `json:"states"`   // of each recommendation it speaks of, by ID
	Executed []Executed       `json:"executed"` // changes of databases, in the order in which they were made
}

// Executed is a change that was made: its statements were committed together.
type Executed struct {
	Seq        int64     `json:"seq"` // of the entry that says so
	At         time.Time `json:"at"`
	Actor      string    `json:"actor"`
	ID         string    `json:"id"`
	Action     string    `json:"action"` // applied or undone
	File       string    `json:"file"`
	Statements []string  `json:"statements"`
}

// Replay reconstructs from the entries of a ledger alone, in any order, the state of every recommendation
// and every statement that was executed. It fails if an entry contradicts those before it. Entries that
// versions before the life cycle wrote carry no steps and are passed over.
func Replay(entries []AuditEntry) (*Past, error) {
	entries = slices.Clone(entries)
	slices.SortFunc(entries, func(a, b AuditEntry) int { return int(a.Seq - b.Seq) })
	past := &Past{States: map[string]State{}, Executed: []Executed{}}
	for _, e := range entries {
		if err := past.add(e); err != nil {
			return nil, fmt.Errorf("entry %d of the ledger, %s %s: %w", e.Seq, e.Action, e.Subject, err)
		}
	}
	return past, nil
}

func (p *Past) add(e AuditEntry) error {
	var s step
	if len(e.Data) == 0 {
		return nil
	}
	if err := json.Unmarshal(e.Data, &s); err != nil {
		return err
	}
	if s.To == unknown {
		return nil // about something else than a recommendation
	}
	if err := s.From.next(s.To); err != nil {
		return err
	}
	if state, known := p.States[e.Subject]; known && state != s.From && !(state == dropped && s.From == unknown) {
		return fmt.Errorf("it was %q, not %q", state, s.From)
	}
	p.States[e.Subject] = s.To
	if len(s.Statements) > 0 && (s.To == Applied || s.To == Undone) {
		p.Executed = append(p.Executed, Executed{
			Seq: e.Seq, At: e.At, Actor: e.Actor, ID: e.Subject, Action: string(s.To), File: s.File, Statements: s.Statements,
		})
	}
	return nil
}

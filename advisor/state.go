package advisor

import (
	"errors"
	"fmt"
	"slices"
)

// State says how far a recommendation has come.
type State string

// The states of a recommendation. Proved, rejected and inconclusive are verdicts of a proof, estimated
// is that of one on a sample of a database too large to copy; proposed means that there was none.
const (
	Proposed     State = "proposed"
	Proved       State = "proved"
	Estimated    State = "estimated"
	Rejected     State = "rejected"
	Inconclusive State = "inconclusive"
	Applying     State = "applying" // the intention is recorded; the database tells whether it is done
	Applied      State = "applied"  // and watched on live traffic, see Watch
	Kept         State = "kept"     // watched long enough: it stays
	Undoing      State = "undoing"  // the intention is recorded
	Undone       State = "undone"
	Failed       State = "failed" // to apply: nothing was changed
)

// What the history knows besides.
const (
	unknown State = ""        // nobody has heard of it
	dropped State = "dropped" // advice that no longer holds
)

// ErrTransition reports a step that the life of a recommendation does not have.
var ErrTransition = errors.New("no such step in the life of a recommendation")

// verdicts are what an analysis finds.
var verdicts = []State{Proposed, Proved, Estimated, Rejected, Inconclusive}

// transitions is the life of a recommendation: each state with those that may follow it. advance is the
// only way from one to the next, and each step is an entry of the ledger.
//
//	found ─▶ proposed, proved, estimated ─▶ applying ─▶ applied ─▶ kept ─▶ undoing ─▶ undone
//	  └────▶ rejected, inconclusive            ├─▶ failed   └────────────────┘           │
//	                                           └─▶ what it was (not done)   applying ◀───┘
var transitions = map[State][]State{
	unknown:      verdicts,
	dropped:      verdicts,
	Proposed:     slices.Concat(verdicts, []State{Applying, dropped}),
	Proved:       slices.Concat(verdicts, []State{Applying, dropped}),
	Estimated:    slices.Concat(verdicts, []State{Applying, dropped}),
	Rejected:     slices.Concat(verdicts, []State{dropped}),
	Inconclusive: slices.Concat(verdicts, []State{dropped}),
	Applying:     {Applied, Failed, Proposed, Proved, Estimated, Undone}, // Failed also where it had failed before
	Applied:      {Kept, Undoing, Undone},                                // Undone: somebody else dropped its index
	Kept:         {Undoing, Undone},
	Undoing:      {Undone, Applied, Kept},
	Undone:       slices.Concat(verdicts, []State{Applying}), // a verdict: found again after its index was lost
	Failed:       {Applying},
}

// next fails with ErrTransition if a recommendation in state s cannot become one in state to.
func (s State) next(to State) error {
	if !slices.Contains(transitions[s], to) {
		return fmt.Errorf("%w: from %q to %q", ErrTransition, s, to)
	}
	return nil
}

// open says whether nobody has decided on the recommendation yet.
func (s State) open() bool { return slices.Contains(verdicts, s) }

// made says whether the change of a recommendation is in the database as far as anybody knows.
func (s State) made() bool { return s == Applied || s == Kept }

// underWay says whether a change was begun of which the record does not tell the end.
func (s State) underWay() bool { return s == Applying || s == Undoing }

// rank orders recommendations for people: what waits for a decision first.
func (s State) rank() int {
	return slices.Index([]State{
		Proved, Applying, Undoing, Applied, Kept, Estimated, Proposed, Inconclusive, Failed, Undone, Rejected,
	}, s)
}

// Advised says whether a person may follow the advice now: it was not rejected, nor decided on before.
func (s State) Advised() bool { return s == Proposed || s == Proved || s == Estimated }

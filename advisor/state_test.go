package advisor

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/sqliteperf/sqliteperf/internal/history"
)

var allStates = []State{
	unknown, dropped, Proposed, Proved, Estimated, Rejected, Inconclusive, Applying, Applied, Kept, Undoing, Undone, Failed,
}

// TestTransitions: the table knows every state, and what the names promise holds.
func TestTransitions(t *testing.T) {
	for _, s := range allStates {
		if len(transitions[s]) == 0 {
			t.Errorf("%q is a dead end", s)
		}
		if s != unknown && s != dropped && s.rank() < 0 {
			t.Errorf("%q has no place in a list", s)
		}
		for _, to := range transitions[s] {
			if !slices.Contains(allStates, to) {
				t.Errorf("%q leads to %q, which is no state", s, to)
			}
			if to == Applied && s != Applying && s != Undoing {
				t.Errorf("%q leads to applied without an intention", s)
			}
			if to == Undone && !s.made() && s != Undoing && s != Applying {
				t.Errorf("%q leads to undone", s)
			}
		}
	}
	if err := State("sideways").next(Applied); !errors.Is(err, ErrTransition) {
		t.Errorf("got %v", err)
	}
}

// TestRandomWalks: advance makes exactly the steps of the table, whatever it is asked for, and the
// ledger tells the same states as the records beside it.
func TestRandomWalks(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	ctx := t.Context()
	store, err := history.Open(ctx, history.Config{Path: filepath.Join(t.TempDir(), "history.db")})
	must(t, err)
	defer store.Close()
	states := map[string]State{"a": unknown, "b": unknown, "c": unknown}
	made := 0
	for range 600 {
		id := string("abc"[random.IntN(3)])
		to := allStates[random.IntN(len(allStates))]
		from := states[id]
		err := advance(ctx, store, from, &Recommendation{ID: id, State: to}, words{"test", string(to), ""}, step{})
		if allowed := slices.Contains(transitions[from], to); allowed != (err == nil) || !allowed && !errors.Is(err, ErrTransition) {
			t.Fatalf("from %q to %q: %v", from, to, err)
		}
		if err == nil {
			states[id], made = to, made+1
		}
	}
	if made < 100 {
		t.Errorf("only %d steps were made", made)
	}
	if err := advance(ctx, store, Proved, &Recommendation{ID: "new", State: Applying}, words{}, step{}); !errors.Is(err, history.ErrMoved) {
		t.Errorf("a step from where it is not: %v", err)
	}
	entries, err := store.Entries(ctx, 1000)
	must(t, err)
	past, err := Replay(entries)
	must(t, err)
	for id, want := range states {
		if stored, err := store.State(ctx, id); err != nil || stored != string(want) || past.States[id] != want {
			t.Errorf("%s is %q, stored %q, and the ledger says %q (%v)", id, want, stored, past.States[id], err)
		}
	}
}

// TestReplayRefuses a ledger that contradicts itself.
func TestReplayRefuses(t *testing.T) {
	entry := func(seq int64, data string) AuditEntry { return AuditEntry{Seq: seq, Subject: "x", Data: []byte(data)} }
	for name, entries := range map[string][]AuditEntry{
		"a step that there is not": {entry(1, `{"from":"","to":"applied"}`)},
		"a gap":                    {entry(1, `{"from":"","to":"proved"}`), entry(2, `{"from":"kept","to":"undoing"}`)},
		"no JSON":                  {entry(1, `{`)},
	} {
		if _, err := Replay(entries); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	past, err := Replay([]AuditEntry{
		entry(3, `{"from":"proved","to":"applying","statements":["a"]}`), entry(2, `{"from":"dropped","to":"proved"}`),
		entry(1, ""), entry(4, `{"looked":3}`),
	})
	if err != nil || past.States["x"] != Applying || len(past.Executed) != 0 {
		t.Errorf("%+v, %v", past, err)
	}
}

package advisor

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
)

// TestReplay applies and undoes at random, some of it in vain, and then knows from the ledger alone what
// state everything is in; what the ledger says was executed makes a pristine copy the same.
func TestReplay(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 9))
	path, pristine := create(t, orders), create(t, orders)
	before := contents(t, path)
	ledger, err := OpenLedger(t.Context(), filepath.Join(t.TempDir(), "history.db"))
	must(t, err)
	defer ledger.Close()
	recs := map[string]*Recommendation{}
	for i, columns := range []string{"total", "customer, total", "total DESC, customer", "nothing"} {
		name := fmt.Sprintf("sqliteperf_%d", i)
		r := &Recommendation{
			ID: fmt.Sprintf("ix01-%d", i), Type: "index", File: path, Applicable: true,
			Statements: []string{"CREATE INDEX " + name + " ON orders(" + columns + ") /* ; not; two */"},
			Undo:       []string{"DROP INDEX IF EXISTS " + name},
		}
		recs[r.ID] = r
	}
	for range 60 {
		id := fmt.Sprintf("ix01-%d", random.IntN(4))
		r := *recs[id]
		if r.State = recs[id].State; r.State.made() {
			undone, err := ledger.Undo(t.Context(), path, id, "somebody")
			must(t, err)
			recs[id] = undone
			continue
		}
		if r.State == unknown {
			r.State = Proved
		}
		err := ledger.Apply(t.Context(), path, []*Recommendation{&r}, "somebody", func(*Recommendation) {})
		if bad := id == "ix01-3"; (err != nil) != bad {
			t.Fatal(err)
		}
		recs[id] = &r
	}
	entries, err := ledger.Entries(t.Context(), 1000)
	must(t, err)
	past, err := Replay(entries)
	must(t, err)
	for id, r := range recs {
		if past.States[id] != r.State || id == "ix01-3" != (r.State == Failed) {
			t.Errorf("%s is %s, and the ledger says %s", id, r.State, past.States[id])
		}
	}
	for _, done := range past.Executed {
		change(t, pristine, done.Statements...)
	}
	if len(past.Executed) < 20 || !slices.Equal(contents(t, path), contents(t, pristine)) {
		t.Errorf("after %d changes\n%q\nand replayed\n%q", len(past.Executed), contents(t, path), contents(t, pristine))
	}
	for id, r := range recs {
		if r.State.made() {
			_, err := ledger.Undo(t.Context(), path, id, "somebody")
			must(t, err)
		}
	}
	if !slices.Equal(before, contents(t, path)) {
		t.Errorf("undone, there is\n%q\nand was\n%q", contents(t, path), before)
	}
}

package advisor

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestAutoChoose: what is applied by itself, and why the rest is not.
func TestAutoChoose(t *testing.T) {
	now := time.Date(2026, 3, 1, 3, 0, 0, 0, time.Local)
	on := func(id string, state State, change func(*Recommendation)) *Recommendation {
		r := &Recommendation{
			ID: id, State: state, Code: "IX01", Type: "index", File: "app.db", Table: "t" + id, Applicable: true,
			Evidence: &Evidence{Verdict: Proved, Queries: []Measured{{Role: "target", SpeedupLow: 3}, {Role: "other", SpeedupLow: 9}}},
		}
		if change != nil {
			change(r)
		}
		return r
	}
	made := func(id string, ago time.Duration, actor string, action State) AuditEntry {
		return AuditEntry{At: now.Add(-ago), Actor: actor, Action: string(action), Subject: id}
	}
	plenty := Auto{PerRun: 9, PerDay: 9}
	for _, c := range []struct {
		name    string
		auto    Auto
		recs    []*Recommendation
		past    []AuditEntry
		chosen  string
		skipped string // of the last, its beginning
	}{
		{"one proved", Auto{}, []*Recommendation{on("a", Proved, nil)}, nil, "a", ""},
		{"one a run", Auto{}, []*Recommendation{on("a", Proved, nil), on("b", Proved, nil)}, nil, "a", "budget: 1 changes in a run"},
		{"more a run", plenty, []*Recommendation{on("a", Proved, nil), on("b", Proved, nil)}, nil, "ab", ""},
		{"enough today", Auto{PerDay: 2}, []*Recommendation{on("c", Proved, nil)}, []AuditEntry{made("a", time.Hour, "auto", "apply"), made("b", 23*time.Hour, "auto", "apply")}, "", "budget: 2 changes within"},
		{"enough yesterday, and people's", Auto{PerDay: 2}, []*Recommendation{on("c", Proved, nil)}, []AuditEntry{made("a", 25*time.Hour, "auto", "apply"), made("b", time.Hour, "ann", "apply")}, "c", ""},
		{"undone before", plenty, []*Recommendation{on("a", Proved, nil)}, []AuditEntry{made("a", 900*time.Hour, "ann", Undone)}, "", "state: it was undone before"},
		{"watched table", plenty, []*Recommendation{on("a", Applied, nil), on("b", Proved, func(r *Recommendation) { r.Table = "ta" })}, nil, "", "state: a on the same table is being watched"},
		{"kept table", plenty, []*Recommendation{on("a", Kept, nil), on("b", Proved, func(r *Recommendation) { r.Table = "ta" })}, nil, "b", ""},
		{"two on a table", plenty, []*Recommendation{on("a", Proved, nil), on("b", Proved, func(r *Recommendation) { r.Table = "ta" })}, nil, "a", "state: a on the same table"},
		{"not proved", plenty, []*Recommendation{on("a", Proposed, nil)}, nil, "", "state: it is proposed"},
		{"undone", plenty, []*Recommendation{on("a", Undone, nil)}, nil, "", "state: it is undone"},
		{"estimated", plenty, []*Recommendation{on("a", Estimated, nil)}, nil, "", "state: it is estimated"},
		{"estimated and allowed", Auto{Estimated: true}, []*Recommendation{on("a", Estimated, nil)}, nil, "a", ""},
		{"dropped", plenty, []*Recommendation{on("a", Proved, func(r *Recommendation) { r.Code = "IX05" })}, nil, "", "code: IX05"},
		{"dropped and allowed", Auto{Codes: []string{"IX05"}}, []*Recommendation{on("a", Proved, func(r *Recommendation) { r.Code = "IX05" })}, nil, "a", ""},
		{"a setting", plenty, []*Recommendation{on("a", Proved, func(r *Recommendation) { r.Code = "PR01" })}, nil, "", "code: PR01"},
		{"by hand", plenty, []*Recommendation{on("a", Proved, func(r *Recommendation) { r.Applicable = false })}, nil, "", "state: a person"},
		{"by rule", plenty, []*Recommendation{on("a", Proved, func(r *Recommendation) { r.Evidence = nil })}, nil, "", "state: there is no proof"},
		{"too little gained", Auto{MinSpeedup: 4}, []*Recommendation{on("a", Proved, nil)}, nil, "", "speed-up: 3.00 is less than 4.00"},
	} {
		run := &AutoRun{}
		var chosen string
		for _, r := range c.auto.withDefaults().choose(c.recs, c.past, now, run) {
			chosen += r.ID
		}
		last := ""
		if n := len(run.Skipped); n > 0 {
			last = run.Skipped[n-1].Reason
		}
		if chosen != c.chosen || !strings.HasPrefix(last, c.skipped) || c.skipped == "" && last != "" || run.Looked != len(c.recs) {
			t.Errorf("%s: chose %q, skipped %q", c.name, chosen, last)
		}
	}
}

func TestAutoHours(t *testing.T) {
	for _, c := range []struct {
		from, to time.Duration
		hours    []int // within, of 0, 3, 6, 12, 23
	}{
		{0, 0, []int{0, 3, 6, 12, 23}},
		{2 * time.Hour, 6 * time.Hour, []int{3}},
		{22 * time.Hour, 4 * time.Hour, []int{0, 3, 23}},
	} {
		var within []int
		for _, hour := range []int{0, 3, 6, 12, 23} {
			if (Auto{From: c.from, To: c.to}).within(time.Date(2026, 3, 1, hour, 0, 0, 0, time.Local)) {
				within = append(within, hour)
			}
		}
		if !slices.Equal(within, c.hours) {
			t.Errorf("from %v to %v: %v", c.from, c.to, within)
		}
	}
	if rest := (Auto{}).withDefaults().rest(time.Second); rest != 3*time.Second {
		t.Errorf("a quarter of a core rests %v for a second", rest)
	}
}

// TestEvery: the schedule keeps its time and ends with its context.
func TestEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Hour+time.Minute)
		defer cancel()
		start := time.Now()
		var at []time.Duration
		every(ctx, time.Hour, func(now time.Time) { at = append(at, now.Sub(start)) })
		if fmt.Sprint(at) != "[1h0m0s 2h0m0s 3h0m0s]" {
			t.Errorf("ran at %v", at)
		}
	})
}

// lastRun is the newest entry of a run in the ledger.
func lastRun(t *testing.T, a *Advisor) (run AutoRun) {
	t.Helper()
	entries, err := a.store.EntriesOf(t.Context(), "auto", 1)
	must(t, err)
	if len(entries) != 1 || entries[0].Actor != "auto" || entries[0].Action != "run" {
		t.Fatalf("%+v", entries)
	}
	must(t, json.Unmarshal(entries[0].Data, &run))
	return run
}

// TestAutoRun: advice is found, proved and applied without anybody asking, within its bounds, and the
// ledger tells all of it.
func TestAutoRun(t *testing.T) {
	app := launch(t, create(t, orders))
	a := app.advisor
	defer func() { must(t, a.Close()) }()
	app.run(20, "SELECT * FROM orders WHERE customer = ? /* 'search' */", 7)
	app.until(func() bool { return app.stats().Totals.Queries == 20 })
	path := a.watchedDatabases()[0].source.Path
	before, now := contents(t, path), time.Date(2026, 3, 1, 12, 0, 0, 0, time.Local)

	a.config.Auto = Auto{On: true, From: 2 * time.Hour, To: 3 * time.Hour, Quiet: -1}.withDefaults()
	run, err := a.autoRun(t.Context(), now)
	must(t, err)
	if got := lastRun(t, a); run.Analyzed || len(run.Chosen) > 0 || got.Note == "" || fmt.Sprint(got) != fmt.Sprint(*run) {
		t.Errorf("outside of the hours: %+v, the ledger has %+v", run, got)
	}
	a.config.Auto = Auto{On: true, DryRun: true, Quiet: -1}.withDefaults()
	run, err = a.autoRun(t.Context(), now)
	must(t, err)
	if !run.Analyzed || len(run.Chosen) != 1 || len(run.Applied) != 0 || run.Skipped[len(run.Skipped)-1].Reason != "dry run" || !slices.Equal(before, contents(t, path)) {
		t.Errorf("dry: %+v", run)
	}
	a.config.Auto.DryRun = false
	a.restUntil = now.Add(time.Second)
	run, err = a.autoRun(t.Context(), now)
	must(t, err)
	if run.Analyzed || !strings.Contains(run.Note, "budget of processor time") || len(run.Applied) != 1 || slices.Equal(before, contents(t, path)) {
		t.Errorf("applied: %+v", run)
	}
	if r := a.Recommendation(run.Applied[0]); r.State != Applied {
		t.Errorf("%+v", r)
	}
	run, err = a.autoRun(t.Context(), now)
	must(t, err)
	if len(run.Chosen) != 0 {
		t.Errorf("again: %+v", run)
	}
	entries, err := a.Audit(t.Context(), 100)
	must(t, err)
	past, err := Replay(entries)
	must(t, err)
	if len(past.Executed) != 1 || past.Executed[0].Actor != "auto" {
		t.Errorf("%+v", past.Executed)
	}
}

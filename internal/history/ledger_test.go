package history

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAdvance saves a state and its entry together, or neither if the state is another than expected.
func TestAdvance(t *testing.T) {
	s := open(t, Config{})
	for _, step := range []struct {
		name  string
		from  []string
		state string
		body  string
		want  error
	}{
		{"the first", []string{"", "dropped"}, "proved", `{"a":1}`, nil},
		{"another new one", []string{""}, "proposed", `{}`, ErrMoved},
		{"from elsewhere", []string{"applied"}, "undone", `{}`, ErrMoved},
		{"on", []string{"proved"}, "applying", `{"a":2}`, nil},
	} {
		e := Entry{At: noon, Actor: "ann", Action: step.state, Subject: "IX01-1", Data: json.RawMessage(`{"to":"` + step.state + `"}`)}
		if _, err := s.Advance(t.Context(), Saved{ID: "IX01-1", State: step.state, Body: []byte(step.body)}, e, step.from...); !errors.Is(err, step.want) {
			t.Errorf("%s: %v", step.name, err)
		}
	}
	if _, err := s.Advance(t.Context(), Saved{ID: "IX01-1", State: "applied", Body: []byte("{")}, Entry{Action: "applied"}, "applying"); err == nil {
		t.Error("a body that is not JSON was saved")
	}
	if err := s.SaveRecommendation(t.Context(), Saved{ID: "IX01-1", State: "proved", Body: []byte("{}")}, "proved"); !errors.Is(err, ErrMoved) {
		t.Errorf("saved over another state: %v", err)
	}
	if state, err := s.State(t.Context(), "IX01-1"); err != nil || state != "applying" {
		t.Errorf("it is %q, %v", state, err)
	}
	if state, err := s.State(t.Context(), "IX01-2"); err != nil || state != "" {
		t.Errorf("what is not stored is %q, %v", state, err)
	}
	entries, err := s.Entries(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	if last, err := s.EntriesOf(t.Context(), "IX01-1", 1); err != nil || !cmp.Equal(last, entries[:1]) {
		t.Errorf("the last is %+v, %v", last, err)
	}
	var data []string
	for _, e := range entries {
		data = append(data, string(e.Data))
	}
	if diff := cmp.Diff([]string{`{"to":"applying"}`, `{"to":"proved"}`}, data); diff != "" {
		t.Error(diff)
	}
}

// A history of version 2 has an audit trail without data. Its entries stay as they are.
func TestTrailOfVersion2IsTakenOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Audit(t.Context(), Entry{At: noon, Actor: "ann", Action: "apply"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.db.Exec("ALTER TABLE audit DROP COLUMN data; PRAGMA user_version = 2"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, Config{Path: path})
	if _, err := again.Audit(t.Context(), Entry{At: noon, Actor: "bob", Action: "undo", Data: json.RawMessage("{}")}); err != nil {
		t.Fatal(err)
	}
	entries, err := again.Entries(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	want := []Entry{{Seq: 2, At: noon, Actor: "bob", Action: "undo", Data: json.RawMessage("{}")}, {Seq: 1, At: noon, Actor: "ann", Action: "apply"}}
	if diff := cmp.Diff(want, entries); diff != "" {
		t.Error(diff)
	}
	if _, err := again.db.Exec("DELETE FROM audit"); err == nil {
		t.Error("the trail is not append only any more")
	}
}

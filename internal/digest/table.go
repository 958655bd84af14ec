package digest

import (
	"cmp"
	"slices"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// Config configures a Table. The zero value works.
type Config struct {
	Digests int // most summaries kept at a time, at least 16; default 2000
}

func (c Config) withDefaults() Config {
	c.Digests = max(16, cmp.Or(c.Digests, 2000))
	return c
}

// Table sums up events by key. It belongs to one goroutine.
//
// Once Config.Digests keys are live, a new one makes room by folding the cheapest eighth, by
// Total, into "(other)" of their source and kind; those of sources that are cheap as a whole fold
// on into "(other)" of no source. A folded digest that is called again starts anew, so a
// summary's numbers are those since it was last folded.
type Table struct {
	config Config
	live   Totals
	last   map[uint32]lastChange // by connection, since the last Take
}

// NewTable returns an empty table.
func NewTable(c Config) *Table {
	return &Table{config: c.withDefaults(), live: Totals{}, last: map[uint32]lastChange{}}
}

// Add sums up events. It keeps their statements and sources, and the names of their scopes.
func (t *Table) Add(events []capture.Event) {
	for i := range events {
		s := t.summary(&events[i])
		s.add(&events[i])
		t.outside(s, &events[i])
	}
}

// summary finds or begins the summary ev belongs to.
func (t *Table) summary(ev *capture.Event) *Summary {
	key := keyOf(ev)
	if s := t.live[key]; s != nil {
		return s
	}
	for len(t.live) >= t.config.Digests {
		t.fold()
	}
	s := t.live[key]
	if s == nil { // unless folding began it: it may be "(other)"
		s = begin(key, ev)
		t.live[key] = s
	}
	return s
}

// Take returns the summaries since the last Take, the costliest first, and starts afresh.
func (t *Table) Take() []*Summary {
	taken := t.live.Sorted()
	t.live = make(Totals, len(taken))
	clear(t.last)
	return taken
}

// Snapshot returns copies of the summaries since the last Take, the costliest first. They share
// only statements and sources with the table, so that other goroutines may read them.
func (t *Table) Snapshot() []*Summary {
	copies := t.live.Sorted()
	for i, s := range copies {
		copies[i] = s.Clone()
	}
	return copies
}

// fold moves the cheapest eighth of the live summaries into "(other)". An eighth makes the sort
// cost less than a microsecond per new key.
func (t *Table) fold() {
	all := t.live.Sorted()
	left := len(all) / 8
	for _, s := range slices.Backward(all) {
		target, ok := foldedInto(s)
		if !ok {
			continue
		}
		t.move(s, target)
		if left--; left == 0 {
			return
		}
	}
}

// move merges s into the live summary with the key of target, or into target if there is none.
func (t *Table) move(s *Summary, target Summary) {
	delete(t.live, s.Key)
	other := t.live[target.Key]
	if other == nil {
		other = &target
		t.live[target.Key] = other
	}
	Merge(other, s)
}

// foldedInto is the empty summary s folds into: "(other)" of its source, or of no source if it
// is that already. What is "(other)" of no source stays: there is one per kind.
func foldedInto(s *Summary) (target Summary, ok bool) {
	target = Summary{Key: Key{Source: s.Key.Source, Kind: s.Kind, Digest: Other}, Database: s.Database, Name: OtherName}
	if s.Digest == Other {
		target.Key.Source, target.Database = 0, nil
	}
	return target, target.Key != s.Key
}

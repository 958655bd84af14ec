package advisor

import (
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
	"github.com/sqliteperf/sqliteperf/internal/history"
)

func TestUnusedIndexes(t *testing.T) {
	sequential(t)
	const (
		month   = 20 * 24 * time.Hour
		read    = "SELECT * FROM t WHERE a = 3"
		schema  = "id INTEGER PRIMARY KEY, a, b, c UNIQUE, parent REFERENCES p"
		indexes = `CREATE INDEX used ON t(a); CREATE INDEX "idle ""one""" ON t(b); CREATE UNIQUE INDEX keeps ON t(c, b); CREATE INDEX child ON t(parent)`
	)
	folded := seenFor(month, read)
	folded.statements = append(folded.statements, &digest.Summary{Calls: 1, Name: digest.OtherName})
	short := seenFor(month, read)
	short.window = 24 * time.Hour
	for _, c := range []struct {
		name, more, workload string
		seen                 *traffic
		want                 string
	}{
		{"in three weeks", "", read, seenFor(month, read), "t(b) proved"},
		{"used", "", read + "\nSELECT * FROM t WHERE b = 3", seenFor(month, read), ""},
		{"no traffic", "", read, nil, ""},
		{"in a week", "", read, seenFor(7*24*time.Hour, read), ""},
		{"in a day that is looked at", "", read, short, ""},
		{"something was folded", "", read, folded, ""},
		{"something was not explained", "", read, seenFor(month, read+"\nSELECT * FROM T WHERE b = missing(1)"), ""},
		{"something else was not explained", "", read, seenFor(month, read+"\nSELECT * FROM other WHERE b = missing(1)"), "t(b) proved"},
		{"a view was not explained", "CREATE VIEW v AS SELECT * FROM t", read, seenFor(month, read+"\nSELECT missing(b) FROM v"), ""},
		{"a trigger reads", "CREATE TABLE log(x); CREATE TRIGGER g AFTER INSERT ON log BEGIN DELETE FROM t WHERE b = NEW.x; END", read, seenFor(month, read), ""},
		{"used three weeks ago", "", read, longer(read, read+"\nSELECT * FROM t WHERE b = ?"), ""},
		{"in the history's three weeks", "", read, longer(read, read), "t(b) proved"},
	} {
		path := create(t, "CREATE TABLE p(id INTEGER PRIMARY KEY);"+counted("t", schema, 500, "i, i % 50, i % 9, i, NULL"), indexes, c.more)
		list := advise(t, codeUnused, path, c.workload, c.seen)
		if got := subjects(list); got != c.want {
			t.Errorf("%s: advised on %q, want %q", c.name, got, c.want)
		}
		if len(list) > 0 && (list[0].Facts[0].Value < 19.9 || list[0].Undo[0] != `CREATE INDEX "idle ""one""" ON t(b)`) {
			t.Errorf("%s: %+v", c.name, list[0])
		}
	}
}

// longer is traffic of an hour, with a history of three weeks.
func longer(hour, history string) *traffic {
	seen := seenFor(time.Hour, hour)
	seen.long = seenFor(20*24*time.Hour, history).weeks
	return seen
}

// TestWeeksOfTheHistory: what is stored is read, dropped events and folded statements make it less than whole.
func TestWeeksOfTheHistory(t *testing.T) {
	app := launch(t, create(t, "CREATE TABLE t(a)"))
	w := app.advisor.watchedDatabases()[0]
	store := func(days int, dropped uint64, hash uint64) *weeks {
		s := summaryOf("SELECT a FROM t", time.Duration(days)*24*time.Hour, 5)
		s.Key.Source, s.Database = w.source.ID, w.source
		if hash == digest.Other {
			s.Digest, s.Statement, s.Name = digest.Other, nil, digest.OtherName
		}
		start := s.FirstSeen.Time()
		must(t, app.advisor.store.Append(t.Context(), history.Interval{Start: start, End: start.Add(time.Second), Counts: capture.Counts{Dropped: dropped}}, []*digest.Summary{s}))
		w.weeks = nil
		read, err := app.advisor.weeksOf(t.Context(), w)
		must(t, err)
		again, err := app.advisor.weeksOf(t.Context(), w)
		if err != nil || again != read {
			t.Error("read twice")
		}
		return read
	}
	if got := store(20, 0, 1); !got.whole || got.seen() < 19*24*time.Hour || len(got.statements) != 1 || got.statements[0].Calls != 5 {
		t.Errorf("%+v", got)
	}
	if got := store(90, 0, 1); got.seen() > weeksBack {
		t.Errorf("reaches back %v", got.seen())
	}
	if store(3, 7, 1).whole || store(2, 0, digest.Other).whole {
		t.Error("whole in spite of what is not known")
	}
	must(t, app.advisor.Close())
}

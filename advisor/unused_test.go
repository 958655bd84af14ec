package advisor

import (
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/digest"
)

func TestUnusedIndexes(t *testing.T) {
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

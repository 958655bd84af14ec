package advisor

import (
	"strings"
	"testing"
)

const events = `CREATE TABLE event(id INTEGER PRIMARY KEY, created TEXT NOT NULL, day DATETIME, n INTEGER, kind TEXT, note TEXT, "größe x" INTEGER);
	CREATE INDEX event_created ON event(created); CREATE INDEX event_day ON event(day); CREATE INDEX event_n ON event(n);
	CREATE INDEX event_kind ON event(kind); CREATE INDEX event_size ON event("größe x");
	CREATE TABLE small(id INTEGER PRIMARY KEY, created TEXT); CREATE INDEX small_created ON small(created);`

func eventRows(n int) string {
	return filled("event", n, "i, datetime('2024-01-01', '+' || i || ' hours'), datetime('2024-01-01', '+' || i || ' hours'), i, nullif('k' || (i % 900), 'k7'), 'note ' || i, i") +
		filled("small", 50, "i, datetime('2024-01-01', '+' || i || ' hours')")
}

func TestNonSargable(t *testing.T) {
	sequential(t)
	path := create(t, events, eventRows(6000), "CREATE TABLE code(id INTEGER PRIMARY KEY, number TEXT); CREATE INDEX code_number ON code(number)",
		filled("code", 6000, "i, iif(i = 6000, '0' || i, i)"))
	for _, c := range []struct{ name, workload, want string }{
		{"a text and a number", "SELECT code.id FROM event CROSS JOIN code ON code.number = event.n WHERE event.id < 50", "SELECT code.id FROM event CROSS JOIN code ON code.number = CAST(event.n AS TEXT) WHERE event.id < ?"},
		{"a text that is no number's", "SELECT code.id FROM event CROSS JOIN code ON code.number = event.n WHERE event.id > 5990", ""},
		{"two texts", "SELECT code.id FROM event CROSS JOIN code ON code.number = event.kind WHERE event.id < 50", ""},
		{"a day", "SELECT * FROM event WHERE date(created) = '2024-03-01'", "SELECT * FROM event WHERE created >= date(?1) AND created < date(?1, '+1 day')"},
		{"a parameter", `{"sql": "SELECT note FROM event WHERE date(created) = ? AND n > ?", "params": ["2024-03-01", 5]}`, "SELECT note FROM event WHERE created >= date(?1) AND created < date(?1, '+1 day') AND n > ?2"},
		{"turned round, declared as a time", "SELECT note FROM event WHERE '2024-03-01' = DATE(day)", "SELECT note FROM event WHERE day >= date(?1) AND day < date(?1, '+1 day')"},
		{"from a day on", "SELECT note FROM event WHERE date(created) > '2024-09-01'", "SELECT note FROM event WHERE created >= date(?, '+1 day')"},
		{"between days", "SELECT note FROM event e WHERE date(e.created) BETWEEN '2024-08-01' AND '2024-08-03'", "SELECT note FROM event e WHERE e.created >= date(?) AND e.created < date(?, '+1 day')"},
		{"a month", "SELECT note FROM event WHERE strftime('%Y-%m', created) = '2024-03'", "SELECT note FROM event WHERE created >= date(?1 || '-01') AND created < date(?1 || '-01', '+1 month')"},
		{"a sum", "SELECT note FROM event WHERE n + 5 = 100", "SELECT note FROM event WHERE n = (?) - (?)"},
		{"a difference", "SELECT note FROM event WHERE 10000 - n > 9990", "SELECT note FROM event WHERE n < (?) - (?)"},
		{"the rowid", "SELECT note FROM event WHERE id - 3 = 100", "SELECT note FROM event WHERE id = (?) + (?)"},
		{"a cast", `SELECT note FROM event WHERE CAST("größe x" AS INTEGER) = 77`, `SELECT note FROM event WHERE "größe x" = ?`},
		{"a default", "SELECT note FROM event WHERE coalesce(kind, 'none') = 'k8'", "SELECT note FROM event WHERE (kind = ?1 OR kind IS NULL AND ?2 = ?1)"},
		{"the column itself", "SELECT note FROM event WHERE created = '2024-03-01'", ""},
		{"another function", "SELECT note FROM event WHERE lower(kind) = 'k8'", ""},
		{"no index", "SELECT note FROM event WHERE date(note) = '2024-03-01'", ""},
		{"a small table", "SELECT * FROM small WHERE date(created) = '2024-01-02'", ""},
		{"no rows to compare", "SELECT note FROM event WHERE date(created) = '1999-01-01'", ""},
		{"another index is searched", "SELECT note FROM event WHERE date(created) = '2024-03-01' AND id = 7", ""},
		{"both columns", "SELECT note FROM event WHERE n + id = 100", ""},
		{"negated", "SELECT note FROM event WHERE NOT date(created) = '2024-03-01'", ""},
		{"text in a sum", "SELECT note FROM event WHERE kind + 1 = 100", ""},
	} {
		rewrites(t, "QY01", path, c.name, c.workload, c.want)
	}
}

// rewrites compares the new form that is advised for a workload, "" for none.
func rewrites(t *testing.T, code, path, name, workload, want string) {
	t.Helper()
	list := advise(t, code, path, workload, nil)
	got := ""
	for _, r := range list {
		got += r.Rewrite.After
		if !r.Rewrite.Checked || r.Rewrite.Speedup <= 1 || r.Applicable || len(r.Facts) < 2 || r.State != Proposed {
			t.Errorf("%s: %+v, %+v", name, r, r.Rewrite)
		}
		for _, private := range []string{"2024-", "k8", "9990"} {
			if text := r.Rewrite.Before + r.Rewrite.After + r.Why + r.Manual; strings.Contains(text, private) {
				t.Errorf("%s: shows a value: %s", name, text)
			}
		}
	}
	if got != want {
		t.Errorf("%s: advised\n%s, want\n%s", name, got, want)
	}
}

// TestDatesThatAreNone: texts whose order is not that of the days they mean.
func TestDatesThatAreNone(t *testing.T) {
	sequential(t)
	for name, value := range map[string]string{
		"with an offset":  "iif(i = 5999, '2024-03-01 23:30:00-02:00', datetime('2024-01-01', '+' || i || ' hours'))",
		"seconds":         "iif(i = 5999, unixepoch('2024-03-01'), datetime('2024-01-01', '+' || i || ' hours'))",
		"a blob":          "iif(i = 5999, x'32303234', datetime('2024-01-01', '+' || i || ' hours'))",
		"nothing of that": "iif(i = 5999, NULL, datetime('2024-01-01', '+' || i || ' hours'))",
	} {
		path := create(t, "CREATE TABLE e(id INTEGER PRIMARY KEY, at TEXT); CREATE INDEX e_at ON e(at);", filled("e", 6000, "i, "+value))
		n := len(advise(t, "QY01", path, "SELECT * FROM e WHERE date(at) = '2024-08-01'", nil))
		if want := map[bool]int{true: 1}[name == "nothing of that"]; n != want {
			t.Errorf("%s: %d pieces of advice", name, n)
		}
	}
}

func TestLeadingWildcard(t *testing.T) {
	sequential(t)
	path := create(t, events, eventRows(12_000))
	for _, c := range []struct{ name, workload, want string }{
		{"a literal", "SELECT id FROM event WHERE note LIKE '%77'", "event(note) proposed"},
		{"a parameter", `{"sql": "SELECT id FROM event WHERE note LIKE ?", "params": ["%77%"]}`, "event(note) proposed"},
		{"a prefix", "SELECT id FROM event WHERE note LIKE 'note 77%'", ""},
		{"an unknown parameter", "SELECT id FROM event WHERE note LIKE ?", ""},
		{"with another column", "SELECT id FROM event WHERE note LIKE '%77' AND \"größe x\" = 5", ""},
		{"few rows", "SELECT id FROM small WHERE created LIKE '%77'", ""},
		{"of few rows", "SELECT id FROM event WHERE n = 5 AND note LIKE '%77'", ""},
	} {
		list := advise(t, "QY01", path, c.workload, nil)
		if got := subjects(list); got != c.want {
			t.Errorf("%s: advised on %q, want %q", c.name, got, c.want)
		}
		for _, r := range list[:min(len(list), 1)] {
			db := opened(t, "sqlite", create(t, events, eventRows(100)))
			db.SetMaxOpenConns(1)
			_, err := db.Exec(r.Rewrite.After, `"e 77"`)
			must(t, err)
			if ids := column(t, db, `SELECT rowid FROM event_note WHERE event_note MATCH '"e 77"'`); len(ids) != 1 || ids[0] != "77" {
				t.Errorf("%s: found %q", c.name, ids)
			}
		}
	}
}

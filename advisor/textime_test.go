package advisor

import (
	"context"
	"strings"
	"testing"
	"time"
)

func TestTextTime(t *testing.T) {
	zone := time.FixedZone("CEST", 2*60*60)
	at := time.Date(2024, 7, 1, 12, 30, 45, 120_000_000, zone)
	for _, c := range []struct{ name, schema, value, want string }{
		{"with a clock", "CREATE TABLE t(id INTEGER PRIMARY KEY, created_at TEXT)", at.String() + " m=+0.123", "t(created_at) proposed"},
		{"without", `CREATE TABLE t(id INTEGER PRIMARY KEY, "due ""x""" DATETIME)`, at.String(), `t(due "x") proposed`},
		{"in UTC", "CREATE TABLE t(id INTEGER PRIMARY KEY, seen TIMESTAMP)", at.UTC().Truncate(time.Second).String(), "t(seen) proposed"},
		{"as SQLite", "CREATE TABLE t(id INTEGER PRIMARY KEY, created_at TEXT)", "2024-07-01 12:30:45.12+02:00", ""},
		{"RFC 3339", "CREATE TABLE t(id INTEGER PRIMARY KEY, created_at DATETIME)", at.Format(time.RFC3339), ""},
		{"in prose", "CREATE TABLE t(id INTEGER PRIMARY KEY, note TEXT)", at.String(), ""},
		{"as a part", "CREATE TABLE t(id INTEGER PRIMARY KEY, created_at TEXT)", "at " + at.String(), ""},
		{"numbers", "CREATE TABLE t(id INTEGER PRIMARY KEY, created_at INT)", "1719829845", ""},
	} {
		path := create(t, c.schema)
		db := opened(t, "sqlite", path)
		for range 3 {
			_, err := db.Exec("INSERT INTO t VALUES (NULL, ?)", c.value)
			must(t, err)
		}
		list := advise(t, "SC04", path, "", nil)
		if got := subjects(list); got != c.want {
			t.Errorf("%s: advised on %q, want %q", c.name, got, c.want)
		}
		for _, r := range list {
			_, err := db.Exec(r.Rewrite.After)
			must(t, err)
			name := quoteName(r.Columns[0])
			wanted := at.UTC().Format("2006-01-02 15:04:05")
			for _, got := range column(t, db, "SELECT datetime("+name+") || '|' || typeof("+name+") FROM t") {
				if got != wanted+"|text" {
					t.Errorf("%s: repaired to %s", c.name, got)
				}
			}
			if again := advise(t, "SC04", path, "", nil); len(again) != 0 {
				t.Errorf("%s: advised again", c.name)
			}
		}
	}
}

// TestTimesAreStoredSo is why there is the rule: how the driver stores a time, and what SQLite makes of it.
func TestTimesAreStoredSo(t *testing.T) {
	for dsn, want := range map[string]bool{"": false, "?_time_format=sqlite": true} {
		db := opened(t, "sqlite", create(t, "CREATE TABLE t(at DATETIME)")+dsn)
		_, err := db.ExecContext(context.Background(), "INSERT INTO t VALUES (?)", time.Now())
		must(t, err)
		text := column(t, db, "SELECT +at || '|' || coalesce(date(at), '') FROM t")[0]
		if strings.HasSuffix(text, "|") == want || goTime.MatchString(strings.TrimSuffix(text, "|")) == want {
			t.Errorf("%q: stored as %s", dsn, text)
		}
	}
}

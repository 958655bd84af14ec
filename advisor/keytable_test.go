package advisor

import "testing"

func TestKeyTable(t *testing.T) {
	sequential(t)
	for _, c := range []struct{ name, schema, values, workload, want string }{
		{"m:n", "CREATE TABLE member(user INT, team INT, PRIMARY KEY(user, team))", "i, i % 9", "", "member(user, team) proposed"},
		{"with another index", `CREATE TABLE member("user id" TEXT NOT NULL, team TEXT NOT NULL, PRIMARY KEY(team, "user id")) STRICT; CREATE INDEX i ON member(team)`, "'user number ' || i, 'team ' || (i % 9)", "", "member(user id, team) proposed"},
		{"with columns", "CREATE TABLE member(user, team, since, PRIMARY KEY(user, team))", "i, i % 9, i", "", ""},
		{"without rowid", "CREATE TABLE member(user, team, PRIMARY KEY(user, team)) WITHOUT ROWID", "i, i % 9", "", ""},
		{"one column", "CREATE TABLE member(user TEXT PRIMARY KEY)", "i", "", ""},
		{"no key", "CREATE TABLE member(user, team)", "i, i % 9", "", ""},
		{"NULL in the key", "CREATE TABLE member(user, team, PRIMARY KEY(user, team))", "i, nullif(i % 9, 8)", "", ""},
		{"the rowid is used", "CREATE TABLE member(user, team, PRIMARY KEY(user, team))", "i, i % 9", "SELECT user FROM member WHERE rowid = 7", ""},
		{"long keys, many indexes", "CREATE TABLE member(a, b, c, d, PRIMARY KEY(a, b, c, d)); CREATE INDEX i1 ON member(b); CREATE INDEX i2 ON member(c); CREATE INDEX i3 ON member(d)",
			"i, printf('%050d', i), i % 7, i % 3", "", ""},
	} {
		path := create(t, c.schema, filled("member", 4000, c.values))
		list := advise(t, "SC02", path, c.workload, nil)
		if got := subjects(list); got != c.want {
			t.Errorf("%s: advised on %q, want %q", c.name, got, c.want)
		}
		for _, r := range list {
			if r.Facts[0].Value <= r.Facts[1].Value || r.Facts[1].Value == 0 {
				t.Errorf("%s: %+v", c.name, r.Facts)
			}
			migrated(t, path, r, "member")
			if again := advise(t, "SC02", path, "", nil); len(again) != 0 {
				t.Errorf("%s: advised again after %s", c.name, r.Rewrite.After)
			}
		}
	}
}

func TestRandomKey(t *testing.T) {
	sequential(t)
	const v4 = "printf('%08x-%04x-4%03x-a%03x-%012x', abs(random()) % 4294967296, i % 65536, i % 4096, i % 4096, i), 'x'"
	const v7 = "printf('%08x-%04x-7%03x-a%03x-%012x', i, i % 65536, i % 4096, i % 4096, i), 'x'"
	for _, c := range []struct {
		name, schema, values string
		rows                 int
		want                 string
	}{
		{"version 4", "CREATE TABLE t(id TEXT PRIMARY KEY, x)", v4, 12000, "t(id) proposed"},
		{"without rowid", "CREATE TABLE t(id TEXT PRIMARY KEY, x) WITHOUT ROWID", v4, 12000, "t(id) proposed"},
		{"version 7", "CREATE TABLE t(id TEXT PRIMARY KEY, x)", v7, 12000, ""},
		{"words", "CREATE TABLE t(id TEXT PRIMARY KEY, x)", "'key ' || i, 'x'", 12000, ""},
		{"few", "CREATE TABLE t(id TEXT PRIMARY KEY, x)", v4, 500, ""},
		{"not the key", "CREATE TABLE t(uuid TEXT, x)", v4, 12000, ""},
		{"beside a rowid", "CREATE TABLE t(uuid TEXT UNIQUE, id INTEGER PRIMARY KEY)", "printf('%08x-%04x-4%03x-a%03x-%012x', i, 1, 1, 1, i), i", 12000, ""},
	} {
		list := advise(t, "SC03", create(t, c.schema, filled("t", c.rows, c.values)), "", nil)
		if got := subjects(list); got != c.want {
			t.Errorf("%s: advised on %q, want %q", c.name, got, c.want)
		}
		if len(list) > 0 && (len(list[0].Facts) != 2 || list[0].Facts[1].Value < 12000*36) {
			t.Errorf("%s: %+v", c.name, list[0].Facts)
		}
	}
}

package advisor

import "testing"

func TestRedundantIndexes(t *testing.T) {
	rows := filled("t", 500, "i, i % 7, i % 9, 'x' || i")
	for _, c := range []struct {
		name, schema, indexes, want string
	}{
		{"a prefix", "id INTEGER PRIMARY KEY, a, b, c", "CREATE INDEX i1 ON t(a); CREATE INDEX i2 ON t(a, b)", "t(a) proposed"},
		{"exact doubles", "id INTEGER PRIMARY KEY, a, b, c", "CREATE INDEX i1 ON t(a, b); CREATE INDEX i2 ON t(A, \"b\" ASC)", "t(a, b) proposed"},
		{"of a UNIQUE constraint", "id INTEGER PRIMARY KEY, a, b, c UNIQUE", "CREATE INDEX i1 ON t(c)", "t(c) proposed"},
		{"of a primary key", "id TEXT PRIMARY KEY, a, b, c", "CREATE INDEX i1 ON t(id)", "t(id) proposed"},
		{"of a unique index", "id INTEGER PRIMARY KEY, a, b, c", "CREATE UNIQUE INDEX i1 ON t(c); CREATE INDEX i2 ON t(c)", "t(c) proposed"},
		{"of the rowid", "id INTEGER PRIMARY KEY, a, b, c", "CREATE INDEX i1 ON t(id DESC)", "t(id) proposed"},
		{"of the rowid, unique", "id INTEGER PRIMARY KEY, a, b, c", "CREATE UNIQUE INDEX i1 ON t(id); CREATE INDEX i2 ON t(id, a)", ""},
		{"partial doubles", "id INTEGER PRIMARY KEY, a, b, c", "CREATE INDEX i1 ON t(a) WHERE b > 3; create  index \"i 2\" on T(a) where B > 3 /* again */", "t(a) proposed"},
		{"doubles of an expression", "id INTEGER PRIMARY KEY, a, b, c", "CREATE INDEX i1 ON t(lower(c)); CREATE INDEX i2 ON t(lower(c))", "t() proposed"},
		{"another direction", "id INTEGER PRIMARY KEY, a, b, c", "CREATE INDEX i1 ON t(a DESC); CREATE INDEX i2 ON t(a, b)", ""},
		{"another collation", "id INTEGER PRIMARY KEY, a, b, c", "CREATE INDEX i1 ON t(c COLLATE NOCASE); CREATE INDEX i2 ON t(c, b)", ""},
		{"another order", "id INTEGER PRIMARY KEY, a, b, c", "CREATE INDEX i1 ON t(b, a); CREATE INDEX i2 ON t(a, b)", ""},
		{"unique ones", "id INTEGER PRIMARY KEY, a, b, c", "CREATE UNIQUE INDEX i1 ON t(c); CREATE UNIQUE INDEX i2 ON t(c); CREATE UNIQUE INDEX i3 ON t(c, a)", ""},
		{"constraints", "id INTEGER PRIMARY KEY, a, b, c, UNIQUE(a, b, c), UNIQUE(a, b, id)", "", ""},
		{"other conditions", "id INTEGER PRIMARY KEY, a, b, c", "CREATE INDEX i1 ON t(a) WHERE b > 3; CREATE INDEX i2 ON t(a) WHERE b > 4; CREATE INDEX i3 ON t(a) WHERE c = 'X'; CREATE INDEX i4 ON t(a) WHERE c = 'x'", ""},
		{"a condition on one", "id INTEGER PRIMARY KEY, a, b, c", "CREATE INDEX i1 ON t(a); CREATE INDEX i2 ON t(a, b) WHERE b > 3", ""},
		{"other expressions", "id INTEGER PRIMARY KEY, a, b, c", "CREATE INDEX i1 ON t(lower(c)); CREATE INDEX i2 ON t(upper(c))", ""},
	} {
		path := create(t, "CREATE TABLE t("+c.schema+");"+rows, c.indexes)
		if got := subjects(advise(t, codeRedundant, path, "", nil)); got != c.want {
			t.Errorf("%s: advised on %q, want %q", c.name, got, c.want)
		}
	}
}

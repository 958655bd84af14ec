package advisor

import "testing"

func TestLargeValue(t *testing.T) {
	sequential(t)
	const list = "SELECT id, name FROM doc WHERE author = 3 ORDER BY name\nSELECT count(*), max(name) FROM doc"
	for _, c := range []struct{ name, columns, values, workload, want string }{
		{"a blob", "id INTEGER PRIMARY KEY, author, body BLOB, name", "i, i % 9, zeroblob(3000), 'n' || i", list, "doc(body) proposed"},
		{"a text", `id INTEGER PRIMARY KEY, author, "the body" TEXT, name`, "i, i % 9, printf('%02000d', i), 'n' || i", list, "doc(the body) proposed"},
		{"short", "id INTEGER PRIMARY KEY, author, body BLOB, name", "i, i % 9, zeroblob(300), 'n' || i", list, ""},
		{"it is read", "id INTEGER PRIMARY KEY, author, body BLOB, name", "i, i % 9, zeroblob(3000), 'n' || i", "SELECT * FROM doc WHERE author = 3\nSELECT body FROM doc WHERE name = 'x'", ""},
		{"by key alone", "id INTEGER PRIMARY KEY, author, body BLOB, name", "i, i % 9, zeroblob(3000), 'n' || i", "SELECT name FROM doc WHERE id = 5\nSELECT author FROM doc WHERE id = 6", ""},
		{"no workload", "id INTEGER PRIMARY KEY, author, body BLOB, name", "i, i % 9, zeroblob(3000), 'n' || i", "", ""},
	} {
		path := create(t, counted("doc", c.columns, 1200, c.values))
		found := advise(t, "SC05", path, c.workload, nil)
		if got := subjects(found); got != c.want {
			t.Errorf("%s: advised on %q, want %q", c.name, got, c.want)
		}
		for _, r := range found {
			db := opened(t, "sqlite", path)
			db.SetMaxOpenConns(1)
			_, err := db.Exec(r.Rewrite.After)
			must(t, err)
			if n := column(t, db, "SELECT count(*) FROM doc JOIN "+quoteName("doc_"+r.Columns[0])+" USING (id)")[0]; n != "1200" {
				t.Errorf("%s: %s rows were moved", c.name, n)
			}
		}
	}
}

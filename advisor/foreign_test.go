package advisor

import (
	"testing"

	"github.com/sqliteperf/sqliteperf/internal/sqlite"
)

func TestChildIndexes(t *testing.T) {
	sequential(t)
	const delete = "DELETE FROM parent WHERE id = 3"
	rows := func(table string, n int) string { return filled(table, n, "i, i % 100 + 1, 'x'") }
	parent := counted("parent", "id INTEGER PRIMARY KEY, name UNIQUE", 100, "i, i")
	for _, c := range []struct {
		name, schema, workload, want string
	}{
		{"a bare database", "CREATE TABLE child(id INTEGER PRIMARY KEY, parent_id INT REFERENCES parent, x);" + rows("child", 5000), "", "child(parent_id) proved"},
		{"parents are deleted", "CREATE TABLE child(id INTEGER PRIMARY KEY, parent_id INT REFERENCES parent, x);" + rows("child", 5000), delete, "child(parent_id) proved"},
		{"keys are changed", "CREATE TABLE child(id INTEGER PRIMARY KEY, p INT REFERENCES parent(id), x);" + rows("child", 5000), "UPDATE parent SET id = 700 WHERE id = 3", "child(p) proved"},
		{"another key is changed", "CREATE TABLE child(id INTEGER PRIMARY KEY, p INT REFERENCES parent(name), x);" + rows("child", 5000), "UPDATE parent SET name = 'x' WHERE id = 3", "child(p) proved"},
		{"other columns are changed", "CREATE TABLE child(id INTEGER PRIMARY KEY, p INT REFERENCES parent, x);" + rows("child", 5000), "UPDATE parent SET name = 'x' WHERE id = 3", ""},
		{"parents are replaced", "CREATE TABLE child(id INTEGER PRIMARY KEY, p INT REFERENCES parent, x);" + rows("child", 5000), "INSERT OR REPLACE INTO parent VALUES (3, 'x')", "child(p) proved"},
		{"hostile names, twice", `CREATE TABLE "the ""child"""("select" INTEGER PRIMARY KEY, "größe x" INT REFERENCES parent, x REFERENCES parent);` + rows(`"the ""child"""`, 3000), "", `the "child"(größe x) proved; the "child"(x) rejected`},
		{"parents are not deleted", "CREATE TABLE child(id INTEGER PRIMARY KEY, p INT REFERENCES parent, x);" + rows("child", 5000), "SELECT * FROM child WHERE id = 3", ""},
		{"an index begins with it", "CREATE TABLE child(id INTEGER PRIMARY KEY, p INT REFERENCES parent, x); CREATE INDEX i ON child(p, x);" + rows("child", 5000), "", ""},
		{"it is the rowid", "CREATE TABLE child(id INTEGER PRIMARY KEY REFERENCES parent, p, x);" + filled("child", 100, "i, i, i"), "", ""},
		{"it is the key", "CREATE TABLE child(id, p REFERENCES parent, x, PRIMARY KEY(p, id)) WITHOUT ROWID;" + rows("child", 5000), "", ""},
		{"a small child", "CREATE TABLE child(id INTEGER PRIMARY KEY, p INT REFERENCES parent, x);" + rows("child", 500), "", ""},
		{"no such parent", "CREATE TABLE child(id INTEGER PRIMARY KEY, p INT REFERENCES gone, x);" + rows("child", 5000), "", ""},
		{"a partial index is none", "CREATE TABLE child(id INTEGER PRIMARY KEY, p INT REFERENCES parent, x); CREATE INDEX i ON child(p) WHERE x = 'y';" + rows("child", 5000), "", "child(p) proved"},
	} {
		if got := subjects(advise(t, codeChild, create(t, parent, c.schema), c.workload, nil)); got != c.want {
			t.Errorf("%s: advised on %q, want %q", c.name, got, c.want)
		}
	}
}

// TestChildIndexNeedsForeignKeys: without the pragma nothing is searched.
func TestChildIndexNeedsForeignKeys(t *testing.T) {
	path := create(t, counted("parent", "id INTEGER PRIMARY KEY", 100, "i"), counted("child", "id INTEGER PRIMARY KEY, p REFERENCES parent", 5000, "i, i % 100 + 1"))
	db, err := openDatabase(t.Context(), path)
	must(t, err)
	defer db.Close()
	for value, want := range map[string]int{"0": 0, "1": 1} {
		report, err := analyze(t.Context(), db, nil, []sqlite.Pragma{{Name: "foreign_keys", Value: value}}, nil, Options{NoProof: true})
		must(t, err)
		n := 0
		for _, r := range report.Recommendations {
			if r.Code == codeChild {
				n++
			}
		}
		if n != want {
			t.Errorf("foreign_keys = %s: %d pieces of advice", value, n)
		}
	}
}

// TestChildIndexBesideOthers: an index that is advised for a statement serves the foreign key too.
func TestChildIndexBesideOthers(t *testing.T) {
	sequential(t)
	path := create(t, counted("parent", "id INTEGER PRIMARY KEY", 100, "i"), counted("child", "id INTEGER PRIMARY KEY, p REFERENCES parent, x", 5000, "i, i % 100 + 1, 'x'"))
	workload := "DELETE FROM parent WHERE id = 3\nSELECT * FROM child WHERE p = 7"
	if n := len(advise(t, codeMissing, path, workload, nil)) + len(advise(t, codeChild, path, workload, nil)); n != 1 {
		t.Errorf("%d indexes advised", n)
	}
}

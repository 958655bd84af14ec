package sqlite

import (
	"database/sql"
	"path/filepath"
	"testing"
)

func TestWidths(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.db")
	made, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer made.Close()
	if _, err := made.Exec(`CREATE TABLE "a b"(id INTEGER PRIMARY KEY, "x""y" TEXT, picture BLOB, no_value);
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
		INSERT INTO "a b" SELECT i, 'é' || 'abc', zeroblob(i), NULL FROM n;
		CREATE TABLE keys(k TEXT PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO keys VALUES ('abc', 'de');
		CREATE TABLE hollow(a)`); err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), Config{Path: path, Live: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, c := range []struct {
		table   string
		columns []string
		want    []float64
	}{
		{"a b", []string{`x"y`, "picture", "no_value"}, []float64{5, 250.5, 0}},
		{"keys", []string{"v", "k"}, []float64{2, 3}},
		{"hollow", []string{"a"}, []float64{0}},
		{"hollow", nil, nil},
	} {
		got, err := db.Widths(t.Context(), c.table, c.columns, 64)
		if err != nil || len(got) != len(c.want) {
			t.Fatalf("%s: %v, %v", c.table, got, err)
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s: %v, want %v", c.table, got, c.want)
			}
		}
	}
	if _, err := db.Widths(t.Context(), "missing", []string{"a"}, 64); err == nil {
		t.Error("a table that does not exist has widths")
	}
}

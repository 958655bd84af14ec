package sqlite

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// create makes a database with the bare driver, runs statements on it and closes it again.
func create(t testing.TB, statements ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), `a 'b"?#%.db`)
	db := bare(t, path)
	run(t, db, statements...)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// bare opens the file as an application does that knows nothing of this project.
func bare(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := open(path, map[string][]string{}, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	return db
}

func run(t testing.TB, db interface {
	Exec(string, ...any) (sql.Result, error)
}, statements ...string) {
	t.Helper()
	for _, text := range statements {
		if _, err := db.Exec(text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
}

// opened opens the file for reading until the test ends.
func opened(t testing.TB, path string) *DB {
	t.Helper()
	db, err := Open(t.Context(), Config{Path: path, BusyTimeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// files are the contents of everything in a directory.
func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	contents := map[string]string{}
	for _, entry := range list {
		b, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			b = []byte(err.Error())
		}
		contents[entry.Name()] = string(b)
	}
	return contents
}

// rows are 5,000 rows of table t: k has 50 values, s 5,000.
const rows = `CREATE TABLE t(id INTEGER PRIMARY KEY, k INT, s TEXT, x BLOB);
	WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
	INSERT INTO t SELECT i, i % 50, 'row ' || i, zeroblob(20) FROM n`

package advisor

import (
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// create makes a database in WAL mode in a directory of its own and closes it.
func create(t testing.TB, statements ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "app.db")
	db, err := sql.Open("sqlite", path)
	must(t, err)
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, text := range append([]string{"PRAGMA journal_mode = wal"}, statements...) {
		if _, err := db.Exec(text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	return path
}

// files are the contents of everything in a directory.
func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	list, err := os.ReadDir(dir)
	must(t, err)
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

func quoteJSON(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// unwritable marks a file read-only while f runs.
func unwritable(t testing.TB, path string, f func()) {
	t.Helper()
	must(t, os.Chmod(path, 0o444))
	defer func() { must(t, os.Chmod(path, 0o644)) }()
	f()
}

// sequential leaves a test that proves for long and shares nothing between goroutines to the run without the race
// detector.
func sequential(t *testing.T) {
	if underRace {
		t.Skip("run without the race detector")
	}
}

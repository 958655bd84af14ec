package driver

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzFilePath opens data source names and asks SQLite which file it has opened.
func FuzzFilePath(f *testing.F) {
	for _, name := range []string{
		"app.db", "file:app.db", "file:app.db?mode=rwc", "file:./a%20b.db", "file:///x/app.db", "file:app.db#part", "file:app%00.db", "file:%61pp.db",
		":memory:", "", "file::memory:", "file:app.db?mode=memory", "app.db?_pragma=foreign_keys(1)", "?", "a?b?c", "file:", "file:?x", "file:%", "file:%4",
		"file:a%3Fb.db", "a%20b.db", "file:a.db?vfs=unix", "FILE:app.db", "file:sub/../app.db", "./app.db", "a.db ", "a#b.db", "\x00", "a.db\x00b", "file:a.db\x00?mode=memory", "file:\x00", "file:a.db?mode=ro", "\xff.db",
	} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if strings.ContainsAny(name, "/\\") && !strings.HasPrefix(name, "file:sub/") || len(name) > 100 {
			return // it would leave the directory
		}
		dir, err := filepath.EvalSymlinks(t.TempDir())
		must(t, err)
		t.Chdir(dir)
		must(t, os.Mkdir("sub", 0o700))
		got := filePath(name)
		db, err := sql.Open("sqlite", name)
		must(t, err)
		defer db.Close()
		var opened string
		if err := db.QueryRow("SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&opened); err != nil {
			return // it was not opened at all
		}
		if opened != got && !strings.Contains(name, "vfs=") {
			t.Errorf("%q is %q, and SQLite has opened %q", name, got, opened)
		}
	})
}

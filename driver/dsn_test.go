package driver

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// refused are data source names that no connection comes of, and a few doubtful ones that modernc
// takes. DIR is an existing directory.
var refused = []string{
	"DIR/a.db?_pragma=%zz", "file:DIR/a.db?x=%", "DIR/a.db?a;b", "DIR/a.db?vfs=unix&vfs=unix-none", "DIR/a.db?vfs=missing",
	"DIR/a.db?_foreign_keys=perhaps", "DIR/a.db?_journal_mode=paper", "DIR/a.db?_sync=4", "DIR/a.db?_vacuum=some", "DIR/a.db?_busy_timeout=1s",
	"DIR/a.db?_query_only=2", "DIR/a.db?_time_format=mine", "DIR/a.db?_time_integer_format=unix_pico", "DIR/a.db?_timezone=Mars/Olympus",
	"DIR/a.db?_txlock=later", "DIR/a.db?_inttotime=soon", "DIR/a.db?_texttotime=soon", "DIR/a.db?_dqs=soon", "DIR/a.db?_defensive=soon",
	"DIR/a.db?_defensive=1&_defensive=1", "DIR/a.db?_defensive=1&_journal=OFF", "DIR/a.db?_error_rc=soon",
	"DIR/a.db?_pragma=journal_mode(WAL);SELEC", "DIR/a.db?_pragma=(", "DIR/a.db?_pragma=nothing(1)", "DIR/a.db?_unknown=1",
	"DIR/missing/a.db", "DIR/missing/a.db?_error_rc=1", "DIR", "file:DIR", "DIR/text", "file:DIR/text?mode=ro", "file:DIR/a.db?mode=ro",
	"file:DIR/a.db?mode=sometimes", "file:DIR/a.db?cache=some", "file://elsewhere/a.db", "file:DIR/a.db?mode=rw", "DIR/a\x00.db",
}

// TestRefusedNamesAreRefusedAsByTheBareDriver compares each step from sql.Open to the first use.
func TestRefusedNamesAreRefusedAsByTheBareDriver(t *testing.T) {
	for _, dsn := range refused {
		t.Run(dsn, func(t *testing.T) {
			var steps [2][]string
			for i, name := range []string{"sqlite", Name} {
				dir := t.TempDir()
				if err := os.WriteFile(filepath.Join(dir, "text"), []byte(strings.Repeat("no database\n", 100)), 0o600); err != nil {
					t.Fatal(err)
				}
				note := func(err error) { steps[i] = append(steps[i], strings.ReplaceAll(failure(err), dir, "DIR")) }
				db, err := sql.Open(name, strings.ReplaceAll(dsn, "DIR", dir))
				if note(err); err != nil {
					t.Fatalf("sql.Open fails with %v", err)
				}
				defer db.Close()
				_, err = db.Exec("CREATE TABLE t(x)")
				note(err)
				note(db.Ping())
				note(db.PingContext(cancelled))
				_, err = db.Driver().Open(strings.ReplaceAll(dsn, "DIR", dir))
				note(err)
				left, err := filepath.Glob(filepath.Join(dir, "*"))
				note(err)
				for _, file := range left {
					steps[i] = append(steps[i], strings.TrimPrefix(file, dir))
				}
			}
			if diff := cmp.Diff(steps[0], steps[1]); diff != "" {
				t.Errorf("- as bare, + as wrapped:\n%s", diff)
			}
		})
	}
}

func TestDriverOpensAConnectionWithoutAPool(t *testing.T) {
	c, err := perfDriver{}.Open(":memory:")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := c.(*conn); !ok {
		t.Errorf("Open returns %T", c)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, err := (perfDriver{}).Open(":memory:?_txlock=later"); err == nil {
		t.Error("a refused name was opened")
	}
}

// TestFilePathIsTheFileSQLiteOpens asks SQLite for the path of the main database.
func TestFilePathIsTheFileSQLiteOpens(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for _, sub := range []string{"sub", "sub dir", "real"} {
		if err := os.Mkdir(sub, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"link": "real", "file-link.db": "real/target.db"} {
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	for _, dsn := range []string{
		"a.db", "./sub/../a.db", "sub/a.db", "sub dir/a.db", dir + "/a.db", "a.db?mode=memory", "a.db?_pragma=foreign_keys(1)", "a%20b.db", "a#b.db",
		"file:a.db", "file:sub/a.db", "file:" + dir + "/a.db", "file://" + dir + "/a.db", "file://localhost" + dir + "/a.db", "file:///" + dir + "/a.db",
		"file:sub%20dir/a.db", "file:a%2eb.db", "file:100%.db", "file:%zz.db", "file:a.db#fragment", "file:a+b.db", "file:a.db?mode=rwc&cache=private", "file:cut%00off.db",
		"file:a.db?mode=memory", "file:x?mode=memory&cache=shared", "file::memory:", "file::memory:?cache=shared", "file:", "file:?cache=shared",
		":memory:", ":memory:?_pragma=foreign_keys(1)", ":memory:not", "", "link/new.db", "link/new.db", "file:link/new.db", "real/target.db", "file-link.db",
	} {
		t.Run(dsn, func(t *testing.T) {
			before := filePath(dsn)
			if got, want := before, mainFile(t, dsn); got != want {
				t.Errorf("before it exists: %q, want %q", got, want)
			}
			if after := filePath(dsn); after != before {
				t.Errorf("%q when it exists, %q before", after, before)
			}
		})
	}
	for _, dsn := range []string{"a.db?vfs=unix-none", "file:/x?vfs=memdb", "a.db?x=%zz"} {
		if path := filePath(dsn); path != "" {
			t.Errorf("%s: %q, want none: its meaning is not ours to know", dsn, path)
		}
	}
}

// mainFile creates the database and is the path SQLite says it has.
func mainFile(t *testing.T, dsn string) (path string) {
	t.Helper()
	db := bare(t, dsn)
	defer db.Close()
	if _, err := db.Exec("CREATE TABLE IF NOT EXISTS t(x)"); err != nil {
		t.Fatal(err)
	}
	if err := db.QueryRow("SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConnectionsOfOneFileShareItsSource(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.db")
	type sourced interface{ Source() *capture.Source }
	var sources []*capture.Source
	for _, dsn := range []string{path, "file:" + path, path + "?_txlock=immediate", ":memory:"} {
		db := wrapped(t, dsn)
		for range 2 {
			raw(t, single(t, db), func(dc any) { sources = append(sources, dc.(sourced).Source()) })
		}
	}
	for i, s := range sources {
		if want := sources[i/6*6]; s != want {
			t.Errorf("connection %d is to %+v, want %+v", i, s, want)
		}
	}
	if sources[0].Name() != "app.db" || sources[6].Name() != ":memory:" {
		t.Errorf("sources are called %q and %q", sources[0].Name(), sources[6].Name())
	}
}

func TestParametersFromTheEnvironment(t *testing.T) {
	for value, want := range map[string]Parameters{"": ParametersTypes, "off": ParametersTypes, "types": ParametersTypes, "values": ParametersValues} {
		t.Setenv("SQLITE_PERF_PARAMETERS", value)
		if got := configFromEnv().Parameters; got != want {
			t.Errorf("%q: %d, want %d", value, got, want)
		}
	}
}

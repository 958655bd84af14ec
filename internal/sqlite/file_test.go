package sqlite

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// damaged are files that cannot be used, and a part of the line that says so. Each is made at path.
var damaged = []struct {
	name   string
	make   func(t *testing.T, path string)
	reason string
}{
	{"missing", func(t *testing.T, path string) {}, "no such file"},
	{"empty", func(t *testing.T, path string) { write(t, path, nil) }, "is empty"},
	{"directory", func(t *testing.T, path string) { must(t, os.Mkdir(path, 0o700)) }, "is a directory"},
	{"in no directory", func(t *testing.T, path string) { must(t, os.Symlink("main_test.go/x", path)) }, "no"},
	{"text", func(t *testing.T, path string) { write(t, path, []byte(strings.Repeat("Dear diary,\n", 500))) }, `does not begin with "SQLite format 3"`},
	{"random bytes", func(t *testing.T, path string) {
		b := make([]byte, 8192)
		rand.Read(b)
		write(t, path, b)
	}, "is encrypted or compressed"},
	{"few bytes", func(t *testing.T, path string) { write(t, path, []byte("SQLite format 3\x00abc")) }, "is cut short: 19 bytes"},
	{"one page of three", func(t *testing.T, path string) {
		write(t, path, database(t)[:4096])
	}, "is corrupt: its header promises"},
	{"half a page missing", func(t *testing.T, path string) {
		b := database(t)
		write(t, path, b[:len(b)-2048])
	}, "is corrupt: its header promises"},
	{"garbage for a schema", func(t *testing.T, path string) {
		b := database(t)
		rand.Read(b[100:4096])
		write(t, path, b)
	}, "is corrupt: "},
	{"a later format", func(t *testing.T, path string) {
		b := database(t)
		b[18], b[19] = 9, 9
		write(t, path, b)
	}, "is not a SQLite database"},
	{"garbage in the middle", func(t *testing.T, path string) {
		b := database(t)
		rand.Read(b[3*4096 : 4*4096])
		write(t, path, b)
	}, "is corrupt: "},
	{"write-ahead log without shared memory", func(t *testing.T, path string) {
		other := create(t)
		db := bare(t, other)
		run(t, db, "PRAGMA journal_mode = wal", rows)
		copied(t, path, other)
		copied(t, path+"-wal", other+"-wal")
	}, "write-ahead log"},
	{"locked by another", func(t *testing.T, path string) {
		write(t, path, database(t))
		run(t, bare(t, path), "PRAGMA locking_mode = exclusive", "BEGIN EXCLUSIVE")
	}, "is locked by another process (waited 50ms)"},
	{"journal of a crash", func(t *testing.T, path string) {
		other := create(t, rows)
		db := bare(t, other)
		run(t, db, "PRAGMA cache_size = 1", "BEGIN", "UPDATE t SET s = s || 'x'")
		copied(t, path, other)
		copied(t, path+"-journal", other+"-journal")
	}, "rollback journal"},
}

// TestDamaged opens and checks each of them: one line names the file and the reason, and nothing in
// the directory is changed.
func TestDamaged(t *testing.T) {
	for _, c := range damaged {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "app.db")
			c.make(t, path)
			before := files(t, dir)
			db, err := Open(t.Context(), Config{Path: path, BusyTimeout: 50 * time.Millisecond})
			if err == nil {
				err = db.Check(t.Context())
				db.Close()
			}
			var failed *FileError
			if !errors.As(err, &failed) {
				t.Fatalf("%v is no FileError", err)
			}
			line := err.Error()
			if !strings.HasPrefix(line, path+": ") || !strings.Contains(line, c.reason) || strings.ContainsAny(line, "\n\r") {
				t.Errorf("got %q, want %q", line, c.reason)
			}
			if strings.Count(line, path) != 1 {
				t.Errorf("%q names the file twice", line)
			}
			if after := files(t, dir); !maps.Equal(before, after) {
				t.Errorf("files changed: %q, before %q", slices.Collect(maps.Keys(after)), slices.Collect(maps.Keys(before)))
			}
		})
	}
}

func TestFileErrorIsOneLine(t *testing.T) {
	_, err := Open(t.Context(), Config{Path: "no\nsuch\tfile"})
	if err == nil || err.Error() != `"no\nsuch\tfile": no such file` || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// database is the bytes of a sound one, of more than four pages.
func database(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile(create(t, rows))
	must(t, err)
	return b
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	must(t, os.WriteFile(path, b, 0o600))
}

func copied(t *testing.T, to, from string) {
	t.Helper()
	b, err := os.ReadFile(from)
	must(t, err)
	write(t, to, b)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestWALClosed reads a database in WAL mode that nobody has open: no file appears beside it.
func TestWALClosed(t *testing.T) {
	path := create(t, "PRAGMA journal_mode = wal", rows)
	before := files(t, filepath.Dir(path))
	db := opened(t, path)
	s, err := db.Schema(t.Context())
	must(t, err)
	if n := s.Table("t").Rows; n != 5000 {
		t.Errorf("%d rows", n)
	}
	shadow, err := db.Shadow(t.Context(), t.TempDir(), 1<<30)
	must(t, err)
	must(t, shadow.Close())
	pragmas, err := db.Pragmas(t.Context())
	must(t, err)
	if pragmas[0] != (Pragma{"journal_mode", "wal"}) {
		t.Errorf("%v", pragmas[0])
	}
	must(t, db.Check(t.Context()))
	if after := files(t, filepath.Dir(path)); !maps.Equal(before, after) {
		t.Errorf("files changed: %q", slices.Collect(maps.Keys(after)))
	}
}

// TestWALOpen reads what another connection has written and not yet checkpointed.
func TestWALOpen(t *testing.T) {
	path := create(t, "PRAGMA journal_mode = wal")
	app := bare(t, path)
	run(t, app, rows)
	s, err := opened(t, path).Schema(t.Context())
	must(t, err)
	if s.Table("t") == nil {
		t.Error("the write-ahead log is not read")
	}
}

// TestChangeLeavesNoLog: after a change to a database in WAL mode that nobody else has open, all is
// in the file.
func TestChangeLeavesNoLog(t *testing.T) {
	path := create(t, "PRAGMA journal_mode = wal", rows)
	for _, statements := range [][]string{{"CREATE INDEX t_k ON t(k)"}, {"PRAGMA journal_mode = delete"}} {
		db, err := Open(t.Context(), Config{Path: path, Live: true})
		must(t, err)
		if _, err := db.Schema(t.Context()); err != nil {
			t.Fatal(err)
		}
		must(t, db.Change(t.Context(), statements, nil))
		must(t, db.Close())
		if names := slices.Collect(maps.Keys(files(t, filepath.Dir(path)))); len(names) != 1 {
			t.Errorf("%q left behind after %s", names, statements)
		}
	}
}

// TestReadOnly reads a file that nobody may write, and refuses to change it.
func TestReadOnly(t *testing.T) {
	path := create(t, rows)
	must(t, os.Chmod(path, 0o444))
	db := opened(t, path)
	if _, err := db.Schema(t.Context()); err != nil {
		t.Error(err)
	}
	err := db.Change(t.Context(), []string{"CREATE INDEX t_k ON t(k)"}, nil)
	if err == nil || !strings.Contains(err.Error(), path+": is read-only") {
		t.Errorf("got %v", err)
	}
}

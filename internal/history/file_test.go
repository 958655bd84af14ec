package history

import (
	"bytes"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// refused opens path, wants the error and the file as it was.
func refused(t *testing.T, path string, want error) {
	t.Helper()
	before, _ := os.ReadFile(path)
	s, err := Open(t.Context(), Config{Path: path})
	if err == nil {
		s.Close()
		t.Fatalf("opened %s", path)
	}
	if want != nil && !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
	if !strings.Contains(err.Error(), path) {
		t.Errorf("error %q does not name %s", err, path)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Errorf("%s was changed", path)
	}
}

// database makes a SQLite file by query.
func database(t *testing.T, path, query string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(query); err != nil {
		t.Fatal(err)
	}
}

func TestForeignFilesAreLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	t.Run("directory", func(t *testing.T) { refused(t, t.TempDir(), ErrForeign) })
	t.Run("missing directory", func(t *testing.T) { refused(t, filepath.Join(path, "no", "x.db"), nil) })
	for name, content := range map[string]string{"text": strings.Repeat("not a database\n", 999), "short": "SQLite format 3\x00", "zeros": string(make([]byte, 4096))} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.db")
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			refused(t, path, ErrForeign)
		})
	}
	for name, query := range map[string]string{
		"tables":         "CREATE TABLE orders(id)",
		"WAL":            "PRAGMA journal_mode = WAL; CREATE TABLE orders(id)",
		"other program":  "PRAGMA application_id = 7",
		"dropped tables": "CREATE TABLE orders(id); DROP TABLE orders",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.db")
			database(t, path, query)
			refused(t, path, ErrForeign)
		})
	}
}

func TestForeignFileWithOpenLogIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("PRAGMA journal_mode = WAL; CREATE TABLE orders(id)"); err != nil {
		t.Fatal(err)
	}
	refused(t, path, ErrForeign)
}

func TestNewerVersionIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, Config{Path: path})
	if _, err := s.db.Exec("PRAGMA user_version = 5; PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		t.Fatal(err)
	}
	refused(t, path, ErrNewer)
}

func TestNewerVersionInTheLogIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, Config{Path: path})
	if _, err := s.db.Exec("PRAGMA user_version = 5"); err != nil {
		t.Fatal(err)
	}
	refused(t, path, ErrNewer)
}

func TestDamagedFileIsAnError(t *testing.T) {
	for _, at := range []float64{0.01, 0.5} {
		path := filepath.Join(t.TempDir(), "x.db")
		s, err := Open(t.Context(), Config{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		fill(t, s, noon, 50, time.Second, batch(app(), 20, 5, 1))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		from := max(100, int(float64(len(content))*at))
		for i := from; i < len(content)*3/4; i++ {
			content[i] = byte(i * 7)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err = Open(t.Context(), Config{Path: path})
		if err == nil {
			_, err = s.Range(t.Context(), noon, noon.Add(time.Hour))
			err = errors.Join(err, s.Check(t.Context()))
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("damaged from byte %d: error %v, want one that names the file", from, err)
		}
	}
}

func TestReadOnlyDirectoryIsAnError(t *testing.T) {
	if os.Geteuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("rights do not bind this user")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	refused(t, filepath.Join(dir, "x.db"), os.ErrPermission)
}

func TestFileIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	fill(t, open(t, Config{Path: path}), noon, 1, time.Second, nil)
	for _, suffix := range []string{"", "-wal"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600", path+suffix, info.Mode())
		}
	}
}

func TestManyMayCreateOneFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			s, err := Open(t.Context(), Config{Path: path})
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			if err := s.Append(t.Context(), Interval{Start: noon.Add(time.Duration(i) * time.Second)}, batch(app(), 3, 2, 1)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := len(all(t, open(t, Config{Path: path}))); n != 8 {
		t.Errorf("%d intervals, want 8", n)
	}
}

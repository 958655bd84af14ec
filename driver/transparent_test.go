package driver

import (
	"errors"
	"os"
	osexec "os/exec"
	"path/filepath"
	"testing"

	"modernc.org/sqlite"
)

// TestAPageCacheMayBeRegisteredAfterImport runs in a process of its own, since SQLite takes a page
// cache only before its first connection, and database handles made by sql.Open are none yet.
func TestAPageCacheMayBeRegisteredAfterImport(t *testing.T) {
	const child = "SQLITE_PERF_TEST_PAGE_CACHE"
	if path := os.Getenv(child); path != "" {
		db := Open(path, Config{StatementCache: 2})
		defer db.Close()
		if err := sqlite.RegisterPageCache(nothingCached{}); err != nil {
			t.Fatal(err)
		}
		return
	}
	cmd := osexec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), child+"="+filepath.Join(t.TempDir(), "app.db"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// nothingCached is a page cache that has no room.
type nothingCached struct{}

func (nothingCached) Create(int, int, bool) (sqlite.Cache, error) { return nil, errors.New("no room") }

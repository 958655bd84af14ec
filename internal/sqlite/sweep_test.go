package sqlite

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestSweep: a killed process leaves its copies behind without a lock; those in use stay.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	shadow := func(name string, lock bool) string {
		path := filepath.Join(dir, shadowPrefix+name)
		must(t, os.Mkdir(path, 0o700))
		must(t, os.WriteFile(filepath.Join(path, "before.db"), []byte("copy"), 0o600))
		if lock {
			must(t, os.WriteFile(filepath.Join(path, lockName), nil, 0o600))
		}
		return path
	}
	left, used, fresh, old := shadow("left", true), shadow("used", true), shadow("fresh", false), shadow("old", false)
	lock, err := lockFile(filepath.Join(used, lockName))
	must(t, err)
	defer lock.Close()
	long := time.Now().Add(-2 * unlockedFor)
	must(t, os.Chtimes(old, long, long))
	sweep(dir)
	for path, want := range map[string]bool{left: false, used: true, fresh: true, old: false} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: there %v, want %v", filepath.Base(path), err == nil, want)
		}
	}
}

package sqlite

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestLocksStay: looking at a database that this process has open must not drop the locks of its
// connections, which closing any other descriptor of the file would.
func TestLocksStay(t *testing.T) {
	path := create(t, rows, "PRAGMA journal_mode = wal")
	app := bare(t, path)
	run(t, app, "INSERT INTO t(k) VALUES (1)")
	before := locks(t, path)
	if before == 0 {
		t.Fatal("the application's connection holds no lock: the test looks in the wrong place")
	}
	db, err := Open(t.Context(), Config{Path: path, Live: true})
	must(t, err)
	_, err = db.Schema(t.Context())
	must(t, err)
	must(t, db.Close())
	if after := locks(t, path); after != before {
		t.Errorf("%d locks before, %d after", before, after)
	}
}

// locks counts the POSIX locks on a file that this process holds.
func locks(t *testing.T, path string) (n int) {
	info, err := os.Stat(path)
	must(t, err)
	inode := info.Sys().(*syscall.Stat_t).Ino
	text, err := os.ReadFile("/proc/locks")
	must(t, err)
	for _, line := range strings.Split(string(text), "\n") {
		if strings.Contains(line, fmt.Sprintf(":%d ", inode)) && strings.Contains(line, "POSIX") {
			n++
		}
	}
	return n
}

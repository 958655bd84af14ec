package history

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestLocksStay: a second store on the same file must not drop the locks of the first.
func TestLocksStay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "advisor.db")
	first, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	before := locks(t, path)
	if before == 0 {
		t.Fatal("the first store holds no lock: the test looks in the wrong place")
	}
	second, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	if after := locks(t, path); after != before {
		t.Errorf("%d locks before, %d after", before, after)
	}
}

// locks counts the POSIX locks on a file that this process holds.
func locks(t *testing.T, path string) (n int) {
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("/proc/locks")
	if err != nil {
		t.Fatal(err)
	}
	inode := fmt.Sprintf(":%d ", info.Sys().(*syscall.Stat_t).Ino)
	for _, line := range strings.Split(string(text), "\n") {
		if strings.Contains(line, inode) && strings.Contains(line, "POSIX") {
			n++
		}
	}
	return n
}

//go:build unix

package sqlite

import "golang.org/x/sys/unix"

// freeBytes is what an ordinary user may still write to the disk that holds dir.
func freeBytes(dir string) (bytes int64, ok bool) {
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) != nil {
		return 0, false
	}
	return int64(s.Bavail) * int64(s.Bsize), true
}

// device tells disks apart.
func device(path string) (id uint64, ok bool) {
	var s unix.Stat_t
	if unix.Stat(path, &s) != nil {
		return 0, false
	}
	return uint64(s.Dev), true // another type on some systems
}

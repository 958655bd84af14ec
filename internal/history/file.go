package history

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"sync"
)

const (
	applicationID = 0x73717066 // "sqpf", at offset 68 of the file
	schemaVersion = 4          // user_version, at offset 60
)

// inspect reads the header of the file at path without SQLite, which might change it. fresh says
// that there is nothing in it yet. https://sqlite.org/fileformat2.html#the_database_header
func inspect(path string) (fresh bool, err error) {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) || err == nil && info.Size() == 0 && info.Mode().IsRegular() {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	if !info.Mode().IsRegular() {
		return false, fmt.Errorf("%w: it is a %s", ErrForeign, kindOf(info))
	}
	header := make([]byte, 100)
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	if _, err := io.ReadFull(f, header); err != nil {
		return false, ErrForeign
	}
	return judge(header, path)
}

// claimed counts the stores of this process by path.
var claimed struct {
	sync.Mutex
	stores map[string]int
}

// claim looks at the file, or makes it, unless another store of this process has it open: closing any
// other descriptor of it would then drop that store's locks, as POSIX has it.
// https://sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_
func claim(path string) (release func(), err error) {
	key := real(path)
	claimed.Lock()
	defer claimed.Unlock()
	if claimed.stores[key] == 0 {
		fresh, err := inspect(path)
		if err == nil && fresh {
			err = touch(path)
		}
		if err != nil {
			return nil, err
		}
		key = real(path) // now that it exists
	}
	if claimed.stores == nil {
		claimed.stores = map[string]int{}
	}
	claimed.stores[key]++
	return sync.OnceFunc(func() {
		claimed.Lock()
		defer claimed.Unlock()
		claimed.stores[key]--
	}), nil
}

// real is the absolute path without symbolic links, as far as there is one.
func real(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		return resolved
	}
	return path
}

func kindOf(info os.FileInfo) string {
	if info.IsDir() {
		return "directory"
	}
	return "special file"
}

// judge tells by its header whether a file is ours. One that was never written to is: it may be
// left from a process killed while it created the history. So is one full of zeros with a
// rollback journal, from which SQLite will restore it; prepare looks again then.
func judge(header []byte, path string) (fresh bool, err error) {
	number := func(at int) uint32 { return binary.BigEndian.Uint32(header[at:]) }
	if !bytes.HasPrefix(header, []byte("SQLite format 3\x00")) {
		if bytes.Count(header, []byte{0}) == len(header) && exists(path+"-journal") {
			return true, nil
		}
		return false, ErrForeign
	}
	schemaCookie, version, id := number(40), number(60), number(68)
	switch {
	case id == applicationID:
		return false, readable(int64(version))
	case id == 0 && schemaCookie == 0 && !exists(path+"-wal"):
		return true, nil
	}
	return false, ErrForeign
}

// readable says whether this program knows the version of the schema.
func readable(version int64) error {
	if version > schemaVersion {
		return fmt.Errorf("%w: its schema is %d, this one reads up to %d", ErrNewer, version, schemaVersion)
	}
	return nil
}

func exists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() > 0
}

// touch creates the file if it is missing, for its owner only: SQLite gives the same rights to
// the log, and fingerprints show an application's schema.
func touch(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// dsn names the file to the driver, whatever characters are in its path.
func dsn(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = filepath.ToSlash(abs)
	}
	u := url.URL{Scheme: "file", OmitHost: true, Path: path}
	return u.String() + "?_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=synchronous(NORMAL)"
}

// Package sqlite gives the advisor what it needs of a SQLite database: its schema, plans, plans
// under indexes that do not exist, a consistent shadow copy, and a way to change the original.
//
// Everything runs on private connections of the bare driver, never on the application's, so none
// of it is captured. A DB is safe for concurrent use.
package sqlite

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"strings"
	"unicode"
)

// FileError says why a file cannot be used. Its text is one line that names the file.
type FileError struct {
	Path   string
	Reason string
	Err    error // the cause, if another error was
}

// Error returns the line.
func (e *FileError) Error() string {
	if strings.ContainsFunc(e.Path, unicode.IsControl) {
		return fmt.Sprintf("%q: %s", e.Path, e.Reason)
	}
	return e.Path + ": " + e.Reason
}

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

// header is what the first 100 bytes of a database file say.
// https://sqlite.org/fileformat2.html#the_database_header
type header struct {
	wal      bool
	pageSize int64
	pages    int64 // 0 if the header does not tell
}

const headerSize = 100

var magic = []byte("SQLite format 3\x00")

// check reads the file's header and the names beside it without opening it as a database, and
// explains what is wrong with files that SQLite would refuse in fewer words, or change on opening.
func check(path string) (header, error) {
	refuse := func(reason string, err error) (header, error) {
		return header{}, &FileError{Path: path, Reason: reason, Err: err}
	}
	info, err := checkInfo(path)
	if err != nil {
		return header{}, err
	}
	first, err := readHeader(path)
	if err != nil {
		return refuse(cause(err), err)
	}
	if !bytes.HasPrefix(first, magic) {
		return refuse(foreign(first), nil)
	}
	if len(first) < headerSize {
		return refuse(fmt.Sprintf("is cut short: %d bytes, less than a database header", len(first)), nil)
	}
	h := parseHeader(first)
	if need := h.pages * h.pageSize; need > info.Size() && size(path+"-wal")+size(path+"-journal") == 0 {
		return refuse(fmt.Sprintf("is corrupt: its header promises %d bytes and it has %d", need, info.Size()), nil)
	}
	return h, checkBeside(path)
}

// checkInfo is the part of check that does not open the file.
func checkInfo(path string) (fs.FileInfo, error) {
	refuse := func(reason string, err error) (fs.FileInfo, error) {
		return nil, &FileError{Path: path, Reason: reason, Err: err}
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return refuse("no such file", err)
	case err != nil:
		return refuse(cause(err), err)
	case info.IsDir():
		return refuse("is a directory, not a database file", nil)
	case !info.Mode().IsRegular():
		return refuse("is not a regular file", nil)
	case info.Size() == 0:
		return refuse("is empty: it holds no database yet", nil)
	}
	return info, nil
}

// cause is what an operation on the file failed with, without the path, which the error names already.
func cause(err error) string {
	var failed *fs.PathError
	if errors.As(err, &failed) {
		return failed.Err.Error()
	}
	return err.Error()
}

func readHeader(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	first := make([]byte, 4096)
	n, err := io.ReadFull(f, first)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	return first[:n], nil
}

func parseHeader(b []byte) header {
	h := header{wal: b[18] == 2 || b[19] == 2, pageSize: int64(binary.BigEndian.Uint16(b[16:]))}
	if h.pageSize == 1 {
		h.pageSize = 65536
	}
	// The size in the header counts only if the change counter agrees with version-valid-for.
	if binary.BigEndian.Uint32(b[24:]) == binary.BigEndian.Uint32(b[92:]) {
		h.pages = int64(binary.BigEndian.Uint32(b[28:]))
	}
	return h
}

// foreign says what a file without SQLite's magic seems to be.
func foreign(first []byte) string {
	// Random bytes have 7.95 bits of entropy per byte over 4 KiB, text and code below 6.5.
	if len(first) >= 1024 && entropy(first) > 7.5 {
		return "is not a readable SQLite database: its bytes look random, it is encrypted or compressed"
	}
	return `is not a SQLite database: it does not begin with "SQLite format 3"`
}

func entropy(b []byte) float64 {
	var counts [256]int
	for _, c := range b {
		counts[c]++
	}
	var bits float64
	for _, n := range counts {
		if n > 0 {
			p := float64(n) / float64(len(b))
			bits -= p * math.Log2(p)
		}
	}
	return bits
}

// checkBeside refuses a database whose journal must first be recovered by a writer.
func checkBeside(path string) error {
	if size(path+"-wal") > 0 && size(path+"-shm") == 0 {
		return &FileError{Path: path, Reason: fmt.Sprintf(
			"has a write-ahead log of %d bytes without its shared-memory file: a copy of a running database, or a crash; open it once with its application to recover it",
			size(path+"-wal"))}
	}
	return nil
}

// size is the size of a file, 0 if there is none.
func size(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// writable says whether the file's permissions let its owner write: a file that someone marked
// read-only is not changed, even by root.
func writable(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return &FileError{Path: path, Reason: cause(err), Err: err}
	}
	if info.Mode().Perm()&0o222 == 0 {
		return &FileError{Path: path, Reason: "is read-only: its permissions allow nobody to write"}
	}
	return nil
}

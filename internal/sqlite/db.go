package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"time"

	"modernc.org/sqlite"
)

// DB is one database file, read through private connections.
type DB struct {
	path string
	read *sql.DB
	busy time.Duration

	times     url.Values // parameters of the data source name
	immutable bool       // opened so, which makes SQLite say that the journal mode is not WAL
}

// Config configures a DB.
type Config struct {
	Path string // of the main database file

	// BusyTimeout is how long to wait for a lock, in whole milliseconds. Default 5s.
	// https://sqlite.org/pragma.html#pragma_busy_timeout
	BusyTimeout time.Duration

	// Live says that this process may have the database open. Then the file is touched through SQLite
	// only: closing any other descriptor of it would drop the locks that the application's
	// connections hold (https://sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_).
	// Nor is it read as immutable, which would miss changes.
	Live bool

	// DSN is the application's data source name. Its parameters for times are taken over, so that
	// values are bound as the application binds them.
	DSN string
}

// Open opens the file for reading. It changes nothing: a database in WAL mode that no process has
// open is read as immutable, since opening it otherwise would create files beside it.
// Errors about the file itself are *FileError.
func Open(ctx context.Context, c Config) (*DB, error) {
	if c.BusyTimeout == 0 {
		c.BusyTimeout = 5 * time.Second
	}
	query, err := c.readOnly()
	if err != nil {
		return nil, err
	}
	db := &DB{path: c.Path, busy: c.BusyTimeout, immutable: query.Has("immutable"), times: timeParameters(c.DSN)}
	maps.Copy(query, db.times)
	db.read, err = open(c.Path, query, c.BusyTimeout)
	if err != nil {
		return nil, err
	}
	db.read.SetMaxIdleConns(idleReaders)
	var n int64
	if err := db.read.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&n); err != nil {
		db.read.Close()
		return nil, fileError(c.Path, err, c.BusyTimeout)
	}
	return db, nil
}

// readOnly looks at the file, if that does no harm, and says with which parameters to read it.
func (c Config) readOnly() (url.Values, error) {
	query := url.Values{"mode": {"ro"}}
	if c.Live {
		_, err := checkInfo(c.Path)
		return query, err
	}
	h, err := check(c.Path)
	if err == nil && h.wal && size(c.Path+"-shm") == 0 {
		query.Set("immutable", "1")
	}
	return query, err
}

// timeParameters are the parameters of a data source name that say how times are stored.
func timeParameters(dsn string) url.Values {
	_, text, _ := strings.Cut(dsn, "?")
	all, err := url.ParseQuery(text)
	if err != nil {
		return nil
	}
	kept := url.Values{}
	for _, name := range []string{"_time_format", "_time_integer_format", "_inttotime", "_texttotime", "_timezone", "_loc"} {
		if all.Has(name) {
			kept[name] = all[name]
		}
	}
	return kept
}

// idleReaders is how many connections stay open between statements.
const idleReaders = 2

// Path is the file's path.
func (db *DB) Path() string { return db.path }

// Close closes the private connections.
func (db *DB) Close() error { return db.read.Close() }

// Check reads every page and index entry and fails if they contradict each other.
// https://sqlite.org/pragma.html#pragma_quick_check
func (db *DB) Check(ctx context.Context) error {
	var verdict string
	if err := db.read.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return fileError(db.path, err, db.busy)
	}
	if verdict != "ok" {
		line := strings.Join(strings.Fields(verdict), " ")
		return &FileError{Path: db.path, Reason: "is corrupt: " + line}
	}
	return nil
}

// open opens path with the bare driver. The busy timeout comes first in modernc's own order.
func open(path string, query url.Values, busy time.Duration) (*sql.DB, error) {
	query.Set("_busy_timeout", strconv.FormatInt(busy.Milliseconds(), 10))
	uri := "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + query.Encode()
	connector, err := sqlite.NewConnector(uri)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return sql.OpenDB(connector), nil
}

// Primary result codes. https://sqlite.org/rescode.html
const (
	codeError    = 1
	codeBusy     = 5
	codeReadOnly = 8
	codeCorrupt  = 11
	codeCantOpen = 14
	codeNotADB   = 26

	codeConstraint = 19

	codeHotJournal = 776 // SQLITE_READONLY_ROLLBACK
)

// fileError explains SQLite's error about a file, or returns err as it is if it is not about one.
func fileError(path string, err error, busy time.Duration) error {
	if err == nil {
		return nil
	}
	var failure *sqlite.Error
	if !errors.As(err, &failure) {
		return err
	}
	reasons := map[int]string{
		codeBusy:     fmt.Sprintf("is locked by another process (waited %v)", busy),
		codeReadOnly: "is read-only",
		codeCorrupt:  "is corrupt: " + oneLine(err),
		codeCantOpen: "cannot be opened: " + oneLine(err),
		codeNotADB:   "is not a SQLite database: " + oneLine(err),
	}
	reason, known := reasons[failure.Code()&0xff]
	if failure.Code() == codeHotJournal {
		reason = "has the rollback journal of an interrupted transaction; open it once with its application to recover it"
	}
	if !known {
		return err
	}
	return &FileError{Path: path, Reason: reason, Err: err}
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// quote writes name as a quoted identifier.
func quote(name string) string {
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

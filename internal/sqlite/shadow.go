package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/plan"
	"github.com/sqliteperf/sqliteperf/internal/schema"
	"modernc.org/sqlite"
)

// ErrTooLarge reports a database that is larger than a shadow may be, or than the disk has room for.
var ErrTooLarge = errors.New("database too large for a shadow copy")

// Shadow is a consistent copy of a database, twice: as it was, and with a change. Changes and
// replays happen there only. It is not safe for concurrent use.
type Shadow struct {
	Before, After *Replayer
	Bytes         int64 // of one copy

	dir   string
	times url.Values
	lock  *os.File // held while the copies are in use: see sweep
}

// The copies are three at most: before, after and a Lab, each of whose indexes may take as much again. headroom
// is what must stay free beside them for journals.
const (
	copies   = 5
	headroom = 256 << 20
)

// Shadow copies the database into a new directory under dir, "" meaning the system's directory for
// temporary files. VACUUM INTO reads one snapshot and holds up no writer in WAL mode.
// https://sqlite.org/lang_vacuum.html#vacuuminto
// The error wraps ErrTooLarge if the database is larger than maxBytes or does not fit twice.
func (db *DB) Shadow(ctx context.Context, dir string, maxBytes int64) (_ *Shadow, err error) {
	bytes := size(db.path) + size(db.path+"-wal")
	if bytes > maxBytes {
		return nil, fmt.Errorf("%w: %d bytes, limit %d", ErrTooLarge, bytes, maxBytes)
	}
	dir = cmp.Or(dir, os.TempDir())
	sweep(dir)
	s := &Shadow{times: db.times}
	if s.dir, err = os.MkdirTemp(dir, shadowPrefix); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.lock, err = lockFile(filepath.Join(s.dir, lockName)); err != nil {
		return nil, err
	}
	if err := room(freeBytes, s.dir, copies*bytes+headroom); err != nil {
		return nil, err
	}
	before, after := filepath.Join(s.dir, "before.db"), filepath.Join(s.dir, "after.db")
	if err := db.copyTo(ctx, before); err != nil {
		return nil, fileError(db.path, fmt.Errorf("copy %s: %w", db.path, err), db.busy)
	}
	s.Bytes = size(before)
	if err := copyFile(ctx, after, before); err != nil {
		return nil, err
	}
	if s.Before, err = openReplayer(ctx, before, db.times); err != nil {
		return nil, err
	}
	s.After, err = openReplayer(ctx, after, db.times)
	return s, err
}

// room fails if less than need is free in dir, as far as that is known.
func room(free func(dir string) (bytes int64, ok bool), dir string, need int64) error {
	if bytes, ok := free(dir); ok && bytes < need {
		return fmt.Errorf("%w: %d bytes free in %s, needs %d", ErrTooLarge, bytes, filepath.Dir(dir), need)
	}
	return nil
}

// copyTo writes a consistent copy. VACUUM needs the collations and functions of the application's indexes;
// where they are unknown here, SQLite's backup copies the pages in one step: step by step it would start
// again at each write of the application, and never end. https://sqlite.org/backup.html
func (db *DB) copyTo(ctx context.Context, path string) error {
	_, err := db.read.ExecContext(ctx, "VACUUM INTO ?", path)
	var failure *sqlite.Error
	if err == nil || ctx.Err() != nil || !errors.As(err, &failure) || failure.Code()&0xff != codeError {
		return err
	}
	os.Remove(path)
	conn, connErr := db.read.Conn(ctx)
	if connErr != nil {
		return connErr
	}
	defer conn.Close()
	return conn.Raw(func(inner any) error {
		source, ok := inner.(interface {
			NewBackup(dst string) (*sqlite.Backup, error)
		})
		if !ok {
			return err
		}
		backup, err := source.NewBackup(path)
		if err != nil {
			return err
		}
		_, err = backup.Step(-1)
		return errors.Join(err, backup.Finish())
	})
}

// Lab makes another copy, for building indexes and trying sets of them.
func (s *Shadow) Lab(ctx context.Context) (*Lab, error) {
	file := filepath.Join(s.dir, "lab.db")
	if err := copyFile(ctx, file, s.Before.path); err != nil {
		return nil, errors.Join(err, os.Remove(file))
	}
	return openLab(ctx, file, s.times)
}

// Sample makes a Lab with a part of the copy's rows. It is a file: in memory, all that is ever built over it
// took 400 MB for a thousand statements on 100 MB.
func (s *Shadow) Sample(ctx context.Context, of *schema.Schema) (*Sample, error) {
	return sample(ctx, filepath.Join(s.dir, "sample.db"), "file:"+(&url.URL{Path: s.Before.path}).EscapedPath()+"?mode=ro", of, s.times)
}

// copyFile copies a database that nobody else has open.
func copyFile(ctx context.Context, to, from string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	for err == nil {
		if err = ctx.Err(); err == nil {
			_, err = io.CopyN(out, in, 8<<20)
		}
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// Close deletes the copies.
func (s *Shadow) Close() error {
	var errs []error
	for _, r := range []*Replayer{s.Before, s.After} {
		if r != nil {
			errs = append(errs, r.close())
		}
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(s.dir))...)
}

// Names of what a shadow is made of.
const (
	shadowPrefix = "sqliteperf-shadow-"
	lockName     = "in-use"
)

// unlockedFor is the age from which a directory without a lock file was left behind: between making
// the one and the other lie microseconds.
const unlockedFor = 10 * time.Minute

// sweep removes copies whose process was killed: nobody holds their lock.
func sweep(dir string) {
	old, _ := filepath.Glob(filepath.Join(dir, shadowPrefix+"*"))
	for _, name := range old {
		if !exists(filepath.Join(name, lockName)) && young(name) {
			continue
		}
		if lock, err := lockFile(filepath.Join(name, lockName)); err == nil {
			lock.Close()
			os.RemoveAll(name)
		}
	}
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// young says whether a directory was changed within unlockedFor.
func young(name string) bool {
	info, err := os.Stat(name)
	return err == nil && time.Since(info.ModTime()) < unlockedFor
}

// Replayer runs statements on one copy through one connection.
type Replayer struct {
	db   *sql.DB
	conn *sql.Conn
	path string
}

// openReplayer opens a copy in WAL mode without syncing: what a replay measures is the work of the
// statement, and a copy need not survive a power failure.
func openReplayer(ctx context.Context, path string, times url.Values) (*Replayer, error) {
	query := url.Values{"mode": {"rw"}, "_journal_mode": {"WAL"}, "_synchronous": {"OFF"}}
	maps.Copy(query, times)
	db, err := open(path, query, time.Second)
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	r := &Replayer{db: db, conn: conn, path: path}
	if err := denyFunctions(ctx, conn); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

func (r *Replayer) close() error { return errors.Join(r.conn.Close(), r.db.Close()) }

// Explain returns the plan of a statement on the copy.
func (r *Replayer) Explain(ctx context.Context, query string, args []any) (plan.Plan, error) {
	return explain(ctx, r.conn, query, args)
}

// Change runs statements that are not in a transaction of their own, and says how long they took.
func (r *Replayer) Change(ctx context.Context, statements []string) (time.Duration, error) {
	start := time.Now()
	err := change(ctx, r.conn, statements)
	return time.Since(start), err
}

// IndexBytes is how many bytes the pages of an index take. https://sqlite.org/dbstat.html
func (r *Replayer) IndexBytes(ctx context.Context, index string) (bytes int64, err error) {
	err = r.conn.QueryRowContext(ctx, "SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE name = ?", index).Scan(&bytes)
	return bytes, err
}

// Set runs a PRAGMA that changes a setting of the copy's connection.
func (r *Replayer) Set(ctx context.Context, pragma string) error {
	_, err := r.conn.ExecContext(ctx, pragma)
	return err
}

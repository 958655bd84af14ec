// Package history keeps the summaries of closed intervals, the recommendations and the audit
// trail in a SQLite file of its own beside the application's database.
//
// The file holds at most Config.MaxBytes and reaches back at most Config.Retention: Prune makes old
// intervals coarser, then forgets the oldest. An interval is appended in one transaction, so that
// after kill -9 each one is there whole or not at all. Statements are stored as fingerprints and
// databases as paths; neither values nor DSNs are written. A Store is safe for concurrent use,
// and several processes may use one file.
package history

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// ErrForeign reports a file that is something else than a history. It was not changed.
var ErrForeign = errors.New("the file is not a sqlite-perf history")

// ErrNewer reports a history written by a later version of this program. It was not changed.
var ErrNewer = errors.New("the history was written by a newer version")

// Config configures a Store. The zero value works.
type Config struct {
	Path      string        // SQLite file; default "advisor.db"
	MaxBytes  int64         // size Prune shrinks the file to; default 64 MiB, an empty one has 64 KiB
	Retention time.Duration // age at which Prune forgets intervals; default 90 days
}

func (c Config) withDefaults() Config {
	c.Path = cmp.Or(c.Path, "advisor.db")
	c.MaxBytes = cmp.Or(c.MaxBytes, 64<<20)
	c.Retention = cmp.Or(c.Retention, 90*24*time.Hour)
	return c
}

// Interval is a span of time and how many events were recorded in it.
type Interval struct {
	Start  time.Time // stored in whole milliseconds
	End    time.Time
	Counts capture.Counts // since the interval before; Pending is not stored
}

// Store is an open history file.
type Store struct {
	config  Config
	db      *sql.DB
	release func() // of the claim, once

	write sync.Mutex // one writer at a time: waiting here is cheaper than in busy_timeout

	mu      sync.Mutex
	sources map[string]*capture.Source // by stored path
}

// Open opens the history at c.Path, or creates it, readable by its owner only. It fails with
// ErrForeign or ErrNewer if the file is not one this version can use.
func Open(ctx context.Context, c Config) (*Store, error) {
	c = c.withDefaults()
	s := &Store{config: c, sources: map[string]*capture.Source{}}
	release, err := claim(c.Path)
	if err != nil {
		return nil, s.fail("open", err)
	}
	s.release = release
	if s.db, err = sql.Open("sqlite", dsn(c.Path)); err != nil {
		s.release()
		return nil, s.fail("open", err)
	}
	if err := s.prepare(ctx); err != nil {
		err = errors.Join(err, s.db.Close())
		s.release()
		return nil, s.fail("open", err)
	}
	return s, nil
}

// Close closes the file. Close waits for calls that are running; later ones fail.
func (s *Store) Close() error {
	s.write.Lock()
	defer s.write.Unlock()
	err := s.db.Close()
	s.release()
	if err != nil {
		return s.fail("close", err)
	}
	return nil
}

// Bytes is the size of the file and of its write-ahead log.
func (s *Store) Bytes() (int64, error) {
	main, err := os.Stat(s.config.Path)
	if err != nil {
		return 0, s.fail("measure", err)
	}
	bytes := main.Size()
	wal, err := os.Stat(s.config.Path + "-wal")
	if err == nil {
		bytes += wal.Size()
	} else if !errors.Is(err, os.ErrNotExist) {
		return 0, s.fail("measure", err)
	}
	return bytes, nil
}

// update runs f in a transaction that holds the write lock from its beginning, and commits it
// if f succeeds.
func (s *Store) update(ctx context.Context, doing string, f func(context.Context, *sql.Tx) error) error {
	s.write.Lock()
	defer s.write.Unlock()
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return s.fail(doing, err)
	}
	// The transaction ends with ctx anyway. Watching it for each statement costs the driver 2-5 µs.
	if err := f(context.WithoutCancel(ctx), tx); err != nil {
		tx.Rollback() // after a full disk SQLite has rolled back already
		return s.fail(doing, err)
	}
	if err := tx.Commit(); err != nil {
		return s.fail(doing, err)
	}
	return nil
}

// fail says what was done to which file when err came.
func (s *Store) fail(doing string, err error) error {
	return fmt.Errorf("history %s: %s: %w", s.config.Path, doing, err)
}

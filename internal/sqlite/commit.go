package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// Durability is what decides how long a commit takes.
type Durability struct {
	Journal     string // journal_mode
	Synchronous string
}

// committer is a trial.Runner that commits rows of 100 bytes to a database of its own beside the
// copies: what a commit costs over its statement does not depend on the database.
type committer struct {
	path     string
	settings Durability
}

// commitsPerRun is how many commits one run takes the mean of: one alone meets a checkpoint or does not.
const commitsPerRun = 8

// Committer returns a runner of commits on the disk of the copies. Its outcomes are of one commit, and
// both times are wall times, for a commit waits rather than works.
func (s *Shadow) Committer(ctx context.Context, name string, d Durability) (trial.Runner, error) {
	c := &committer{path: filepath.Join(s.dir, "commit-"+name+".db"), settings: d}
	return c, c.with(ctx, func(conn *sql.Conn) error {
		_, err := conn.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, x BLOB)")
		return err
	})
}

// with opens the database for f. It is closed in between, as otherwise two committers would fill the
// pools of connections of each other's runs.
func (c *committer) with(ctx context.Context, f func(*sql.Conn) error) (err error) {
	db, err := open(c.path, url.Values{"_journal_mode": {c.settings.Journal}, "_synchronous": {c.settings.Synchronous}}, time.Second)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return f(conn)
}

func (c *committer) Run(ctx context.Context, _ trial.Call) (out trial.Outcome, err error) {
	err = c.with(ctx, func(conn *sql.Conn) error {
		start := time.Now()
		for range commitsPerRun {
			if _, err := conn.ExecContext(ctx, "INSERT INTO t(x) VALUES(zeroblob(100))"); err != nil {
				return fmt.Errorf("commit with journal_mode %s: %w", c.settings.Journal, err)
			}
		}
		out.Wall = time.Since(start) / commitsPerRun
		out.CPU = out.Wall
		return nil
	})
	return out, err
}

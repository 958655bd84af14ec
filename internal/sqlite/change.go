package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"modernc.org/sqlite"
)

// Change runs statements on the original, all or none of them where SQLite allows: a PRAGMA or VACUUM
// cannot be part of a transaction and must stand alone. It waits for other writers up to the busy timeout and
// the end of ctx; guard, if not nil, looks at the schema under the write lock and may refuse. VACUUM
// changes no schema and takes the lock itself, so it is not asked about that.
//
// Idle connections for reading are closed first: they would keep the last writer from removing the
// write-ahead log, and the journal mode from being changed.
func (db *DB) Change(ctx context.Context, statements []string, guard func(context.Context, *sql.Tx) error) error {
	if err := writable(db.path); err != nil {
		return err
	}
	db.read.SetMaxIdleConns(0)
	defer db.read.SetMaxIdleConns(idleReaders)
	rw, err := open(db.path, url.Values{"mode": {"rw"}, "_txlock": {"immediate"}}, min(db.busy, patience))
	if err != nil {
		return err
	}
	defer rw.Close()
	if len(statements) == 1 && isPragma(statements[0]) {
		return fileError(db.path, db.retry(ctx, func() error { return runPragma(ctx, rw, statements[0]) }), db.busy)
	}
	if len(statements) == 1 && isVacuum(statements[0]) {
		return fileError(db.path, db.retry(ctx, func() error {
			_, err := rw.ExecContext(ctx, statements[0])
			return err
		}), db.busy)
	}
	tx, err := db.begin(ctx, rw)
	if err != nil {
		return fileError(db.path, err, db.busy)
	}
	defer tx.Rollback()
	if guard != nil {
		if err := guard(ctx, tx); err != nil {
			return err
		}
	}
	for _, text := range statements {
		if isPragma(text) || isVacuum(text) {
			return fmt.Errorf("%s: cannot be combined with other statements", text)
		}
		if _, err := tx.ExecContext(ctx, text); err != nil {
			return fileError(db.path, fmt.Errorf("%s: %w", text, err), db.busy)
		}
	}
	return fileError(db.path, tx.Commit(), db.busy)
}

// patience is how long SQLite waits for a lock before it looks whether it should go on: its busy handler
// does not notice that a context has ended. https://sqlite.org/c3ref/busy_timeout.html
const patience = 200 * time.Millisecond

// begin takes the write lock.
func (db *DB) begin(ctx context.Context, rw *sql.DB) (tx *sql.Tx, err error) {
	err = db.retry(ctx, func() error {
		tx, err = rw.BeginTx(ctx, nil)
		return err
	})
	return tx, err
}

// retry calls f until it meets no other lock, up to the busy timeout and the end of ctx.
func (db *DB) retry(ctx context.Context, f func() error) error {
	start := time.Now()
	for {
		err := f()
		var failure *sqlite.Error
		if !errors.As(err, &failure) || failure.Code()&0xff != codeBusy || time.Since(start) >= db.busy {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// change runs statements on conn in one transaction.
func change(ctx context.Context, conn *sql.Conn, statements []string) error {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for _, text := range statements {
		if _, err := tx.ExecContext(ctx, text); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", text, err), tx.Rollback())
		}
	}
	return tx.Commit()
}

func isPragma(text string) bool { return begins(text, "PRAGMA") }

func isVacuum(text string) bool { return begins(text, "VACUUM") }

// begins says whether word is the first of a statement.
func begins(text, word string) bool {
	fields := strings.Fields(strings.TrimRight(text, "; \n\t"))
	return len(fields) > 0 && strings.EqualFold(fields[0], word)
}

// runPragma sets a pragma and checks that it took: SQLite answers with the value in force, and
// journal_mode keeps the old one when it cannot change. https://sqlite.org/pragma.html#pragma_journal_mode
func runPragma(ctx context.Context, db *sql.DB, text string) error {
	var got sql.NullString
	err := db.QueryRowContext(ctx, text).Scan(&got)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	_, want, assigned := strings.Cut(strings.TrimRight(text, "; "), "=")
	if assigned && !strings.EqualFold(strings.TrimSpace(want), got.String) {
		return fmt.Errorf("%s: the database answered %q", text, got.String)
	}
	return nil
}

package history

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"

	"modernc.org/sqlite" // registers "sqlite", the driver without capture
	sqlite3 "modernc.org/sqlite/lib"
)

//go:embed schema.sql
var schema string

// prepare creates the tables if there are none and reads a little of each, so that a damaged
// file fails now. The write-ahead log comes last: until then the header on disk is the truth.
func (s *Store) prepare(ctx context.Context) error {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "PRAGMA auto_vacuum = INCREMENTAL"); err != nil {
		return err
	}
	if err := create(ctx, conn); err != nil {
		return err
	}
	if err := upgrade(ctx, conn); err != nil {
		return err
	}
	if err := logAhead(ctx, conn); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, probe)
	return err
}

const probe = `
	SELECT max(id), sum(recorded) FROM interval;
	SELECT max(interval), max(statement) FROM (SELECT interval, statement FROM summary LIMIT 1000);
	SELECT count(length(text)) FROM statement JOIN source ON source.id = statement.source;
	SELECT count(length(body)) FROM recommendation;
	SELECT max(at_ms) FROM size;
	SELECT max(seq) FROM audit;`

// logAhead turns on the write-ahead log, which lasts. Of several processes that do so at once, all
// but one are told that the database is locked, without the wait of busy_timeout, which comes with
// the next attempt.
func logAhead(ctx context.Context, conn *sql.Conn) error {
	var mode string
	var err error
	for range 100 {
		var busy *sqlite.Error
		err = conn.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode)
		if !errors.As(err, &busy) || busy.Code()&0xff != sqlite3.SQLITE_BUSY {
			break
		}
	}
	if err == nil && mode != "wal" {
		return fmt.Errorf("write-ahead log refused, journal_mode is %s", mode)
	}
	return err
}

// create makes an empty file a history. Of two processes that try, one finds it done. What is a
// history already is only read, so that Open need not wait for its writers.
func create(ctx context.Context, conn *sql.Conn) error {
	if empty, err := look(ctx, conn); err != nil || !empty {
		return err
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if empty, err := look(ctx, tx); err != nil || !empty {
		return err
	}
	mark := fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, schemaVersion)
	if _, err := tx.ExecContext(ctx, schema+sizeTable+mark); err != nil {
		return err
	}
	return tx.Commit()
}

// upgrade makes a history of an older version one of this: it gets the table and the column it lacks and
// the mark, for what is appended from now on the older could not read. What is there already is read as it
// is. Of two processes that try, one finds it done.
func upgrade(ctx context.Context, conn *sql.Conn) error {
	var version int64
	if err := conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil || version == schemaVersion {
		return err
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var columns int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM pragma_table_info('audit') WHERE name = 'data'").Scan(&columns); err != nil {
		return err
	}
	text := fmt.Sprintf("%s PRAGMA user_version = %d", sizeTable, schemaVersion)
	if columns == 0 {
		text = "ALTER TABLE audit ADD COLUMN data TEXT NOT NULL DEFAULT ''; " + text
	}
	if _, err := tx.ExecContext(ctx, text); err != nil {
		return err
	}
	return tx.Commit()
}

// querier is a connection or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// look says whether the database is empty, and fails if it is neither that nor a history.
func look(ctx context.Context, q querier) (empty bool, err error) {
	var id, version, tables int64
	err = q.QueryRowContext(ctx, `SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)
		FROM pragma_application_id, pragma_user_version`).Scan(&id, &version, &tables)
	switch {
	case err != nil:
		return false, err
	case id == applicationID:
		return false, readable(version)
	case id != 0 || tables > 0:
		return false, ErrForeign
	}
	return true, nil
}

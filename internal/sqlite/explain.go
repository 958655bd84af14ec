package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/sqliteperf/sqliteperf/internal/plan"
)

// Explain returns the plan of a statement with its parameters bound: with STAT4 the plan depends
// on their values. args must hold a value for every parameter.
func (db *DB) Explain(ctx context.Context, query string, args []any) (plan.Plan, error) {
	return explain(ctx, db.read, query, args)
}

func explain(ctx context.Context, q querier, query string, args []any) (plan.Plan, error) {
	rows, err := q.QueryContext(ctx, "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		return nil, fmt.Errorf("explain: %w", err)
	}
	defer rows.Close()
	var list []plan.Row
	for rows.Next() {
		var r plan.Row
		var unused int
		if err := rows.Scan(&r.ID, &r.Parent, &unused, &r.Detail); err != nil {
			return nil, fmt.Errorf("explain: %w", err)
		}
		list = append(list, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("explain: %w", err)
	}
	return plan.Parse(list), nil
}

// Pragma is one setting as a connection has it.
type Pragma struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// settings are the pragmas that advice is given on or that the pages show. All are read-only as
// asked here. https://sqlite.org/pragma.html
var settings = []string{
	"journal_mode", "synchronous", "busy_timeout", "cache_size", "mmap_size", "temp_store",
	"foreign_keys", "page_size", "page_count", "freelist_count", "auto_vacuum", "wal_autocheckpoint",
	"journal_size_limit", "user_version", "application_id",
}

// Querier runs queries: a *sql.DB, *sql.Conn or *sql.Tx.
type Querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Pragmas reads the settings of one of q's connections.
func Pragmas(ctx context.Context, q Querier) ([]Pragma, error) {
	var list []Pragma
	for _, name := range settings {
		var value sql.NullString
		err := q.QueryRowContext(ctx, "PRAGMA "+name).Scan(&value)
		if err != nil && !errors.Is(err, sql.ErrNoRows) { // a database in memory has no mmap_size
			return nil, fmt.Errorf("pragma %s: %w", name, err)
		}
		list = append(list, Pragma{Name: name, Value: value.String})
	}
	return list, nil
}

// Pragmas reads the settings that the file determines, through a private connection.
func (db *DB) Pragmas(ctx context.Context) ([]Pragma, error) {
	list, err := Pragmas(ctx, db.read)
	if err != nil {
		return nil, fileError(db.path, err, db.busy)
	}
	for i := range list {
		if list[i].Name == "journal_mode" && db.immutable {
			list[i].Value = "wal" // only such a database is opened as immutable
		}
	}
	return list, nil
}

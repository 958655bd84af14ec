package advisor

import (
	"context"
	"database/sql"
	"path/filepath"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/plan"
	"github.com/sqliteperf/sqliteperf/internal/schema"
	"github.com/sqliteperf/sqliteperf/internal/sqlite"
	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// database is what the advisor needs of an engine. Its methods use private connections.
type database interface {
	Path() string
	Schema(ctx context.Context) (*schema.Schema, error)
	Explain(ctx context.Context, query string, args []any) (plan.Plan, error)
	Values(ctx context.Context, table string, columns []string, n int) ([][]any, error)
	WhatIf(ctx context.Context) (planner, error)
	Shadow(ctx context.Context, dir string, maxBytes int64) (shadow, error)
	Change(ctx context.Context, statements []string, guard func(context.Context, *sql.Tx) error) error
	Mark(ctx context.Context) (string, error)
	Close() error
}

// planner plans statements under indexes that do not exist.
type planner interface {
	Explain(ctx context.Context, changes []string, query string, args []any) (plan.Plan, error)
	Close() error
}

// shadow is a database copied twice, as it was and to be changed.
type shadow interface {
	Before() replayer
	After() replayer
	Bytes() int64
	Close() error
}

// replayer runs, explains and changes on one copy.
type replayer interface {
	trial.Runner
	Explain(ctx context.Context, query string, args []any) (plan.Plan, error)
	Change(ctx context.Context, statements []string) (time.Duration, error)
	Set(ctx context.Context, pragma string) error
	IndexBytes(ctx context.Context, index string) (int64, error)
}

// schemaOf opens a database, reads its schema and closes it.
func schemaOf(ctx context.Context, open func(context.Context) (database, error)) (*schema.Schema, error) {
	db, err := open(ctx)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	return db.Schema(ctx)
}

// sqliteDatabase, sqliteShadow: the structs of internal/sqlite as the interfaces above.
type (
	sqliteDatabase struct{ *sqlite.DB }
	sqliteShadow   struct{ *sqlite.Shadow }
)

// openDatabase opens a database file that belongs to somebody else, or to this process.
func openDatabase(ctx context.Context, path string) (database, error) {
	real, err := filepath.EvalSymlinks(path)
	return openWith(ctx, sqlite.Config{Path: path, Live: err == nil && capture.Opened(real)})
}

// open opens a watched database.
func (w *watched) open(ctx context.Context) (database, error) {
	return w.openFor(ctx, 0)
}

// openFor opens a watched database to wait up to busy for its locks, 5s if it is 0.
func (w *watched) openFor(ctx context.Context, busy time.Duration) (database, error) {
	return openWith(ctx, sqlite.Config{Path: w.source.Path, Live: true, DSN: w.source.DSN, BusyTimeout: busy})
}

func openWith(ctx context.Context, c sqlite.Config) (database, error) {
	db, err := sqlite.Open(ctx, c)
	if err != nil {
		return nil, err
	}
	return sqliteDatabase{db}, nil
}

func (d sqliteDatabase) WhatIf(ctx context.Context) (planner, error) { return d.DB.WhatIf(ctx) }

func (d sqliteDatabase) Shadow(ctx context.Context, dir string, maxBytes int64) (shadow, error) {
	s, err := d.DB.Shadow(ctx, dir, maxBytes)
	if err != nil {
		return nil, err
	}
	return sqliteShadow{s}, nil
}

func (s sqliteShadow) Before() replayer { return s.Shadow.Before }
func (s sqliteShadow) After() replayer  { return s.Shadow.After }
func (s sqliteShadow) Bytes() int64     { return s.Shadow.Bytes }

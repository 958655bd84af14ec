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
	Sample(ctx context.Context, of *schema.Schema) (sampleLab, error)
	Shadow(ctx context.Context, dir string, maxBytes int64) (shadow, error)
	Change(ctx context.Context, statements []string, guard func(context.Context, *sql.Tx) error) error
	Mark(ctx context.Context) (string, error)
	Close() error
}

// shadow is a database copied twice, as it was and to be changed.
type shadow interface {
	Before() replayer
	After() replayer
	Bytes() int64
	Lab(ctx context.Context) (lab, error)
	Sample(ctx context.Context, of *schema.Schema) (sampleLab, error)
	Close() error
}

// lab is a copy on which indexes are built once, and then hidden and shown.
type lab interface {
	Build(ctx context.Context, name, statement string) (int, error)
	Show(numbers []int)
	WithoutSamples() (restore func())
	Forget() error
	Analyze(ctx context.Context, name string) error
	Plan(c trial.Call) (plan.Program, error)
	Run(ctx context.Context, c trial.Call, runs int, budget, limit time.Duration) (trial.Cost, error)
	Write(ctx context.Context, calls []trial.Call) (cpu time.Duration, done int, err error)
	Uses(p plan.Plan) []int
	Bytes(ctx context.Context) ([]int64, error)
	Size(ctx context.Context, n int) (int64, error)
	Convert(ctx context.Context, args []any) ([]any, error)
	Close() error
}

// sampleLab is a lab with a part of the rows, which plans like the whole once it was scaled.
type sampleLab interface {
	lab
	Columns(ctx context.Context, t *schema.Table) ([]sqlite.ColumnStat, error)
	Distinct(ctx context.Context, t *schema.Table, expressions string, most int) int
	Scale(ctx context.Context) error
	Kept(t *schema.Table) float64
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

func (d sqliteDatabase) Sample(ctx context.Context, of *schema.Schema) (sampleLab, error) {
	return d.DB.Sample(ctx, of)
}

func (d sqliteDatabase) Shadow(ctx context.Context, dir string, maxBytes int64) (shadow, error) {
	s, err := d.DB.Shadow(ctx, dir, maxBytes)
	if err != nil {
		return nil, err
	}
	return sqliteShadow{s}, nil
}

func (s sqliteShadow) Lab(ctx context.Context) (lab, error) { return s.Shadow.Lab(ctx) }

func (s sqliteShadow) Sample(ctx context.Context, of *schema.Schema) (sampleLab, error) {
	return s.Shadow.Sample(ctx, of)
}

func (s sqliteShadow) Before() replayer { return s.Shadow.Before }
func (s sqliteShadow) After() replayer  { return s.Shadow.After }
func (s sqliteShadow) Bytes() int64     { return s.Shadow.Bytes }

package history

import (
	"context"
	"database/sql"
	"errors"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
)

// memoryPath stands for every database in memory, since their DSNs are not stored.
const memoryPath = ":memory:"

// Append adds a closed interval and its summaries in one transaction: once it returns nil, they
// survive the end of the process, however it comes. The summaries are only read. Those of
// different databases in memory count as one.
func (s *Store) Append(ctx context.Context, in Interval, summaries []*digest.Summary) error {
	for _, sum := range summaries {
		if sum.Database != nil {
			s.Bind(sum.Database)
		}
	}
	return s.update(ctx, "append interval", func(ctx context.Context, tx *sql.Tx) error {
		w, err := newWriter(ctx, tx)
		if err != nil {
			return err
		}
		ids := make(map[int64]*digest.Summary, len(summaries))
		for _, sum := range summaries {
			id, err := w.statement(sum)
			if err != nil {
				return err
			}
			if same := ids[id]; same != nil {
				merged := same.Clone()
				digest.Merge(merged, sum)
				sum = merged
			}
			ids[id] = sum
		}
		return w.interval(in, ids)
	})
}

// Bind says that src is the database stored under its path, so that summaries read from now on
// carry it and its ID. Append binds the databases of what it is given.
func (s *Store) Bind(src *capture.Source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := pathOf(src)
	if path != memoryPath || s.sources[path] == nil || s.sources[path].ID >= storedSource {
		s.sources[path] = src
	}
}

// pathOf is what src is stored as.
func pathOf(src *capture.Source) string {
	switch {
	case src == nil:
		return ""
	case src.Path == "":
		return memoryPath
	}
	return src.Path
}

// writer adds an interval within one transaction, which closes its statements.
type writer struct {
	ctx     context.Context
	sources map[string]int64

	findSource, addSource       *sql.Stmt
	findStatement, addStatement *sql.Stmt
	addInterval, addSummary     *sql.Stmt
}

func newWriter(ctx context.Context, tx *sql.Tx) (*writer, error) {
	w := &writer{ctx: ctx, sources: map[string]int64{}}
	for stmt, query := range map[**sql.Stmt]string{
		&w.findSource:    "SELECT id FROM source WHERE path = ?",
		&w.addSource:     "INSERT INTO source(path) VALUES(?)",
		&w.findStatement: "SELECT id FROM statement WHERE source = ? AND kind = ? AND digest = ?",
		&w.addStatement:  "INSERT INTO statement(source, kind, digest, text, summary, read_only) VALUES(?, ?, ?, ?, ?, ?)",
		&w.addInterval:   "INSERT INTO interval(start_ms, end_ms, recorded, drained, dropped) VALUES(?, ?, ?, ?, ?)",
		&w.addSummary:    "INSERT INTO summary(interval, statement, calls, errors, busy, total_ns, detail) VALUES(?, ?, ?, ?, ?, ?, ?)",
	} {
		var err error
		if *stmt, err = tx.PrepareContext(ctx, query); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// source is the row of the database src, which is added if it is new.
func (w *writer) source(src *capture.Source) (id int64, err error) {
	path := pathOf(src)
	if id, ok := w.sources[path]; ok {
		return id, nil
	}
	id, err = w.findOrAdd(w.findSource, []any{path}, w.addSource, []any{path})
	w.sources[path] = id
	return id, err
}

// statement is the row of what sum sums up, which is added if it is new.
func (w *writer) statement(sum *digest.Summary) (id int64, err error) {
	source, err := w.source(sum.Database)
	if err != nil {
		return 0, err
	}
	key := []any{source, int64(sum.Kind), int64(sum.Digest)}
	summary, readOnly := "", false
	if sum.Statement != nil {
		summary, readOnly = sum.Statement.Summary, sum.Statement.ReadOnly
	}
	return w.findOrAdd(w.findStatement, key, w.addStatement, append(key, sum.Name, summary, readOnly))
}

func (w *writer) findOrAdd(find *sql.Stmt, key []any, add *sql.Stmt, row []any) (id int64, err error) {
	err = find.QueryRowContext(w.ctx, key...).Scan(&id)
	if !errors.Is(err, sql.ErrNoRows) {
		return id, err
	}
	result, err := add.ExecContext(w.ctx, row...)
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
}

// interval adds in and its summaries, by the rows of their statements.
func (w *writer) interval(in Interval, summaries map[int64]*digest.Summary) error {
	result, err := w.addInterval.ExecContext(w.ctx, in.Start.UnixMilli(), in.End.UnixMilli(),
		int64(in.Counts.Recorded), int64(in.Counts.Drained), int64(in.Counts.Dropped))
	if err != nil {
		return err
	}
	interval, err := result.LastInsertId()
	if err != nil {
		return err
	}
	var data []byte
	for statement, sum := range summaries {
		if data, err = appendDetail(data[:0], sum); err != nil {
			return err
		}
		if _, err := w.addSummary.ExecContext(w.ctx, interval, statement,
			int64(sum.Calls), int64(sum.Errors), int64(sum.Busy), int64(sum.Total), data); err != nil {
			return err
		}
	}
	return nil
}

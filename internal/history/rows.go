package history

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
)

// storedSource is the first ID of databases known only from the file, above those of the process.
const storedSource = 1 << 31

// stored is an interval with its row.
type stored struct {
	id int64
	Interval
}

const inRange = " WHERE interval.start_ms >= ? AND interval.start_ms < ? "

const selectSummaries = "SELECT interval, statement, calls, errors, busy, total_ns, detail" +
	" FROM interval CROSS JOIN summary ON summary.interval = interval.id" + inRange +
	"ORDER BY interval.start_ms, interval.id"

func readIntervals(ctx context.Context, tx *sql.Tx, bounds []any) (all []stored, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT id, start_ms, end_ms, recorded, drained, dropped FROM interval"+
		inRange+"ORDER BY start_ms, id", bounds...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var in stored
		var start, end, recorded, drained, dropped int64
		if err := rows.Scan(&in.id, &start, &end, &recorded, &drained, &dropped); err != nil {
			return nil, err
		}
		in.Start, in.End = time.UnixMilli(start), time.UnixMilli(end)
		in.Counts = capture.Counts{Recorded: uint64(recorded), Drained: uint64(drained), Dropped: uint64(dropped)}
		all = append(all, in)
	}
	return all, rows.Err()
}

// readStatements returns, by row, an empty summary of each statement used in the range.
func (s *Store) readStatements(ctx context.Context, tx *sql.Tx, bounds []any) (map[int64]*digest.Summary, error) {
	rows, err := tx.QueryContext(ctx, `SELECT statement.id, source.id, path, kind, digest, text, summary, read_only
		FROM statement JOIN source ON source.id = statement.source
		WHERE statement.id IN (SELECT statement FROM interval CROSS JOIN summary ON summary.interval = interval.id`+
		inRange+")", bounds...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	prototypes := map[int64]*digest.Summary{}
	for rows.Next() {
		var id, source, kind, hash int64
		var path, text, summary string
		var readOnly bool
		if err := rows.Scan(&id, &source, &path, &kind, &hash, &text, &summary, &readOnly); err != nil {
			return nil, err
		}
		p := &digest.Summary{Name: text, Database: s.source(path, source)}
		p.Kind, p.Digest = capture.Kind(kind), uint64(hash)
		if p.Database != nil {
			p.Key.Source = p.Database.ID
		}
		if p.Kind == capture.KindStatement && p.Digest != digest.Other {
			p.Statement = &capture.Statement{Digest: p.Digest, Fingerprint: text, Summary: summary, ReadOnly: readOnly}
		}
		prototypes[id] = p
	}
	return prototypes, rows.Err()
}

// source is the database stored under path in the row id, nil if path is "".
func (s *Store) source(path string, id int64) *capture.Source {
	if path == "" {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	src := s.sources[path]
	if src == nil {
		src = &capture.Source{ID: storedSource + uint32(id), Path: path}
		if path == memoryPath {
			src.Path = ""
		}
		s.sources[path] = src
	}
	return src
}

// summaryRow is a row of the table summary. Its detail is valid until the next.
type summaryRow struct {
	interval, statement         int64
	calls, errors, busy, totals int64
	detail                      sql.RawBytes
}

func (r *summaryRow) read(rows *sql.Rows) error {
	return rows.Scan(&r.interval, &r.statement, &r.calls, &r.errors, &r.busy, &r.totals, &r.detail)
}

// summary is the row as a summary of what prototype sums up.
func (r *summaryRow) summary(prototype *digest.Summary) (*digest.Summary, error) {
	if prototype == nil {
		return nil, fmt.Errorf("interval %d: statement %d is missing", r.interval, r.statement)
	}
	sum := *prototype
	sum.Calls, sum.Errors, sum.Busy = uint64(r.calls), uint64(r.errors), uint64(r.busy)
	sum.Total = time.Duration(r.totals)
	if err := readDetail(r.detail, &sum); err != nil {
		return nil, fmt.Errorf("interval %d: statement %d: %w", r.interval, r.statement, err)
	}
	return &sum, nil
}

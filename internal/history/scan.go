package history

import (
	"context"
	"database/sql"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/digest"
)

// Record is a stored interval with its summaries.
type Record struct {
	Interval
	Summaries []*digest.Summary
}

// Range returns the intervals that began in [from, to), in order of their start. See Scan.
func (s *Store) Range(ctx context.Context, from, to time.Time) ([]Record, error) {
	var records []Record
	err := s.Scan(ctx, from, to, func(r Record) error {
		records = append(records, r)
		return nil
	})
	return records, err
}

// Totals merges the summaries of the intervals that began in [from, to) by key, the costliest
// first.
func (s *Store) Totals(ctx context.Context, from, to time.Time) ([]*digest.Summary, error) {
	totals := digest.Totals{}
	err := s.Scan(ctx, from, to, func(r Record) error {
		totals.Add(r.Summaries)
		return nil
	})
	return totals.Sorted(), err
}

// Scan calls f for each interval that began in [from, to), in order of their start, also for those
// without summaries, and stops at the first error, which it returns. The record belongs to f.
//
// All records share one state of the file. The summaries of an interval are in no particular
// order; those of one key share their Statement, which has no Text or Samples, and their Database,
// which has no DSN unless it was bound.
func (s *Store) Scan(ctx context.Context, from, to time.Time, f func(Record) error) error {
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return s.fail("scan", err)
	}
	defer tx.Rollback()
	bounds := []any{from.UnixMilli(), to.UnixMilli()}
	intervals, err := readIntervals(ctx, tx, bounds)
	if err != nil {
		return s.fail("scan intervals", err)
	}
	prototypes, err := s.readStatements(ctx, tx, bounds)
	if err != nil {
		return s.fail("scan statements", err)
	}
	return s.readSummaries(ctx, tx, bounds, intervals, prototypes, f)
}

// readSummaries calls f with each of intervals.
func (s *Store) readSummaries(ctx context.Context, tx *sql.Tx, bounds []any, intervals []stored, prototypes map[int64]*digest.Summary, f func(Record) error) error {
	rows, err := tx.QueryContext(ctx, selectSummaries, bounds...)
	if err != nil {
		return s.fail("scan summaries", err)
	}
	defer rows.Close()
	c := cursor{rows: rows}
	err = c.next()
	for _, in := range intervals {
		r := Record{Interval: in.Interval}
		for err == nil && c.valid && c.row.interval == in.id {
			var sum *digest.Summary
			if sum, err = c.row.summary(prototypes[c.row.statement]); err == nil {
				r.Summaries = append(r.Summaries, sum)
				err = c.next()
			}
		}
		if err != nil {
			return s.fail("scan summaries", err)
		}
		if err := f(r); err != nil {
			return err
		}
	}
	return nil
}

// cursor stands on a row of the table summary, or behind the last.
type cursor struct {
	rows  *sql.Rows
	row   summaryRow
	valid bool
}

func (c *cursor) next() error {
	if c.valid = c.rows.Next(); !c.valid {
		return c.rows.Err()
	}
	return c.row.read(c.rows)
}

package history

import (
	"context"
	"database/sql"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/digest"
)

// steps are how coarse intervals become with age, the oldest first. A summary takes 0.4 KB, so fifty
// statements every ten seconds are 170 MB a day; with these steps 90 days are 3,000 intervals, which
// fit into the default MaxBytes. A chart of a range as old has no more points.
var steps = [...]struct{ age, length time.Duration }{
	{7 * 24 * time.Hour, 3 * time.Hour},
	{24 * time.Hour, 15 * time.Minute},
	{time.Hour, time.Minute},
}

// thin joins the intervals that began in the same three hours, quarter or minute into one, by their
// age at now. Sums and histograms are merged, so that the totals of the span stay exact.
func (s *Store) thin(ctx context.Context, now time.Time) error {
	for _, step := range steps {
		slots, err := s.crowded(ctx, now.Add(-step.age), step.length)
		if err != nil {
			return err
		}
		for _, from := range slots {
			if err := s.join(ctx, from, from.Add(step.length)); err != nil {
				return err
			}
		}
	}
	return nil
}

// crowded returns the beginnings of the slots of the given length that ended before and in which
// more than one interval began.
func (s *Store) crowded(ctx context.Context, before time.Time, length time.Duration) (slots []time.Time, err error) {
	ms := length.Milliseconds()
	rows, err := s.db.QueryContext(ctx, `SELECT start_ms / ? FROM interval WHERE start_ms < ?
		GROUP BY 1 HAVING count(*) > 1 ORDER BY 1`, ms, before.UnixMilli()/ms*ms)
	if err != nil {
		return nil, s.fail("find intervals to join", err)
	}
	defer rows.Close()
	for rows.Next() {
		var slot int64
		if err := rows.Scan(&slot); err != nil {
			return nil, s.fail("find intervals to join", err)
		}
		slots = append(slots, time.UnixMilli(slot*ms))
	}
	if err := rows.Err(); err != nil {
		return nil, s.fail("find intervals to join", err)
	}
	return slots, nil
}

// join replaces the intervals that began in [from, to) by one, in one transaction.
func (s *Store) join(ctx context.Context, from, to time.Time) error {
	return s.update(ctx, "join intervals", func(ctx context.Context, tx *sql.Tx) error {
		bounds := []any{from.UnixMilli(), to.UnixMilli()}
		intervals, err := readIntervals(ctx, tx, bounds)
		if err != nil || len(intervals) < 2 {
			return err // another process was faster
		}
		summaries, err := mergeByStatement(ctx, tx, bounds)
		if err != nil {
			return err
		}
		for _, query := range [...]string{
			"DELETE FROM summary WHERE interval IN (SELECT id FROM interval" + inRange + ")",
			"DELETE FROM interval" + inRange,
		} {
			if _, err := tx.ExecContext(ctx, query, bounds...); err != nil {
				return err
			}
		}
		w, err := newWriter(ctx, tx)
		if err != nil {
			return err
		}
		return w.interval(span(intervals), summaries)
	})
}

// span is the interval from the first start to the last end, with all counts.
func span(intervals []stored) Interval {
	joined := intervals[0].Interval
	for _, in := range intervals[1:] {
		if in.End.After(joined.End) {
			joined.End = in.End
		}
		joined.Counts.Recorded += in.Counts.Recorded
		joined.Counts.Drained += in.Counts.Drained
		joined.Counts.Dropped += in.Counts.Dropped
	}
	return joined
}

// mergeByStatement merges the summaries of the range by the row of their statement.
func mergeByStatement(ctx context.Context, tx *sql.Tx, bounds []any) (map[int64]*digest.Summary, error) {
	rows, err := tx.QueryContext(ctx, selectSummaries, bounds...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	merged := map[int64]*digest.Summary{}
	var row summaryRow
	for rows.Next() {
		if err := row.read(rows); err != nil {
			return nil, err
		}
		sum, err := row.summary(&digest.Summary{})
		if err != nil {
			return nil, err
		}
		if have := merged[row.statement]; have != nil {
			digest.Merge(have, sum)
		} else {
			merged[row.statement] = sum
		}
	}
	return merged, rows.Err()
}

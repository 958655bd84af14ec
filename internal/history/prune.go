package history

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Prune keeps the file within its bounds, as of now: it joins old intervals (see thin), forgets
// those that ended before the Retention, then the oldest until the file has at most MaxBytes, and
// statements and databases that no interval mentions. The file shrinks and its write-ahead log is
// emptied. Recommendations and the audit trail stay, even where they alone exceed MaxBytes.
//
// It works in short transactions, so that Append waits little, and can be cut short by ctx at
// any time. It is meant to run every few minutes.
func (s *Store) Prune(ctx context.Context, now time.Time) error {
	if err := s.thin(ctx, now); err != nil {
		return err
	}
	if err := s.expire(ctx, now); err != nil {
		return err
	}
	if err := s.cap(ctx); err != nil {
		return err
	}
	return s.shrink(ctx)
}

// expire forgets the intervals and sizes older than the retention.
func (s *Store) expire(ctx context.Context, now time.Time) error {
	return s.update(ctx, "expire intervals", func(ctx context.Context, tx *sql.Tx) error {
		oldest := now.Add(-s.config.Retention).UnixMilli()
		if _, err := tx.ExecContext(ctx, "DELETE FROM size WHERE at_ms < ?", oldest); err != nil {
			return err
		}
		return forget(ctx, tx, "SELECT id FROM interval WHERE end_ms < ?", oldest)
	})
}

// cap forgets the oldest intervals while the pages in use exceed MaxBytes. It goes on to 9/10, so
// that the next Prune has nothing to do.
func (s *Store) cap(ctx context.Context) error {
	used, err := s.used(ctx)
	if err != nil || used <= s.config.MaxBytes {
		return err
	}
	target := s.config.MaxBytes / 10 * 9
	for used > target {
		left, err := s.forgetOldest(ctx, float64(used-target)/float64(used))
		if err != nil {
			return err
		}
		if used, err = s.used(ctx); err != nil {
			return err
		}
		if left == 0 {
			break
		}
	}
	return nil
}

// forgetOldest forgets the given fraction of the intervals, at least one, and says how many are
// left.
func (s *Store) forgetOldest(ctx context.Context, fraction float64) (left int64, err error) {
	err = s.update(ctx, "forget intervals", func(ctx context.Context, tx *sql.Tx) error {
		var all int64
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM interval").Scan(&all); err != nil {
			return err
		}
		n := min(all, 1+int64(float64(all)*fraction))
		left = all - n
		return forget(ctx, tx, "SELECT id FROM interval ORDER BY start_ms, id LIMIT ?", n)
	})
	return left, err
}

// forget deletes the intervals that query selects, their summaries, and the statements and
// databases nothing mentions any more, if there are such intervals.
func forget(ctx context.Context, tx *sql.Tx, query string, arg any) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM summary WHERE interval IN ("+query+")", arg); err != nil {
		return err
	}
	result, err := tx.ExecContext(ctx, "DELETE FROM interval WHERE id IN ("+query+")", arg)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return err
	}
	if _, err = tx.ExecContext(ctx, "DELETE FROM statement WHERE id NOT IN (SELECT statement FROM summary)"); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "DELETE FROM source WHERE id NOT IN (SELECT source FROM statement) AND id NOT IN (SELECT source FROM size)")
	return err
}

// used is the size of the pages in use, in bytes: what the file will have once shrunk.
func (s *Store) used(ctx context.Context) (bytes int64, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT (page_count - freelist_count) * page_size
		FROM pragma_page_count, pragma_freelist_count, pragma_page_size`).Scan(&bytes)
	if err != nil {
		return 0, s.fail("measure", err)
	}
	return bytes, nil
}

// shrink gives free pages back to the file system and empties the write-ahead log. A log that
// another process reads is left for the next time.
func (s *Store) shrink(ctx context.Context) error {
	s.write.Lock()
	defer s.write.Unlock()
	for _, pragma := range [...]string{"incremental_vacuum", "wal_checkpoint(TRUNCATE)"} {
		if _, err := s.db.ExecContext(ctx, "PRAGMA "+pragma); err != nil {
			return s.fail(pragma, err)
		}
	}
	return nil
}

// Check has SQLite read the whole file and reports the first damage it finds.
func (s *Store) Check(ctx context.Context) error {
	var verdict string
	if err := s.db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict); err != nil {
		return s.fail("check", err)
	}
	if verdict != "ok" {
		return s.fail("check", fmt.Errorf("integrity_check: %s", verdict))
	}
	return nil
}

package history

import (
	"context"
	"database/sql"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// Size is how large a database was at a time.
type Size struct {
	At        time.Time // stored in whole milliseconds
	Bytes     int64     // of the file
	Pages     int64
	FreePages int64
	WAL       int64 // bytes of the write-ahead log
}

// SizesEvery is how far apart sizes are kept: 90 days are 2,160 rows of some 30 bytes a database.
const SizesEvery = time.Hour

// sizeTable came with version 3.
const sizeTable = `
-- How large a database was, once an hour.
CREATE TABLE IF NOT EXISTS size(
	source     INTEGER NOT NULL REFERENCES source,
	at_ms      INTEGER NOT NULL,
	bytes      INTEGER NOT NULL,
	pages      INTEGER NOT NULL,
	free_pages INTEGER NOT NULL,
	wal        INTEGER NOT NULL,
	PRIMARY KEY(source, at_ms)
) STRICT, WITHOUT ROWID;`

// AppendSize adds how large src is, unless another size of the hour before is there.
func (s *Store) AppendSize(ctx context.Context, src *capture.Source, size Size) error {
	return s.update(ctx, "append size", func(ctx context.Context, tx *sql.Tx) error {
		w, err := newWriter(ctx, tx)
		if err != nil {
			return err
		}
		id, err := w.source(src)
		if err != nil {
			return err
		}
		at := size.At.UnixMilli()
		_, err = tx.ExecContext(ctx, `INSERT INTO size(source, at_ms, bytes, pages, free_pages, wal) SELECT ?1, ?2, ?3, ?4, ?5, ?6
			WHERE NOT EXISTS (SELECT 1 FROM size WHERE source = ?1 AND at_ms > ?2 - ?7 AND at_ms <= ?2)`,
			id, at, size.Bytes, size.Pages, size.FreePages, size.WAL, SizesEvery.Milliseconds())
		return err
	})
}

// Sizes lists the sizes of src since a time, the oldest first.
func (s *Store) Sizes(ctx context.Context, src *capture.Source, since time.Time) ([]Size, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT at_ms, bytes, pages, free_pages, wal FROM size
		WHERE source = (SELECT id FROM source WHERE path = ?) AND at_ms >= ? ORDER BY at_ms`, pathOf(src), since.UnixMilli())
	if err != nil {
		return nil, s.fail("read sizes", err)
	}
	defer rows.Close()
	var list []Size
	for rows.Next() {
		var z Size
		var at int64
		if err := rows.Scan(&at, &z.Bytes, &z.Pages, &z.FreePages, &z.WAL); err != nil {
			return nil, s.fail("read sizes", err)
		}
		z.At = time.UnixMilli(at)
		list = append(list, z)
	}
	if err := rows.Err(); err != nil {
		return nil, s.fail("read sizes", err)
	}
	return list, nil
}

package sqlite

import (
	"context"
	"fmt"
)

// Values draws up to n values of a column from rows spread over the table, NULL left out. A value
// that many rows share is drawn more often, as an application meets it. The plus takes the declared type
// away, by which the driver would turn text into times that are stored otherwise.
func (db *DB) Values(ctx context.Context, table, column string, n int) ([]any, error) {
	values, err := db.column(ctx, fmt.Sprintf(`WITH RECURSIVE draw(i, id) AS (
		SELECT 1, abs(random() %% (SELECT max(rowid) FROM %[1]s)) + 1 UNION ALL
		SELECT i + 1, abs(random() %% (SELECT max(rowid) FROM %[1]s)) + 1 FROM draw WHERE i < %[3]d)
		SELECT +t.%[2]s FROM draw CROSS JOIN %[1]s AS t ON t.rowid = draw.id WHERE t.%[2]s IS NOT NULL`,
		quote(table), quote(column), 4*n))
	if err == nil && len(values) >= n {
		return values[:n], nil
	}
	// No rowid, or few rows for the range of rowids: the first rows, mixed.
	return db.column(ctx, fmt.Sprintf(`SELECT v FROM (SELECT +%[2]s AS v FROM %[1]s LIMIT %[4]d)
		WHERE v IS NOT NULL ORDER BY random() LIMIT %[3]d`, quote(table), quote(column), n, countLimit))
}

func (db *DB) column(ctx context.Context, text string) ([]any, error) {
	var values []any
	err := each(ctx, db.read, text, func(scan scanner) error {
		var v any
		if err := scan(&v); err != nil {
			return err
		}
		values = append(values, v)
		return nil
	})
	return values, err
}

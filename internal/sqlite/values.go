package sqlite

import (
	"context"
	"fmt"
	"strings"
)

// Values draws up to n rows spread over a table and returns the given columns of each, rows with NULL in
// one of them left out. A value that many rows share is drawn more often, as an application meets it.
// The plus takes the declared type away, by which the driver would turn text into times that are
// stored otherwise.
func (db *DB) Values(ctx context.Context, table string, columns []string, n int) ([][]any, error) {
	plain, drawn, some := make([]string, len(columns)), make([]string, len(columns)), make([]string, len(columns))
	for i, c := range columns {
		plain[i] = fmt.Sprintf("+%s AS c%d", quote(c), i)
		drawn[i] = "+t." + quote(c)
		some[i] = fmt.Sprintf("c%d IS NOT NULL", i)
	}
	rows, err := db.rows(ctx, len(columns), fmt.Sprintf(`WITH RECURSIVE draw(i, id) AS (
		SELECT 1, abs(random() %% (SELECT max(rowid) FROM %[1]s)) + 1 UNION ALL
		SELECT i + 1, abs(random() %% (SELECT max(rowid) FROM %[1]s)) + 1 FROM draw WHERE i < %[3]d)
		SELECT %[2]s FROM draw CROSS JOIN %[1]s AS t ON t.rowid = draw.id`,
		quote(table), strings.Join(drawn, ", "), 4*n))
	if rows = complete(rows); err == nil && len(rows) >= n {
		return rows[:n], nil
	}
	// No rowid, or few rows for the range of rowids: the first rows, mixed.
	return db.rows(ctx, len(columns), fmt.Sprintf(`SELECT * FROM (SELECT %[2]s FROM %[1]s LIMIT %[5]d)
		WHERE %[3]s ORDER BY random() LIMIT %[4]d`, quote(table), strings.Join(plain, ", "), strings.Join(some, " AND "), n, countLimit))
}

// complete keeps the rows without NULL.
func complete(rows [][]any) [][]any {
	kept := rows[:0]
	for _, row := range rows {
		whole := true
		for _, v := range row {
			whole = whole && v != nil
		}
		if whole {
			kept = append(kept, row)
		}
	}
	return kept
}

func (db *DB) rows(ctx context.Context, columns int, text string) ([][]any, error) {
	var list [][]any
	err := each(ctx, db.read, text, func(scan scanner) error {
		row, pointers := make([]any, columns), make([]any, columns)
		for i := range row {
			pointers[i] = &row[i]
		}
		if err := scan(pointers...); err != nil {
			return err
		}
		list = append(list, row)
		return nil
	})
	return list, err
}

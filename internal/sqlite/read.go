package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// Rows reads at most n rows of a query on the copy. What is declared as a time is text here as it is stored.
func (r *Replayer) Rows(ctx context.Context, query string, args []any, n int) (list [][]any, err error) {
	rows, err := r.conn.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for len(list) < n && rows.Next() {
		row, pointers := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			pointers[i] = &row[i]
		}
		if err := rows.Scan(pointers...); err != nil {
			return nil, err
		}
		list = append(list, row)
	}
	return list, rows.Err()
}

// Widths are the average numbers of bytes that each of the columns takes, over at most n rows from both
// ends of the table. SQLite reads the length of a value from the row's header, not the value.
// https://sqlite.org/lang_corefunc.html#octet_length
func (db *DB) Widths(ctx context.Context, table string, columns []string, n int) ([]float64, error) {
	if len(columns) == 0 {
		return nil, nil
	}
	averages := make([]string, len(columns))
	lengths := make([]string, len(columns))
	for i, c := range columns {
		lengths[i] = fmt.Sprintf("octet_length(%s) AS c%d", quote(c), i)
		averages[i] = fmt.Sprintf("total(c%d) / max(count(*), 1)", i)
	}
	list := strings.Join(lengths, ", ")
	from := fmt.Sprintf("SELECT %s FROM %s LIMIT %d", list, quote(table), n)
	var last int64
	err := db.read.QueryRowContext(ctx, fmt.Sprintf("SELECT coalesce(max(rowid), 0) FROM %s", quote(table))).Scan(&last)
	if err == nil && last > int64(2*n) { // else all rows, or no rowid
		from = fmt.Sprintf(`SELECT * FROM (SELECT %[1]s FROM %[2]s ORDER BY rowid LIMIT %[3]d)
			UNION ALL SELECT * FROM (SELECT %[1]s FROM %[2]s ORDER BY rowid DESC LIMIT %[3]d)`, list, quote(table), n/2)
	}
	widths, pointers := make([]sql.NullFloat64, len(columns)), make([]any, len(columns))
	for i := range widths {
		pointers[i] = &widths[i]
	}
	if err := db.read.QueryRowContext(ctx, fmt.Sprintf("SELECT %s FROM (%s)", strings.Join(averages, ", "), from)).Scan(pointers...); err != nil {
		return nil, fileError(db.path, err, db.busy)
	}
	sizes := make([]float64, len(columns))
	for i, w := range widths {
		sizes[i] = w.Float64
	}
	return sizes, nil
}

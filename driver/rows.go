package driver

import (
	"database/sql/driver"
	"io"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// innerRows is everything modernc's rows can do. They have no further result sets.
type innerRows interface {
	driver.Rows
	driver.RowsColumnTypeDatabaseTypeName
	driver.RowsColumnTypeLength
	driver.RowsColumnTypeNullable
	driver.RowsColumnTypePrecisionScale
	driver.RowsColumnTypeScanType
}

// rows counts what is read and records the query when it is closed. Its total time includes what
// the application did between rows: reading the clock per row would cost more than a row.
type rows struct {
	innerRows
	call   call
	first  time.Duration
	n      int64
	class  capture.ErrorClass
	closed bool
}

// Next reads the next row.
func (r *rows) Next(dest []driver.Value) error {
	err := r.innerRows.Next(dest)
	if err == nil {
		r.n++
	} else if err != io.EOF {
		r.class = classify(err)
	}
	return err
}

// Close closes the rows and records the query, once.
func (r *rows) Close() error {
	if r.closed {
		return nil // modernc would free its statement twice
	}
	r.closed = true
	err := r.innerRows.Close()
	if r.class == capture.ErrorNone {
		r.class = classify(err)
	}
	r.call.record(capture.Event{
		Error: r.class, First: r.first, Total: capture.Since(r.call.start), Rows: r.n,
	})
	return err
}

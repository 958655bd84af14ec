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
	lease  lease
	under  *chainRows // what interceptors were given, nil without any
	first  time.Duration
	n      int64
	asked  int64 // calls of Next
	class  capture.ErrorClass
	closed bool
}

// Next reads the next row.
func (r *rows) Next(dest []driver.Value) (err error) {
	r.asked++
	if r.under == nil {
		err = r.innerRows.Next(dest)
	} else {
		err = guard(func() error { return r.innerRows.Next(dest) })
	}
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
	if !r.call.muted {
		r.call.conn.pool.End(&r.call.OpenRows)
	}
	cost, err := r.end()
	if r.class == capture.ErrorNone {
		r.class = classify(err)
	}
	if !r.call.muted {
		end := capture.Now()
		r.call.conn.pool.Used(end)
		ev := capture.Event{Error: r.class, First: r.first, Total: time.Duration(end - r.call.Start), Rows: r.n}
		r.call.record(&ev, cost, err)
	} else {
		r.call.unrecorded(err)
	}
	return err
}

// end closes the inner rows and reads SQLite's counters, which are gone with them.
func (r *rows) end() (spent, error) {
	if r.under != nil {
		return r.endChained()
	}
	s := r.call.conn.session
	cost := s.cost(r.lease)
	err := r.innerRows.Close()
	r.addCommit(&cost)
	if releasing := s.release(r.lease, err != nil || r.class != capture.ErrorNone); err == nil {
		err = releasing
	}
	return cost, err
}

// addCommit adds the wait for locks of a statement with RETURNING outside a transaction, which
// commits with its last row or when it is closed. SQLite keeps the retries of the last step only,
// so those of the first are there once more if no other followed.
func (r *rows) addCommit(cost *spent) {
	if s := r.call.conn.session; s.count && !r.call.muted && r.call.Statement.Changes && r.call.tx == nil {
		if r.asked < 2 {
			cost.Retries, cost.LockWait = 0, 0
		}
		s.handle.addLocks(&cost.Work)
	}
}

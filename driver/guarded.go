package driver

import (
	"database/sql/driver"
	"reflect"
)

// guardedResult is what interceptors return for an execution. Their panics become errors.
type guardedResult struct{ driver.Result }

func (r guardedResult) LastInsertId() (id int64, err error) {
	err = guard(func() (err error) { id, err = r.Result.LastInsertId(); return err })
	return id, err
}

func (r guardedResult) RowsAffected() (n int64, err error) {
	err = guard(func() (err error) { n, err = r.Result.RowsAffected(); return err })
	return n, err
}

// complete gives an interceptor's own rows the abilities they lack. What it answers for them is what
// database/sql takes without them.
func complete(r driver.Rows) innerRows {
	if all, ok := r.(innerRows); ok {
		return all
	}
	return ownRows{r}
}

// ownRows are rows that an interceptor made.
type ownRows struct{ driver.Rows }

// Columns has no columns if the rows panic, as rows that are nil do. Next then says so.
func (r ownRows) Columns() (columns []string) {
	_ = guard(func() error { columns = r.Rows.Columns(); return nil })
	return columns
}

func (r ownRows) ColumnTypeDatabaseTypeName(i int) string {
	if of, ok := r.Rows.(driver.RowsColumnTypeDatabaseTypeName); ok {
		return of.ColumnTypeDatabaseTypeName(i)
	}
	return ""
}

func (r ownRows) ColumnTypeLength(i int) (length int64, ok bool) {
	if of, ok := r.Rows.(driver.RowsColumnTypeLength); ok {
		return of.ColumnTypeLength(i)
	}
	return 0, false
}

func (r ownRows) ColumnTypeNullable(i int) (nullable, ok bool) {
	if of, ok := r.Rows.(driver.RowsColumnTypeNullable); ok {
		return of.ColumnTypeNullable(i)
	}
	return false, false
}

func (r ownRows) ColumnTypePrecisionScale(i int) (precision, scale int64, ok bool) {
	if of, ok := r.Rows.(driver.RowsColumnTypePrecisionScale); ok {
		return of.ColumnTypePrecisionScale(i)
	}
	return 0, 0, false
}

func (r ownRows) ColumnTypeScanType(i int) reflect.Type {
	if of, ok := r.Rows.(driver.RowsColumnTypeScanType); ok {
		return of.ColumnTypeScanType(i)
	}
	return reflect.TypeFor[any]()
}

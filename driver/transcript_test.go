package driver

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"

	"modernc.org/sqlite"
)

// transcript notes all that an application sees of what it does.
type transcript struct{ lines []string }

func (s *transcript) notef(format string, args ...any) {
	s.lines = append(s.lines, fmt.Sprintf(format, args...))
}

// runner is what *sql.DB, *sql.Tx and *sql.Conn have in common.
type runner interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

func (s *transcript) exec(ctx context.Context, on runner, query string, args ...any) {
	result, err := on.ExecContext(ctx, query, args...)
	s.result("exec "+query, result, err)
}

func (s *transcript) query(ctx context.Context, on runner, query string, args ...any) {
	rows, err := on.QueryContext(ctx, query, args...)
	s.rows("query "+query, rows, err)
}

func (s *transcript) result(what string, result sql.Result, err error) {
	if err != nil {
		s.notef("%s: %s", what, failure(err))
		return
	}
	defer func() { // the bare driver has no result for a text without statements
		if panicked := recover(); panicked != nil {
			s.notef("%s: %v", what, panicked)
		}
	}()
	id, idErr := result.LastInsertId()
	n, nErr := result.RowsAffected()
	s.notef("%s: id %d %s, %d rows %s", what, id, failure(idErr), n, failure(nErr))
}

// rows reads all result sets with their column types.
func (s *transcript) rows(what string, rows *sql.Rows, err error) {
	if err != nil {
		s.notef("%s: %s", what, failure(err))
		return
	}
	for more := true; more; more = rows.NextResultSet() {
		types, err := rows.ColumnTypes()
		s.notef("%s: %s%s", what, describe(types), failure(err))
		for rows.Next() {
			values := make([]any, len(types))
			for i := range values {
				values[i] = new(any)
			}
			err := rows.Scan(values...)
			line := make([]string, len(values))
			for i := range values {
				line[i] = fmt.Sprintf("%T %v", *values[i].(*any), *values[i].(*any))
			}
			s.notef("  %s %s", strings.Join(line, " | "), failure(err))
		}
		s.notef("  end %s", failure(rows.Err()))
	}
	s.notef("  closed %s", failure(rows.Close()))
}

func describe(types []*sql.ColumnType) string {
	var b strings.Builder
	for _, c := range types {
		length, isLong := c.Length()
		nullable, isKnown := c.Nullable()
		precision, scale, isDecimal := c.DecimalSize()
		fmt.Fprint(&b, c.Name(), " ", c.DatabaseTypeName(), " ", c.ScanType(), " ",
			length, isLong, nullable, isKnown, precision, scale, isDecimal, "; ")
	}
	return b.String()
}

// What the application registers with modernc reaches connections of ours too; cancelNow lets a
// statement cancel its own context while it runs, for tests that wait for nothing.
var cancelNow context.CancelFunc

func init() {
	sqlite.MustRegisterScalarFunction("cancel_now", 0, func(*sqlite.FunctionContext, []driver.Value) (driver.Value, error) {
		cancelNow()
		return int64(1), nil
	})
	sqlite.MustRegisterScalarFunction("fails", 0, func(*sqlite.FunctionContext, []driver.Value) (driver.Value, error) {
		return nil, fmt.Errorf("as it was told to")
	})
	sqlite.MustRegisterScalarFunction("panics", 1, func(*sqlite.FunctionContext, []driver.Value) (driver.Value, error) {
		panic("as told")
	})
	sqlite.MustRegisterCollationUtf8("backwards", func(a, b string) int { return strings.Compare(b, a) })
	sqlite.RegisterConnectionHook(func(c sqlite.ExecQuerierContext, _ string) error {
		_, err := c.ExecContext(context.Background(), "PRAGMA recursive_triggers = 1", nil)
		return err
	})
}

package sqlmiddleware

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/ngrok/sqlmw"
)

// GuardConfig configures Guard. The zero value lets everything pass.
type GuardConfig struct {
	// Deadline is the longest a statement may take from its start to the closing of its rows. It has effect
	// where the context has no earlier deadline. Default 0: none.
	Deadline time.Duration

	// MaxRows is the most rows a query may return. Default 0: any number.
	MaxRows int

	// Forbid are the kinds of statements that are refused, such as DDL|Attach. Default none.
	Forbid Kind
}

var (
	// ErrForbidden is what errors.Is finds in every *ForbiddenError.
	ErrForbidden = errors.New("statement is forbidden")
	// ErrTooManyRows is what errors.Is finds in every *RowLimitError.
	ErrTooManyRows = errors.New("query returns too many rows")
	// ErrDeadline is what errors.Is finds, beside context.DeadlineExceeded, when Guard's deadline stopped a
	// statement and not one of the caller.
	ErrDeadline = errors.New("statement took too long")
)

// ForbiddenError reports a text that was refused. Nothing of it was executed or prepared.
type ForbiddenError struct {
	Kind      Kind // the one that is forbidden
	Statement int  // its place in the text, 1 for the first
}

// Error does not repeat the text, which may hold values.
func (e *ForbiddenError) Error() string {
	return fmt.Sprintf("%v: statement %d is %v", ErrForbidden, e.Statement, e.Kind)
}

// Unwrap returns ErrForbidden.
func (e *ForbiddenError) Unwrap() error { return ErrForbidden }

// RowLimitError reports a query that had another row after MaxRows. The rows before it were handed out.
type RowLimitError struct {
	Max int
}

func (e *RowLimitError) Error() string { return fmt.Sprintf("%v: more than %d", ErrTooManyRows, e.Max) }

// Unwrap returns ErrTooManyRows.
func (e *RowLimitError) Unwrap() error { return ErrTooManyRows }

// Guarder refuses and stops statements. Guard makes one.
type Guarder struct {
	sqlmw.NullInterceptor
	config   GuardConfig
	verdicts texts[[]Kind]
	late     error // cause of the deadlines that are its own, and what their statements return
}

// Guard returns an interceptor that refuses the kinds of statements in Forbid before anything of the text is
// prepared or executed, stops statements at their Deadline, and ends queries after MaxRows.
//
// The first step of a query, which sorts and aggregates, is interrupted at the deadline; after that the
// deadline is looked at between rows, so one long step between two rows is not cut short. An interrupted
// statement is undone, and with it the transaction it writes in, and its connection leaves the pool, as with a
// deadline of the caller's own. BEGIN and COMMIT have no deadline. A deadline costs 7 µs per statement, most of
// it in modernc, which watches the context (BenchmarkExec).
//
// The guard reads texts as SQLite's tokenizer does. It protects from mistakes and from texts that reach the
// application's own database handle; whoever holds a connection by sql.Conn.Raw is not guarded.
func Guard(c GuardConfig) *Guarder {
	return &Guarder{
		config:   c,
		verdicts: texts[[]Kind]{read: kindsOf},
		late:     fmt.Errorf("%w: more than %v: %w", ErrDeadline, c.Deadline, context.DeadlineExceeded),
	}
}

// check returns the error that refuses query, or nil.
func (g *Guarder) check(query string) error {
	if g.config.Forbid == 0 {
		return nil
	}
	for i, kind := range g.verdicts.of(query) {
		if found := kind & g.config.Forbid; found != 0 {
			return &ForbiddenError{Kind: found & -found, Statement: i + 1} // the first kind of several
		}
	}
	return nil
}

// ConnPrepareContext refuses what must not be executed.
func (g *Guarder) ConnPrepareContext(ctx context.Context, conn driver.ConnPrepareContext, query string) (context.Context, driver.Stmt, error) {
	if err := g.check(query); err != nil {
		return ctx, nil, err
	}
	stmt, err := conn.PrepareContext(ctx, query)
	return ctx, stmt, err
}

// ConnExecContext executes query within the deadline, if it is allowed.
func (g *Guarder) ConnExecContext(ctx context.Context, conn driver.ExecerContext, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := g.check(query); err != nil {
		return nil, err
	}
	limited, cancel := g.limit(ctx)
	defer cancel()
	result, err := conn.ExecContext(limited, query, args)
	return result, g.explain(limited, err)
}

// ConnQueryContext queries within the limits, if query is allowed.
func (g *Guarder) ConnQueryContext(ctx context.Context, conn driver.QueryerContext, query string, args []driver.NamedValue) (context.Context, driver.Rows, error) {
	if err := g.check(query); err != nil {
		return ctx, nil, err
	}
	limited, cancel := g.limit(ctx)
	rows, err := conn.QueryContext(limited, query, args)
	return g.reading(limited, cancel, rows, err)
}

// StmtExecContext executes a statement within the deadline. It was allowed when it was prepared.
func (g *Guarder) StmtExecContext(ctx context.Context, stmt driver.StmtExecContext, _ string, args []driver.NamedValue) (driver.Result, error) {
	limited, cancel := g.limit(ctx)
	defer cancel()
	result, err := stmt.ExecContext(limited, args)
	return result, g.explain(limited, err)
}

// StmtQueryContext queries within the limits.
func (g *Guarder) StmtQueryContext(ctx context.Context, stmt driver.StmtQueryContext, _ string, args []driver.NamedValue) (context.Context, driver.Rows, error) {
	limited, cancel := g.limit(ctx)
	rows, err := stmt.QueryContext(limited, args)
	return g.reading(limited, cancel, rows, err)
}

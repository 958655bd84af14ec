package sqlmiddleware

import (
	"context"
	"database/sql/driver"
	"errors"
	"time"
)

// tracked is a transaction that tells the table of its end. Whether it committed or failed to, modernc
// leaves the connection without one.
type tracked struct {
	driver.Tx
	open *transactions
	conn any
}

// Commit commits. It is never tried again.
func (t *tracked) Commit() error {
	defer t.open.apply(t.conn, control{verb: ends})
	return t.Tx.Commit()
}

// Rollback rolls back.
func (t *tracked) Rollback() error {
	defer t.open.apply(t.conn, control{verb: ends})
	return t.Tx.Rollback()
}

// prepared is a statement that knows its connection, which sqlmw does not tell the interceptor of an
// execution. So the retries are here.
type prepared struct {
	driver.Stmt
	retrier *Retrier
	conn    any
	shape   shape
}

// prepared wraps stmt. The wrapper checks and converts arguments if and only if stmt does, for database/sql
// and sqlmw ask.
func (r *Retrier) prepared(conn any, stmt driver.Stmt, query string) driver.Stmt {
	p := &prepared{Stmt: stmt, retrier: r, conn: conn, shape: r.shapeOf(query)}
	checker, checks := stmt.(driver.NamedValueChecker)
	//lint:ignore SA1019 statements that have it keep it
	converter, converts := stmt.(driver.ColumnConverter)
	switch {
	case checks && converts:
		return struct {
			*prepared
			driver.NamedValueChecker
			driver.ColumnConverter
		}{p, checker, converter}
	case checks:
		return struct {
			*prepared
			driver.NamedValueChecker
		}{p, checker}
	case converts:
		return struct {
			*prepared
			driver.ColumnConverter
		}{p, converter}
	}
	return p
}

// ExecContext executes the statement, again if it is busy.
func (p *prepared) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	start := time.Now()
	result, err := p.exec(ctx, args)
	if isBusy(err) && p.retrier.may(p.conn, p.shape) {
		result, err = again(ctx, p.retrier, start, err, func() (driver.Result, error) { return p.exec(ctx, args) })
	}
	p.retrier.open.note(p.conn, p.shape, err)
	return result, err
}

// QueryContext queries, again if it is busy before its first row.
func (p *prepared) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	start := time.Now()
	rows, err := p.query(ctx, args)
	if isBusy(err) && p.retrier.may(p.conn, p.shape) {
		rows, err = again(ctx, p.retrier, start, err, func() (driver.Rows, error) { return p.query(ctx, args) })
	}
	p.retrier.open.note(p.conn, p.shape, err)
	return rows, err
}

func (p *prepared) exec(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if with, ok := p.Stmt.(driver.StmtExecContext); ok {
		return with.ExecContext(ctx, args)
	}
	values, err := plainValues(ctx, args)
	if err != nil {
		return nil, err
	}
	//lint:ignore SA1019 the statement has nothing newer
	return p.Stmt.Exec(values)
}

func (p *prepared) query(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if with, ok := p.Stmt.(driver.StmtQueryContext); ok {
		return with.QueryContext(ctx, args)
	}
	values, err := plainValues(ctx, args)
	if err != nil {
		return nil, err
	}
	//lint:ignore SA1019 the statement has nothing newer
	return p.Stmt.Query(values)
}

// plainValues are the arguments for a statement that knows neither names nor contexts.
func plainValues(ctx context.Context, args []driver.NamedValue) ([]driver.Value, error) {
	values := make([]driver.Value, len(args))
	for i, arg := range args {
		if arg.Name != "" {
			return nil, errors.New("driver has no named parameters")
		}
		values[i] = arg.Value
	}
	if ctx == nil {
		return values, nil
	}
	return values, ctx.Err()
}

package sqlmiddleware

import (
	"context"
	"database/sql/driver"
	"errors"
	"time"
)

// reading is a query whose rows are being read. sqlmw hands the context of a query to what happens to its
// rows, and to nothing else, so it carries the state; rows of our own would have to have every optional
// method of the driver's.
type reading struct {
	context.Context
	guard  *Guarder
	cancel context.CancelFunc
	rows   int
}

// Value finds the reading itself also through contexts that others put around it.
func (r *reading) Value(key any) any {
	if key == any(r.guard) {
		return r
	}
	return r.Context.Value(key)
}

// none is the cancel function where nothing was begun: the hot path compares nothing and allocates nothing.
func none() {}

// limit gives ctx the deadline, unless it has an earlier one.
func (g *Guarder) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if g.config.Deadline <= 0 {
		return ctx, none
	}
	if ctx == nil {
		ctx = context.Background() // modernc takes nil from callers that hold the connection by sql.Conn.Raw
	}
	end := time.Now().Add(g.config.Deadline)
	if own, ok := ctx.Deadline(); ok && !own.After(end) {
		return ctx, none
	}
	return context.WithDeadlineCause(ctx, end, g.late)
}

// passed reports whether the guard's own deadline ended ctx.
func (g *Guarder) passed(ctx context.Context) bool {
	return g.config.Deadline > 0 && ctx != nil && ctx.Err() != nil && context.Cause(ctx) == g.late
}

// explain says of a context's error that the deadline was the guard's.
func (g *Guarder) explain(ctx context.Context, err error) error {
	if err == nil || !errors.Is(err, context.DeadlineExceeded) || !g.passed(ctx) {
		return err
	}
	return g.late
}

// reading returns the context for the rows of a query, or releases the deadline if there are none.
func (g *Guarder) reading(ctx context.Context, cancel context.CancelFunc, rows driver.Rows, err error) (context.Context, driver.Rows, error) {
	if err != nil {
		err = g.explain(ctx, err)
		cancel()
		return ctx, rows, err
	}
	if g.config.Deadline <= 0 && g.config.MaxRows <= 0 {
		return ctx, rows, nil
	}
	if ctx == nil {
		ctx = context.Background()
	}
	return &reading{Context: ctx, guard: g, cancel: cancel}, rows, nil
}

func (g *Guarder) readingOf(ctx context.Context) *reading {
	if ctx == nil {
		return nil
	}
	r, _ := ctx.Value(g).(*reading)
	return r
}

// RowsNext reads the next row, unless the deadline has passed or there are too many.
func (g *Guarder) RowsNext(ctx context.Context, rows driver.Rows, dest []driver.Value) error {
	r := g.readingOf(ctx)
	if r == nil {
		return rows.Next(dest)
	}
	if g.passed(r.Context) {
		return g.late
	}
	if err := rows.Next(dest); err != nil {
		return g.explain(r.Context, err)
	}
	if r.rows++; g.config.MaxRows > 0 && r.rows > g.config.MaxRows {
		return &RowLimitError{Max: g.config.MaxRows}
	}
	return nil
}

// RowsClose closes the rows and releases the deadline.
func (g *Guarder) RowsClose(ctx context.Context, rows driver.Rows) error {
	err := rows.Close()
	if r := g.readingOf(ctx); r != nil {
		r.cancel()
	}
	return err
}

package sqlmiddleware

import (
	"cmp"
	"context"
	"database/sql/driver"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/ngrok/sqlmw"
)

// RetryConfig configures Retry. The zero value works.
type RetryConfig struct {
	// MaxRetries is how often a statement is tried again. Default 8, which are 1.1 s of waiting with the
	// default delays; negative: as often as MaxDuration allows.
	MaxRetries int

	// Delay is the wait before the first retry; each further wait is twice the one before. Default 10ms:
	// a write transaction of a few rows takes less. Negative: no waits.
	Delay time.Duration

	// MaxDelay bounds a wait before its jitter. Default 250ms.
	MaxDelay time.Duration

	// Jitter is the part of a wait that is random, up to 1: with 0.5 a wait of 10ms becomes 5 to 15ms, so that
	// connections that failed together do not return together. Default 0.5; negative: none.
	Jitter float64

	// MaxDuration is how long after its beginning a statement may be tried again. An attempt itself
	// lasts up to busy_timeout and is not cut short, so a call lasts at most MaxDuration and one busy_timeout.
	// Default 10s; negative: no bound but the context and MaxRetries.
	MaxDuration time.Duration

	// BudgetRate is which part of the statements that are being retried at the moment may be within an
	// attempt, from 0 to 1, so that a pool whose every connection waits for one lock fails fast instead of
	// queueing. Default 0.2, failsafe-go's; negative: no budget.
	BudgetRate float64

	// BudgetMin is how many may always be. Default 3, failsafe-go's.
	BudgetMin uint

	// OnRetry, if not nil, is called before each wait with the statement's context, on the goroutine that
	// runs the statement. Its panics are ignored.
	OnRetry func(ctx context.Context, e RetryEvent)
}

// RetryEvent is one retry that is about to be waited for.
type RetryEvent struct {
	Retry int           // 1 for the first
	Delay time.Duration // how long it waits
	Err   error         // the busy error
}

func (c RetryConfig) withDefaults() RetryConfig {
	c.MaxRetries = cmp.Or(c.MaxRetries, 8)
	c.Delay = cmp.Or(c.Delay, 10*time.Millisecond)
	c.MaxDelay = max(cmp.Or(c.MaxDelay, 250*time.Millisecond), c.Delay)
	c.Jitter = min(cmp.Or(c.Jitter, 0.5), 1)
	c.MaxDuration = cmp.Or(c.MaxDuration, 10*time.Second)
	c.BudgetRate = cmp.Or(c.BudgetRate, 0.2)
	c.BudgetMin = cmp.Or(c.BudgetMin, 3)
	return c
}

// Retrier tries busy statements again. Retry makes one.
type Retrier struct {
	sqlmw.NullInterceptor
	config RetryConfig
	policy failsafe.Policy[any]
	shapes texts[shape]
	open   transactions
	counts retryCounts
}

// Retry returns an interceptor that tries again what SQLite refused with SQLITE_BUSY, SQLITE_BUSY_RECOVERY
// or SQLITE_BUSY_TIMEOUT while nothing of it had an effect: a single statement outside of a transaction
// before its first row, the BEGIN of a transaction, and the preparing of a statement. SQLite undoes a
// statement that is refused, so none takes effect twice; but functions of the application that it calls
// may be called again.
//
// Never tried again are statements within a transaction, begun by BeginTx or by text, for the application
// read under a lock or a snapshot that a retry could not give back: begin such transactions with
// _txlock=immediate, and their BEGIN does the waiting. Nor COMMIT, RELEASE and ROLLBACK, texts of several
// statements, reading the next row, and SQLITE_BUSY_SNAPSHOT, which does not go away by waiting. After a text of
// several statements failed that has a BEGIN in it, the connection counts as in a transaction until a COMMIT, a
// ROLLBACK or the next BeginTx shows otherwise.
//
// A statement that is given up returns its last busy error as modernc made it. When its context ends during a
// wait it returns the context's error at once, as modernc does when busy_timeout is waited for.
// https://sqlite.org/rescode.html#busy
func Retry(c RetryConfig) *Retrier {
	r := &Retrier{config: c.withDefaults(), shapes: texts[shape]{read: readShape}}
	r.policy = r.newPolicy()
	return r
}

// ConnExecContext runs a text, again if it is busy.
func (r *Retrier) ConnExecContext(ctx context.Context, conn driver.ExecerContext, query string, args []driver.NamedValue) (driver.Result, error) {
	s, start := r.shapeOf(query), time.Now()
	result, err := conn.ExecContext(ctx, query, args)
	if isBusy(err) && r.may(conn, s) {
		result, err = again(ctx, r, start, err, func() (driver.Result, error) { return conn.ExecContext(ctx, query, args) })
	}
	r.open.note(conn, s, err)
	return result, err
}

// ConnQueryContext runs a query, again if it is busy before its first row.
func (r *Retrier) ConnQueryContext(ctx context.Context, conn driver.QueryerContext, query string, args []driver.NamedValue) (context.Context, driver.Rows, error) {
	s, start := r.shapeOf(query), time.Now()
	rows, err := conn.QueryContext(ctx, query, args)
	if isBusy(err) && r.may(conn, s) {
		rows, err = again(ctx, r, start, err, func() (driver.Rows, error) { return conn.QueryContext(ctx, query, args) })
	}
	r.open.note(conn, s, err)
	return ctx, rows, err
}

// ConnBeginTx begins a transaction, again if it is busy.
func (r *Retrier) ConnBeginTx(ctx context.Context, conn driver.ConnBeginTx, opts driver.TxOptions) (context.Context, driver.Tx, error) {
	start := time.Now()
	tx, err := conn.BeginTx(ctx, opts)
	if isBusy(err) && r.may(conn, shape{single: true}) {
		tx, err = again(ctx, r, start, err, func() (driver.Tx, error) { return conn.BeginTx(ctx, opts) })
	}
	if err != nil {
		return ctx, tx, err
	}
	r.open.apply(conn, control{verb: ends}) // what was believed to be open was not
	r.open.apply(conn, control{verb: begins})
	return ctx, &tracked{Tx: tx, open: &r.open, conn: conn}, nil
}

// ConnPrepareContext prepares a statement, again if the schema cannot be read because of a lock.
func (r *Retrier) ConnPrepareContext(ctx context.Context, conn driver.ConnPrepareContext, query string) (context.Context, driver.Stmt, error) {
	start := time.Now()
	stmt, err := conn.PrepareContext(ctx, query)
	if isBusy(err) && r.may(conn, shape{single: true}) {
		stmt, err = again(ctx, r, start, err, func() (driver.Stmt, error) { return conn.PrepareContext(ctx, query) })
	}
	if err != nil {
		return ctx, stmt, err
	}
	return ctx, r.prepared(conn, stmt, query), nil
}

// may reports whether what was busy on conn can be tried again, and counts it if not.
func (r *Retrier) may(conn any, s shape) bool {
	if s.single && (len(s.controls) == 0 || s.controls[0].verb == begins) && !r.open.inside(conn) {
		return true
	}
	r.counts.left.Add(1)
	return false
}

package driver

import (
	"context"
	"database/sql/driver"
	"sync/atomic"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"modernc.org/sqlite"
)

// innerConn is everything modernc's connection can do: what database/sql asks for and what
// applications reach through sql.Conn.Raw.
type innerConn interface {
	calls
	driver.SessionResetter
	driver.Validator

	sqlite.AuthorizerRegisterer
	sqlite.DBStatus
	sqlite.FileControl
	sqlite.HookRegisterer
	NewBackup(dstUri string) (*sqlite.Backup, error)
	NewRestore(srcUri string) (*sqlite.Backup, error)
	Serialize() ([]byte, error)
	Deserialize(buf []byte) error
	ColumnInfo(query string) ([]sqlite.ColumnInfo, error)
	IsReadOnly(schema string) (bool, error)
}

// conn records what goes through the inner connection. All methods it does not define are the
// inner connection's own.
type conn struct {
	innerConn // modernc's
	session   *session
	chain     calls // the interceptors' connection around session, nil without any
	config    Config
	source    *capture.Source
	ring      *capture.Ring
	pool      *capture.Conn
	txlock    capture.Begin // how BeginTx begins

	statements statementCache
	callers    callerCache
	tx         *tx // the transaction that is open, nil outside one

	// ctx is what the connection was lent out with, and owner the scope of it: a statement run with
	// a context that says nothing belongs to who holds the connection.
	ctx   context.Context
	owner *capture.Scope
}

var transactions atomic.Uint64

func newConn(ctx context.Context, from *connector, s *session, chained calls) *conn {
	c := &conn{
		innerConn: s.innerConn,
		session:   s,
		chain:     chained,
		config:    from.config,
		source:    from.source,
		ring:      from.config.recorder.Ring(),
		pool:      from.source.Open(),
		txlock:    txlock(from.dsn),
	}
	s.pool = c.pool
	c.lent(ctx)
	return c
}

// Unwrap returns modernc's connection, for use inside sql.Conn.Raw.
func (c *conn) Unwrap() driver.Conn { return c.innerConn }

// Source identifies the database the connection is to.
func (c *conn) Source() *capture.Source { return c.source }

// Close closes the inner connection and lets the recorder forget this one. A transaction that is
// open is rolled back by SQLite.
func (c *conn) Close() error {
	if c.tx != nil {
		c.tx.record(capture.ModeRollback, capture.EndClosed, nil)
	}
	err := c.session.Close()
	c.pool.Close()
	c.ring.Close()
	return err
}

// scope finds who runs a statement: the scope of ctx, or else the one that began the transaction,
// or else the one that holds the connection. Nobody is ever guessed.
func (c *conn) scope(ctx context.Context) *capture.Scope {
	s := c.owner
	if !identical(ctx, c.ctx) {
		s = capture.ScopeOf(ctx)
	}
	switch {
	case s != nil:
		return s
	case c.tx != nil && !c.tx.left && c.tx.scope != nil:
		return c.tx.scope
	}
	return c.owner
}

// trace is the application's own span around a statement: that of ctx, or of the transaction for a
// statement whose context says nothing.
func (c *conn) trace(ctx context.Context) *capture.Trace {
	t := capture.TraceIn(ctx)
	if t == nil && c.tx != nil && c.tx.trace != nil && !c.tx.left && capture.ScopeOf(ctx) == nil {
		return c.tx.trace
	}
	return t
}

// identical says that two contexts are the same value, without comparing what they hold: a context
// may be of a type that cannot be compared.
func identical(a, b context.Context) bool {
	aTable, aValue := words(&a)
	bTable, bValue := words(&b)
	return aTable == bTable && aValue == bValue
}

// QueryContext runs query on the inner connection, whose result it wraps.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	call := c.begin(ctx, query, args, capture.ModeQuery)
	if c.chain != nil {
		return call.chained(func() (driver.Rows, error) { return c.chain.QueryContext(ctx, query, args) })
	}
	inner, lease, err := c.session.query(ctx, query, args)
	return call.rows(inner, lease, err)
}

// ExecContext runs query on the inner connection.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	call := c.begin(ctx, query, args, capture.ModeExec)
	if c.chain != nil {
		return call.chainedExec(func() (driver.Result, error) { return c.chain.ExecContext(ctx, query, args) })
	}
	result, cost, err := c.session.exec(ctx, query, args)
	call.exec(result, cost, err)
	return result, err
}

// Query is for callers that hold the connection by sql.Conn.Raw; database/sql uses QueryContext.
func (c *conn) Query(query string, args []driver.Value) (driver.Rows, error) {
	call := c.begin(context.Background(), query, nil, capture.ModeQuery)
	if c.chain != nil {
		return call.chained(func() (driver.Rows, error) { return c.chain.Query(query, args) })
	}
	inner, err := c.session.Query(query, args)
	return call.rows(inner, lease{}, err)
}

// Exec is for callers that hold the connection by sql.Conn.Raw; database/sql uses ExecContext.
func (c *conn) Exec(query string, args []driver.Value) (driver.Result, error) {
	call := c.begin(context.Background(), query, nil, capture.ModeExec)
	if c.chain != nil {
		return call.chainedExec(func() (driver.Result, error) { return c.chain.Exec(query, args) })
	}
	result, err := c.session.Exec(query, args)
	call.exec(result, spent{}, err)
	return result, err
}

// PrepareContext prepares query; executions of the statement are recorded, preparing is not.
func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if c.chain != nil {
		return c.chainedPrepare(query, func() (driver.Stmt, error) { return c.chain.PrepareContext(ctx, query) })
	}
	inner, err := c.session.PrepareContext(ctx, query)
	return c.wrapStmt(inner, query, err)
}

// Prepare is PrepareContext without a context.
func (c *conn) Prepare(query string) (driver.Stmt, error) {
	if c.chain != nil {
		return c.chainedPrepare(query, func() (driver.Stmt, error) { return c.chain.Prepare(query) })
	}
	inner, err := c.session.Prepare(query)
	return c.wrapStmt(inner, query, err)
}

// Ping goes through the interceptors. It is not recorded.
func (c *conn) Ping(ctx context.Context) error {
	if c.chain != nil {
		return guard(func() error { return c.chain.Ping(ctx) })
	}
	return c.innerConn.Ping(ctx)
}

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
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	//lint:ignore SA1019 modernc has it, so the wrapper has it
	driver.Execer
	//lint:ignore SA1019 modernc has it, so the wrapper has it
	driver.Queryer
	driver.Pinger
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
	innerConn
	config     Config
	source     *capture.Source
	ring       *capture.Ring
	id         uint64
	statements statementCache
	tx         *tx // the transaction begun by BeginTx, nil outside one
}

var connections, transactions atomic.Uint64

func newConn(base innerConn, config Config, source *capture.Source) *conn {
	return &conn{
		innerConn: base,
		config:    config,
		source:    source,
		ring:      config.recorder.Ring(),
		id:        connections.Add(1),
	}
}

// Unwrap returns modernc's connection, for use inside sql.Conn.Raw.
func (c *conn) Unwrap() driver.Conn { return c.innerConn }

// Source identifies the database the connection is to.
func (c *conn) Source() *capture.Source { return c.source }

// Close closes the inner connection and lets the recorder forget this one.
func (c *conn) Close() error {
	err := c.innerConn.Close()
	c.ring.Close()
	return err
}

// scope finds who runs a statement: the scope of ctx, or else the one that began the transaction.
func (c *conn) scope(ctx context.Context) *capture.Scope {
	if s := capture.ScopeOf(ctx); s != nil {
		return s
	}
	if c.tx != nil {
		return c.tx.scope
	}
	return nil
}

// QueryContext runs query on the inner connection, whose result it wraps.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	scope := c.scope(ctx)
	if scope.Muted() {
		return c.innerConn.QueryContext(ctx, query, args)
	}
	call := c.begin(query, args, scope, capture.ModeQuery)
	inner, err := c.innerConn.QueryContext(ctx, query, args)
	return call.rows(inner, err)
}

// ExecContext runs query on the inner connection.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	scope := c.scope(ctx)
	if scope.Muted() {
		return c.innerConn.ExecContext(ctx, query, args)
	}
	call := c.begin(query, args, scope, capture.ModeExec)
	result, err := c.innerConn.ExecContext(ctx, query, args)
	call.exec(result, err)
	return result, err
}

// Query is for callers that hold the connection by sql.Conn.Raw; database/sql uses QueryContext.
func (c *conn) Query(query string, args []driver.Value) (driver.Rows, error) {
	call := c.begin(query, nil, c.scope(context.Background()), capture.ModeQuery)
	inner, err := c.innerConn.Query(query, args)
	return call.rows(inner, err)
}

// Exec is for callers that hold the connection by sql.Conn.Raw; database/sql uses ExecContext.
func (c *conn) Exec(query string, args []driver.Value) (driver.Result, error) {
	call := c.begin(query, nil, c.scope(context.Background()), capture.ModeExec)
	result, err := c.innerConn.Exec(query, args)
	call.exec(result, err)
	return result, err
}

// PrepareContext prepares query; executions of the statement are recorded, preparing is not.
func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	inner, err := c.innerConn.PrepareContext(ctx, query)
	return c.wrapStmt(inner, query, err)
}

// Prepare is PrepareContext without a context.
func (c *conn) Prepare(query string) (driver.Stmt, error) {
	inner, err := c.innerConn.Prepare(query)
	return c.wrapStmt(inner, query, err)
}

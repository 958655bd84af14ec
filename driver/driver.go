// Package driver is a database/sql driver for SQLite that behaves as modernc.org/sqlite does and
// tells the process-wide recorder of every statement and transaction.
//
// Importing it registers the driver name "sqlite-perf". Data source names are modernc's own.
// A connection's state is owned by the goroutine database/sql lends the connection to; recording
// takes no lock that another connection contends for. Nothing here waits for a reader of the
// events: when nobody drains them they are dropped and counted.
package driver

import (
	"context"
	"database/sql"
	"database/sql/driver"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"modernc.org/sqlite"
)

// Name is the driver's name for sql.Open.
const Name = "sqlite-perf"

func init() { sql.Register(Name, perfDriver{}) }

// Open is sql.Open with a Config. Like it, it opens no connection yet.
func Open(dsn string, c Config) *sql.DB { return sql.OpenDB(NewConnector(dsn, c)) }

// NewConnector returns a connector for sql.OpenDB. Like sql.Open it opens nothing; a data source
// name that modernc refuses is refused by the first Connect, with modernc's own error, and so is a
// Config out of range.
func NewConnector(dsn string, c Config) driver.Connector {
	if c.recorder == nil {
		c.recorder = capture.Default
	}
	base, err := sqlite.NewConnector(dsn)
	if err == nil {
		err = c.check()
	}
	return &connector{base: base, err: err, config: c, dsn: dsn, source: capture.SourceOf(filePath(dsn), dsn)}
}

// perfDriver is what sql.Register knows under Name.
type perfDriver struct{}

// OpenConnector never fails, as sql.Open("sqlite", …) never does.
func (perfDriver) OpenConnector(dsn string) (driver.Connector, error) {
	return NewConnector(dsn, configFromEnv()), nil
}

// Open opens a connection without a pool.
func (perfDriver) Open(dsn string) (driver.Conn, error) {
	return NewConnector(dsn, configFromEnv()).Connect(context.Background())
}

type connector struct {
	base   driver.Connector
	err    error // modernc's verdict on the data source name, or ours on the Config
	config Config
	dsn    string
	source *capture.Source
}

// Connect opens a connection that records. The scope of ctx owns it until it is first returned.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	if c.err != nil {
		return nil, c.err
	}
	s, chained, opened, err := c.open(ctx)
	if err != nil || s == nil {
		return opened, err // another shape than the one wrapped here: better unseen than changed
	}
	return newConn(ctx, c, s, chained), nil
}

// open opens modernc's connection, behind the interceptors if there are any.
func (c *connector) open(ctx context.Context) (s *session, chained calls, opened driver.Conn, err error) {
	if len(c.config.Interceptors) > 0 {
		return c.openChain(ctx)
	}
	if opened, err = c.base.Connect(ctx); err != nil {
		return nil, nil, nil, err
	}
	return newSession(opened, c.config), nil, opened, nil
}

// Driver returns modernc's driver, as the bare connector does.
func (c *connector) Driver() driver.Driver {
	if c.base == nil {
		return bareDriver()
	}
	return c.base.Driver()
}

// bareDriver is the driver modernc registers, also when there is no connector to ask.
func bareDriver() driver.Driver {
	base, err := sqlite.NewConnector(":memory:")
	if err != nil {
		return perfDriver{}
	}
	return base.Driver()
}

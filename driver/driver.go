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
	"os"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"modernc.org/sqlite"
)

// Name is the driver's name for sql.Open.
const Name = "sqlite-perf"

func init() { sql.Register(Name, perfDriver{}) }

// Config configures a connector. The zero value works.
type Config struct {
	// Parameters says what is kept of the values bound to statements. Default ParametersOff.
	Parameters Parameters

	// recorder is where events go; the process-wide one unless a test says otherwise.
	recorder *capture.Recorder
}

// Parameters says what is kept of bound values.
type Parameters uint8

const (
	// ParametersOff keeps nothing. Proofs draw values from the columns that statements compare
	// with, and say so.
	ParametersOff Parameters = iota
	// ParametersValues keeps up to 32 parameter lists per statement in memory, equally likely any
	// of those bound so far. They are replayed on shadow copies, never stored or shown.
	ParametersValues
)

// NewConnector returns a connector for sql.OpenDB. Like sql.Open it opens nothing; a data source
// name that modernc refuses is refused by the first Connect, with modernc's own error.
func NewConnector(dsn string, c Config) driver.Connector {
	if c.recorder == nil {
		c.recorder = capture.Default
	}
	base, err := sqlite.NewConnector(dsn)
	return &connector{base: base, err: err, config: c, source: capture.SourceOf(filePath(dsn), dsn)}
}

// configFromEnv is what sql.Open uses: SQLITE_PERF_PARAMETERS=values allows values to be kept.
func configFromEnv() Config {
	if os.Getenv("SQLITE_PERF_PARAMETERS") == "values" {
		return Config{Parameters: ParametersValues}
	}
	return Config{}
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
	err    error // modernc's verdict on the data source name
	config Config
	source *capture.Source
}

// Connect opens a connection that records.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	if c.err != nil {
		return nil, c.err
	}
	opened, err := c.base.Connect(ctx)
	if err != nil {
		return nil, err
	}
	base, ok := opened.(innerConn)
	if !ok {
		return opened, nil // another shape than the one wrapped here: better unseen than changed
	}
	return newConn(base, c.config, c.source), nil
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

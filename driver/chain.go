package driver

import (
	"context"
	"database/sql/driver"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/ngrok/sqlmw"
)

// calls is what statements and transactions need of a connection: of modernc's, and of sqlmw's around
// a session. What sqlmw's drops besides, the outer connection has from modernc's itself.
type calls interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	//lint:ignore SA1019 for callers that hold the connection by sql.Conn.Raw
	driver.Execer
	//lint:ignore SA1019 for callers that hold the connection by sql.Conn.Raw
	driver.Queryer
	driver.Pinger
}

// PanicError reports that an interceptor panicked. What it had open is closed; the connection stays.
type PanicError struct {
	Value any    // what it panicked with
	Stack []byte // where
}

// Error says what the interceptor panicked with.
func (e *PanicError) Error() string {
	return fmt.Sprintf("sqlite-perf: interceptor panicked: %v", e.Value)
}

// guard turns a panic within f into an error: what is left undone by a panic in the middle of
// database/sql would hold the connection for ever.
func guard(f func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &PanicError{Value: value, Stack: debug.Stack()}
		}
	}()
	return f()
}

// openChain opens a connection through the interceptors, which see it being opened.
func (c *connector) openChain(ctx context.Context) (s *session, chained calls, opened driver.Conn, err error) {
	bottom := &chainDriver{connector: c.base, config: c.config, driver: c.Driver()}
	var d driver.Driver = bottom
	for _, interceptor := range slices.Backward(c.config.Interceptors) {
		d = sqlmw.Driver(d, interceptor)
	}
	err = guard(func() error {
		top, err := connectorOf(d, c.dsn)
		if err == nil {
			opened, err = top.Connect(ctx)
		}
		return err
	})
	chained, ok := opened.(calls)
	if err != nil || bottom.session == nil || !ok {
		return nil, nil, opened, bottom.abandon(err)
	}
	return bottom.session, chained, opened, nil
}

func connectorOf(d driver.Driver, dsn string) (driver.Connector, error) {
	if with, ok := d.(driver.DriverContext); ok {
		return with.OpenConnector(dsn)
	}
	return nil, fmt.Errorf("sqlite-perf: %T has no connectors", d)
}

// chainDriver is what the innermost interceptor takes for the driver: it opens one connection.
type chainDriver struct {
	connector driver.Connector
	driver    driver.Driver
	config    Config
	session   *session
}

func (d *chainDriver) Open(string) (driver.Conn, error) { return d.Connect(context.Background()) }

func (d *chainDriver) OpenConnector(string) (driver.Connector, error) { return d, nil }

func (d *chainDriver) Driver() driver.Driver { return d.driver }

// Connect opens modernc's connection. An interceptor may try again after a failure.
func (d *chainDriver) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := d.connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	s := newSession(opened, d.config)
	if s == nil {
		return opened, nil
	}
	if d.session != nil {
		d.session.Close()
	}
	d.session = s
	return &chainConn{session: s}, nil
}

// abandon closes what was opened if an interceptor failed afterwards.
func (d *chainDriver) abandon(err error) error {
	if err != nil && d.session != nil {
		d.session.Close()
	}
	return err
}

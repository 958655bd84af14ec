package driver

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
)

// ErrUnsupported reports a connection that is not of this driver, or whose modernc.org/sqlite is of
// a version not known here.
var ErrUnsupported = errors.New("sqlite-perf: not supported on this connection")

// Limit is sqlite.Limit for connections of this driver, which modernc's own function does not know:
// it sets a run-time limit and returns the value before; a negative value only reads it.
// https://sqlite.org/c3ref/limit.html
func Limit(c *sql.Conn, id, newVal int) (before int, err error) {
	err = c.Raw(func(driverConn any) error {
		outer, ok := driverConn.(*conn)
		if !ok || !outer.session.handle.known() {
			return fmt.Errorf("%w: %T", ErrUnsupported, driverConn)
		}
		if newVal >= 0 {
			outer.session.forget() // they were compiled under the limit before
		}
		before = outer.session.handle.limit(id, newVal)
		return nil
	})
	return before, err
}

// Unwrap returns modernc's connection behind one of this driver's, as sql.Conn.Raw hands it out, or
// the connection itself if it is of another driver.
func Unwrap(driverConn any) any {
	if outer, ok := driverConn.(interface{ Unwrap() driver.Conn }); ok {
		return outer.Unwrap()
	}
	return driverConn
}

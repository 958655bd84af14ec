package suite

// shimName comes last, so that its test runs after modernc's.
const shimName = "zz_shim_test.go"

// shim is what modernc's tests find in their package and miss outside of it, by names of its own:
// connUnderTest stands for newConn as far as the methods that are exported.
const shim = `package ` + generate + `

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"os"
	"testing"

	"github.com/ngrok/sqlmw"
	perf "github.com/sqliteperf/sqliteperf/driver"
	"github.com/sqliteperf/sqliteperf/internal/capture"
	"modernc.org/sqlite"
)

const chained = "` + chained + `"

var driverName = os.Getenv("` + variable + `")

func init() { sql.Register(chained, chainedDriver{}) }

// chainedDriver is ours with an interceptor that does nothing.
type chainedDriver struct{}

func (chainedDriver) OpenConnector(dsn string) (driver.Connector, error) { return connector(chained, dsn), nil }

func (chainedDriver) Open(dsn string) (driver.Conn, error) {
	return connector(chained, dsn).Connect(context.Background())
}

func connector(name, dsn string) driver.Connector {
	var c perf.Config
	if name == chained {
		c.Interceptors = []sqlmw.Interceptor{sqlmw.NullInterceptor{}}
	}
	return perf.NewConnector(dsn, c)
}

func connectorUnderTest(dsn string) (driver.Connector, error) {
	bare, err := sqlite.NewConnector(dsn)
	if err != nil || driverName == "sqlite" {
		return bare, err
	}
	return connector(driverName, dsn), nil
}

func limitUnderTest(c *sql.Conn, id, newVal int) (int, error) {
	if driverName == "sqlite" {
		return sqlite.Limit(c, id, newVal)
	}
	return perf.Limit(c, id, newVal)
}

type openConn struct {
	methods
	db   *sql.DB
	conn *sql.Conn
}

type methods interface {
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	NewBackup(dstUri string) (*sqlite.Backup, error)
	NewRestore(srcUri string) (*sqlite.Backup, error)
	Serialize() ([]byte, error)
	Deserialize(buf []byte) error
	sqlite.HookRegisterer
	sqlite.AuthorizerRegisterer
}

func connUnderTest(dsn string) (*openConn, error) {
	db, err := sql.Open(driverName, dsn)
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(context.Background())
	if err != nil {
		db.Close()
		return nil, err
	}
	c := &openConn{db: db, conn: conn}
	return c, conn.Raw(func(dc any) error { c.methods = dc.(methods); return nil })
}

func (c *openConn) exec(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return c.ExecContext(ctx, query, args)
}

func (c *openConn) Close() error {
	c.conn.Close()
	return c.db.Close()
}

// TestZCaptured shows that the driver under test was the one that ran.
func TestZCaptured(t *testing.T) {
	n := capture.Default.Counts().Recorded
	t.Logf("%d events recorded", n)
	if (n == 0) != (driverName == "sqlite") {
		t.Errorf("%d events recorded on %s", n, driverName)
	}
}
`

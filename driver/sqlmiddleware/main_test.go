package sqlmiddleware

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"path/filepath"
	"testing"

	"github.com/ngrok/sqlmw"
	"go.uber.org/goleak"
	"modernc.org/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bareDriver is modernc's driver by way of its connector, as package driver uses it.
type bareDriver struct{}

func (bareDriver) Open(dsn string) (driver.Conn, error) {
	c, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, err
	}
	return c.Connect(context.Background())
}

func (bareDriver) OpenConnector(dsn string) (driver.Connector, error) {
	return sqlite.NewConnector(dsn)
}

// chain is a connector through the interceptors, the first one outermost.
func chain(dsn string, interceptors ...sqlmw.Interceptor) (driver.Connector, error) {
	var d driver.Driver = bareDriver{}
	for i := len(interceptors) - 1; i >= 0; i-- {
		d = sqlmw.Driver(d, interceptors[i])
	}
	return d.(driver.DriverContext).OpenConnector(dsn)
}

func open(t testing.TB, dsn string, interceptors ...sqlmw.Interceptor) *sql.DB {
	t.Helper()
	connector, err := chain(dsn, interceptors...)
	must(t, err)
	db := sql.OpenDB(connector)
	t.Cleanup(func() { db.Close() })
	return db
}

// single is one connection of db.
func single(t testing.TB, db *sql.DB) *sql.Conn {
	t.Helper()
	c, err := db.Conn(context.Background())
	must(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// file is a new database with the table t(id INTEGER PRIMARY KEY, a) and two rows.
func file(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "app.db")
	db := open(t, path)
	run(t, db, "CREATE TABLE t(id INTEGER PRIMARY KEY, a); INSERT INTO t(a) VALUES (1), (2)")
	must(t, db.Close())
	return path
}

func run(t testing.TB, db *sql.DB, query string) {
	t.Helper()
	_, err := db.Exec(query)
	must(t, err)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// count is how many rows t has, asked without any interceptor.
func count(t testing.TB, path string) (n int) {
	t.Helper()
	db := open(t, path)
	defer db.Close()
	must(t, db.QueryRow("SELECT count(*) FROM t").Scan(&n))
	return n
}

// lock takes the lock of a mode, such as IMMEDIATE, on a connection of its own until unlock is called.
func lock(t testing.TB, path, mode string) (unlock func()) {
	t.Helper()
	db := open(t, path)
	c := single(t, db)
	_, err := c.ExecContext(context.Background(), "BEGIN "+mode)
	must(t, err)
	return func() {
		if _, err := c.ExecContext(context.Background(), "ROLLBACK"); err != nil {
			t.Error(err)
		}
	}
}

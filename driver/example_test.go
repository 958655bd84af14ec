package driver_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"
	"log"
	"sync"

	"github.com/ngrok/sqlmw"
	"github.com/sqliteperf/sqliteperf/driver"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// counter is an interceptor of the application's own.
type counter struct {
	sqlmw.NullInterceptor
	mu    sync.Mutex
	execs int
}

func (c *counter) ConnExecContext(ctx context.Context, conn sqldriver.ExecerContext, query string, args []sqldriver.NamedValue) (sqldriver.Result, error) {
	c.mu.Lock()
	c.execs++
	c.mu.Unlock()
	return conn.ExecContext(ctx, query, args)
}

// A database with a statement cache, and with an interceptor around every call.
func ExampleOpen() {
	var c counter
	db := driver.Open(":memory:", driver.Config{StatementCache: 100, Interceptors: []sqlmw.Interceptor{&c}})
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, query := range []string{"CREATE TABLE t(id INTEGER PRIMARY KEY)", "INSERT INTO t VALUES(1)"} {
		if _, err := db.Exec(query); err != nil {
			log.Fatal(err)
		}
	}
	var n int
	if err := db.QueryRow("SELECT count(*) FROM t").Scan(&n); err != nil {
		log.Fatal(err)
	}
	fmt.Println(n, "row,", c.execs, "executions")
	// Output: 1 row, 2 executions
}

// printer is a sink that shows events instead of summing them up.
type printer struct{}

func (printer) Record(ev driver.Event) {
	if ev.Statement != nil {
		fmt.Println(ev.Statement.Fingerprint, "returned", ev.Rows, "rows")
	}
}

func init() { sql.Register("captured", sqlmw.Driver(&sqlite.Driver{}, driver.Interceptor(printer{}))) }

// The capture as a link in a sqlmw chain around another driver, which was registered in init. A nil sink
// would send its events to the advisor.
func ExampleInterceptor() {
	db, err := sql.Open("captured", ":memory:")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	var v string
	if err := db.QueryRow("SELECT 'secret'").Scan(&v); err != nil {
		log.Fatal(err)
	}
	// Output: SELECT ? returned 1 rows
}

// A run-time limit of SQLite's, on one connection.
func ExampleLimit() {
	db := driver.Open(":memory:", driver.Config{})
	defer db.Close()
	conn, err := db.Conn(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	if _, err := driver.Limit(conn, sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 2); err != nil {
		log.Fatal(err)
	}
	_, err = conn.ExecContext(context.Background(), "SELECT ?, ?, ?", 1, 2, 3)
	fmt.Println(err)
	// Output: SQL logic error: too many SQL variables (1)
}

package sqlmiddleware_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/ngrok/sqlmw"
	"github.com/sqliteperf/sqliteperf/driver"
	"github.com/sqliteperf/sqliteperf/driver/sqlmiddleware"
)

// openExample opens a database in a directory of its own, with a table of three orders.
func openExample(parameters string, interceptors ...sqlmw.Interceptor) (db *sql.DB, remove func()) {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	dsn := filepath.Join(dir, "app.db") + parameters
	setup := sql.OpenDB(driver.NewConnector(dsn, driver.Config{}))
	if _, err := setup.Exec("CREATE TABLE orders(id INTEGER PRIMARY KEY, total REAL); INSERT INTO orders(total) VALUES (1), (2), (3)"); err != nil {
		log.Fatal(err)
	}
	if err := setup.Close(); err != nil {
		log.Fatal(err)
	}
	db = sql.OpenDB(driver.NewConnector(dsn, driver.Config{Interceptors: interceptors}))
	return db, func() { db.Close(); os.RemoveAll(dir) }
}

// Another writer holds the lock and lets go of it when the second retry is due. Without busy_timeout SQLite
// itself does not wait.
func ExampleRetry() {
	var other *sql.Tx
	retry := sqlmiddleware.Retry(sqlmiddleware.RetryConfig{
		MaxDuration: 5 * time.Second,
		OnRetry: func(_ context.Context, e sqlmiddleware.RetryEvent) {
			if e.Retry == 2 {
				other.Rollback()
			}
		},
	})
	db, remove := openExample("?_txlock=immediate", retry)
	defer remove()
	other, err := db.Begin()
	if err != nil {
		log.Fatal(err)
	}
	_, err = db.Exec("INSERT INTO orders(total) VALUES (4)")
	stats := retry.Stats()
	fmt.Println(err, stats.Retries, "retries,", stats.Recovered, "recovered")
	// Output: <nil> 2 retries, 1 recovered
}

func ExampleGuard() {
	db, remove := openExample("", sqlmiddleware.Guard(sqlmiddleware.GuardConfig{
		Deadline: 5 * time.Second,
		MaxRows:  2,
		Forbid:   sqlmiddleware.DDL | sqlmiddleware.Attach | sqlmiddleware.DeleteAll | sqlmiddleware.Multiple,
	}))
	defer remove()
	_, err := db.Exec("DELETE FROM orders")
	fmt.Println(err, errors.Is(err, sqlmiddleware.ErrForbidden))
	_, err = db.Exec("DELETE FROM orders WHERE id = 7; DROP TABLE orders")
	fmt.Println(err)

	rows, err := db.Query("SELECT id FROM orders")
	if err != nil {
		log.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
	}
	fmt.Println(rows.Err())
	// Output:
	// statement is forbidden: statement 1 is DELETE without WHERE true
	// statement is forbidden: statement 1 is several statements
	// query returns too many rows: more than 2
}

// printer stands below Tags and prints what SQLite is about to get.
type printer struct{ sqlmw.NullInterceptor }

func (printer) ConnExecContext(ctx context.Context, conn sqldriver.ExecerContext, query string, args []sqldriver.NamedValue) (sqldriver.Result, error) {
	fmt.Println(query)
	return conn.ExecContext(ctx, query, args)
}

func ExampleTags() {
	type key struct{}
	db, remove := openExample("", sqlmiddleware.Tags(sqlmiddleware.TagsConfig{
		Static: []sqlmiddleware.Tag{{Key: "application", Value: "shop"}},
		Of: func(ctx context.Context) []sqlmiddleware.Tag {
			job, _ := ctx.Value(key{}).(string)
			return []sqlmiddleware.Tag{{Key: "job", Value: job}}
		},
	}), printer{})
	defer remove()
	ctx := context.WithValue(context.Background(), key{}, "close books")
	if _, err := db.ExecContext(ctx, "UPDATE orders SET total = 0 WHERE id = ?;", 1); err != nil {
		log.Fatal(err)
	}
	// Output: UPDATE orders SET total = 0 WHERE id = ? /*application='shop',job='close%20books'*/;
}

package driver

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"path/filepath"
	"testing"

	"modernc.org/sqlite"
)

// SQLite changes a setting while it compiles the PRAGMA, whoever asks for that and whether or not it is
// then run. Statements kept must not stay as they were compiled before.
func TestSettingsChangedByCompilingReachKeptStatements(t *testing.T) {
	const pragma = "PRAGMA foreign_keys = 1"
	ctx := context.Background()
	for name, compile := range map[string]func(*testing.T, *sql.Conn){
		"explained": func(t *testing.T, c *sql.Conn) { must(t, queryOn("EXPLAIN "+pragma)(c)) },
		"prepared": func(t *testing.T, c *sql.Conn) {
			st, err := c.PrepareContext(ctx, pragma)
			must(t, err)
			must(t, st.Close())
		},
		"prepared without a context": func(t *testing.T, c *sql.Conn) {
			raw(t, c, func(dc any) {
				st, err := dc.(driver.Conn).Prepare(pragma)
				must(t, err)
				must(t, st.Close())
			})
		},
		"asked for its columns": func(t *testing.T, c *sql.Conn) {
			raw(t, c, func(dc any) {
				_, err := dc.(interface {
					ColumnInfo(string) ([]sqlite.ColumnInfo, error)
				}).ColumnInfo(pragma)
				must(t, err)
			})
		},
		"explained by the old Query": func(t *testing.T, c *sql.Conn) {
			raw(t, c, func(dc any) {
				//lint:ignore SA1019 an old road
				rows, err := dc.(driver.Queryer).Query("EXPLAIN "+pragma, nil)
				must(t, err)
				must(t, rows.Close())
			})
		},
		"explained by the old Exec": func(t *testing.T, c *sql.Conn) {
			raw(t, c, func(dc any) {
				//lint:ignore SA1019 an old road
				_, err := dc.(driver.Execer).Exec("EXPLAIN "+pragma, nil)
				must(t, err)
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			everyConfig(t, func(t *testing.T, open opener, _ string) []string {
				c, s := single(t, open(t, ":memory:")), &transcript{}
				must(t, execOn("CREATE TABLE p(id PRIMARY KEY); CREATE TABLE c(p REFERENCES p)")(c))
				s.exec(ctx, c, "INSERT INTO c VALUES(7)")
				s.exec(ctx, c, "INSERT INTO c VALUES(7)")
				compile(t, c)
				s.exec(ctx, c, "INSERT INTO c VALUES(7)")
				return s.lines
			})
		})
	}
}

// As with the bare driver, closing modernc's connection is a way to take it out of the pool.
func TestClosingWhatUnwrapReturnsDiscardsTheConnection(t *testing.T) {
	everyConfig(t, func(t *testing.T, open opener, dir string) []string {
		db, s := open(t, filepath.Join(dir, "app.db")), &transcript{}
		db.SetMaxOpenConns(1)
		exec(t, db, "CREATE TABLE t(v)")
		exec(t, db, "INSERT INTO t VALUES(1)")
		c := single(t, db)
		raw(t, c, func(dc any) { s.notef("%s", failure(Unwrap(dc).(driver.Conn).Close())) })
		s.notef("%s", failure(c.Close()))
		s.exec(context.Background(), db, "INSERT INTO t VALUES(1)")
		return s.lines
	})
}

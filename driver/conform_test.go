//lint:file-ignore SA1019 old roads are roads, and old abilities abilities

package driver

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"testing"
	"time"
)

// probe is one thing an application may do with a database of its own.
type probe func(t *testing.T, s *transcript, db *sql.DB)

// probeDSN is where the probes run; %s is a directory.
const probeDSN = "file:%s/app.db?_pragma=synchronous(off)&_pragma=foreign_keys(1)&_time_format=sqlite"

var probes = map[string]probe{
	"values of every class": func(t *testing.T, s *transcript, db *sql.DB) {
		at := time.Date(2026, 2, 3, 4, 5, 6, 7000, time.FixedZone("", 3600))
		for _, v := range []any{
			nil, 0, int8(-1), int64(math.MaxInt64), uint64(7), uint64(math.MaxUint64), 1.5, math.Inf(1), math.NaN(), true,
			"", "text", "nul\x00byte", "\xff", []byte(nil), []byte{}, []byte{0, 255}, at, &at, (*int)(nil),
			sql.NullString{}, sql.NullInt64{Int64: 5, Valid: true}, struct{}{}, []int{1}, failing{},
		} {
			s.query(context.Background(), db, "SELECT ? AS v, typeof(?1)", v)
		}
	},
	"declared types": func(t *testing.T, s *transcript, db *sql.DB) {
		ctx := context.Background()
		s.exec(ctx, db, "CREATE TABLE d(i INTEGER, b BOOLEAN, r REAL, t VARCHAR(10), at DATETIME, day DATE, ts TIMESTAMP, dec DECIMAL(10,2), any)")
		s.exec(ctx, db, "INSERT INTO d VALUES(1, true, 1, 'x', '2026-02-03 04:05:06', '2026-02-03', 1700000000, 1.25, x'01'), (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)")
		s.query(ctx, db, "SELECT * FROM d")
		s.query(ctx, db, "SELECT * FROM d WHERE i = 0")
		s.query(ctx, db, "SELECT i + 1, max(at), count(*) AS n FROM d")
	},
	"texts of none and of several statements": func(t *testing.T, s *transcript, db *sql.DB) {
		ctx := context.Background()
		for _, text := range []string{
			"", ";", "-- only a comment", "/* open", "SELECT 1; SELECT 2", "SELECT 1; SELEC", "CREATE TABLE m(x); INSERT INTO m VALUES(1), (2); SELECT * FROM m",
			"SELECT x FROM m WHERE x > 5; SELECT x FROM m", "SELECT 'a\x00b'", "SELECT '\xff'",
		} {
			s.query(ctx, db, text)
			s.exec(ctx, db, text)
		}
	},
	"parameters": func(t *testing.T, s *transcript, db *sql.DB) {
		ctx := context.Background()
		s.query(ctx, db, "SELECT :a, @b, $c", sql.Named("a", 1), sql.Named("b", "2"), sql.Named("c", nil))
		s.query(ctx, db, "SELECT :a, :a, ?", sql.Named("a", 1), 2, 3)
		s.query(ctx, db, "SELECT ?3, ?1", 1, 2, 3)
		s.query(ctx, db, "SELECT ?, ?", 1)
		s.query(ctx, db, "SELECT ?", 1, 2)
		s.query(ctx, db, "SELECT :missing", sql.Named("other", 1))
		s.query(ctx, db, "SELECT ?", sql.Out{Dest: new(int)})
		s.exec(ctx, db, "SELECT :a", sql.Named("", 1))
	},
	"errors and their codes": func(t *testing.T, s *transcript, db *sql.DB) {
		ctx := context.Background()
		s.exec(ctx, db, "CREATE TABLE e(id INTEGER PRIMARY KEY, u UNIQUE, n NOT NULL DEFAULT 0, c CHECK (c > 0), p REFERENCES e)")
		for _, text := range []string{
			"SELEC 1", "SELECT * FROM missing", "SELECT missing FROM e", "INSERT INTO e(id) VALUES('x')", "INSERT INTO e(u) VALUES(1), (1)",
			"INSERT INTO e(n) VALUES(NULL)", "INSERT INTO e(c) VALUES(0)", "INSERT INTO e(p) VALUES(99)", "INSERT INTO e(id) VALUES(1), (1)",
			"SELECT abs(-9223372036854775808)", "SELECT fails()", "SELECT zeroblob(3000000000)", "COMMIT", "ROLLBACK TO s", "PRAGMA nothing",
			"ATTACH '/missing/dir/x.db' AS x", "SELECT json('{')", "CREATE TABLE e(x)", "DROP TABLE missing",
		} {
			s.exec(ctx, db, text)
			s.query(ctx, db, text)
		}
		s.query(ctx, db, "SELECT abs(column1) FROM (VALUES(1), (-9223372036854775808), (2))")
	},
	"first rows": func(t *testing.T, s *transcript, db *sql.DB) {
		var text string
		var number int
		var bytes sql.RawBytes
		s.notef("%s", failure(db.QueryRow("SELECT 1 WHERE 0").Scan(&number)))
		s.notef("%s", failure(db.QueryRow("SELECT 'x'").Scan(&number)))
		s.notef("%s", failure(db.QueryRow("SELECT 1, 2").Scan(&number)))
		s.notef("%s %q", failure(db.QueryRow("SELECT x'6162'").Scan(&text)), text)
		s.notef("%s", failure(db.QueryRow("SELECT 'raw'").Scan(&bytes)))
		rows, err := db.Query("SELECT 'raw' UNION ALL SELECT 'er'")
		for s.notef("%s", failure(err)); rows.Next(); {
			s.notef("%s %q", failure(rows.Scan(&bytes)), bytes)
		}
		s.notef("%s %s", failure(rows.Scan(&bytes)), failure(rows.Close()))
	},
	"transactions": func(t *testing.T, s *transcript, db *sql.DB) {
		ctx := context.Background()
		s.exec(ctx, db, "CREATE TABLE x(v)")
		for _, opts := range []*sql.TxOptions{nil, {ReadOnly: true}, {Isolation: sql.LevelSerializable}, {Isolation: sql.LevelSnapshot}, {Isolation: 99}} {
			tx, err := db.BeginTx(ctx, opts)
			if s.notef("begin %v %s", opts, failure(err)); err != nil {
				continue
			}
			s.exec(ctx, tx, "INSERT INTO x VALUES(1)")
			s.exec(ctx, tx, "BEGIN")
			s.exec(ctx, tx, "SAVEPOINT a; INSERT INTO x VALUES(2); ROLLBACK TO a; RELEASE a")
			s.notef("commit %s", failure(tx.Commit()))
			s.exec(ctx, tx, "INSERT INTO x VALUES(3)")
			s.notef("rollback %s", failure(tx.Rollback()))
		}
		s.query(ctx, db, "SELECT * FROM x")
		ended, cancel := context.WithCancel(ctx)
		tx, err := db.BeginTx(ended, nil)
		s.notef("begin %s", failure(err))
		s.exec(ended, tx, "INSERT INTO x VALUES(4)")
		cancel()
		db.SetMaxOpenConns(1)
		s.query(ctx, db, "SELECT * FROM x") // waits for the connection, so the transaction is over
		s.notef("commit %s", failure(tx.Commit()))
	},
	"a transaction that ends itself": func(t *testing.T, s *transcript, db *sql.DB) {
		ctx := context.Background()
		for _, end := range []string{"COMMIT", "ROLLBACK"} {
			tx, err := db.Begin()
			s.notef("begin %s", failure(err))
			s.exec(ctx, tx, end)
			s.notef("commit %s", failure(tx.Commit()))
		}
	},
	"prepared statements": func(t *testing.T, s *transcript, db *sql.DB) {
		ctx := context.Background()
		s.exec(ctx, db, "CREATE TABLE p(a)")
		st, err := db.Prepare("INSERT INTO p VALUES(?) RETURNING *")
		s.notef("prepare %s", failure(err))
		for i := range 3 {
			rows, err := st.Query(i)
			s.rows("prepared", rows, err)
			result, err := st.Exec(i)
			s.result("prepared", result, err)
		}
		s.exec(ctx, db, "ALTER TABLE p ADD COLUMN b DEFAULT 7")
		rows, err := st.Query(9)
		s.rows("after a change of the schema", rows, err)
		_, err = st.Exec()
		s.notef("no argument: %s", failure(err))
		s.exec(ctx, db, "DROP TABLE p")
		_, err = st.Exec(1)
		s.notef("dropped: %s", failure(err))
		s.notef("close %s", failure(st.Close()))
		_, err = st.Exec(1)
		s.notef("closed: %s", failure(err))
		_, err = db.Prepare("SELEC")
		s.notef("prepare %s", failure(err))
	},
	"what is closed": func(t *testing.T, s *transcript, db *sql.DB) {
		ctx := context.Background()
		conn, err := db.Conn(ctx)
		s.notef("conn %s", failure(err))
		s.notef("close %s %s", failure(conn.Close()), failure(conn.Close()))
		s.exec(ctx, conn, "SELECT 1")
		s.notef("close %s", failure(db.Close()))
		s.exec(ctx, db, "SELECT 1")
		s.notef("ping %s", failure(db.Ping()))
	},
	"locks": func(t *testing.T, s *transcript, db *sql.DB) {
		ctx := context.Background()
		s.exec(ctx, db, "CREATE TABLE l(v)")
		holder, waiter := single(t, db), single(t, db)
		s.exec(ctx, holder, "BEGIN EXCLUSIVE")
		s.exec(ctx, waiter, "INSERT INTO l VALUES(1)")
		s.query(ctx, waiter, "SELECT * FROM l")
		tx, err := waiter.BeginTx(ctx, nil)
		s.notef("begin %s", failure(err))
		s.exec(ctx, tx, "INSERT INTO l VALUES(1)")
		s.notef("rollback %s", failure(tx.Rollback()))
		s.exec(ctx, holder, "ROLLBACK")
	},
	"functions, collations and hooks of the application": func(t *testing.T, s *transcript, db *sql.DB) {
		s.query(context.Background(), db, "SELECT column1 FROM (VALUES('a'), ('b')) ORDER BY column1 COLLATE backwards")
		s.query(context.Background(), db, "PRAGMA recursive_triggers")
	},
	"the driver's connection itself": func(t *testing.T, s *transcript, db *sql.DB) { rawProbe(t, s, db) },
}

type failing struct{}

func (failing) Value() (driver.Value, error) { return nil, errors.New("no value") }

func TestProbesRunAsOnTheBareDriver(t *testing.T) {
	for name, run := range probes {
		t.Run(name, func(t *testing.T) {
			everyConfig(t, func(t *testing.T, open opener, dir string) []string {
				var s transcript
				db := open(t, fmt.Sprintf(probeDSN, filepath.ToSlash(dir)))
				run(t, &s, db)
				s.notef("%d connections open", db.Stats().OpenConnections)
				return s.lines
			})
		})
	}
}

// rawProbe calls the connection as those do who hold it by sql.Conn.Raw, also without contexts.
func rawProbe(t *testing.T, s *transcript, db *sql.DB) {
	raw(t, single(t, db), func(dc any) {
		c := dc.(innerConn)
		for _, ctx := range []context.Context{nil, context.Background(), cancelled} {
			_, err := c.ExecContext(ctx, "SELECT 1", nil)
			s.notef("exec %s", failure(err))
			if rows, err := c.QueryContext(ctx, "SELECT 1", nil); err == nil {
				values := make([]driver.Value, 1)
				s.notef("rows %v %s %s %s", rows.Columns(), failure(rows.Next(values)), failure(rows.Next(values)), failure(rows.Close()))
			}
			if tx, err := c.BeginTx(ctx, driver.TxOptions{}); err == nil {
				s.notef("commit %s %s", failure(tx.Commit()), failure(tx.Rollback()))
			}
		}
		_, err := c.Exec("CREATE TABLE r(v)", nil)
		s.notef("exec %s", failure(err))
		st, err := c.Prepare("INSERT INTO r VALUES(?) RETURNING v")
		s.notef("prepare %s, %d inputs", failure(err), st.NumInput())
		_, err = st.Exec([]driver.Value{int64(1)})
		s.notef("exec %s", failure(err))
		rows, err := st.Query([]driver.Value{"x"})
		s.notef("query %s %s %s", failure(err), failure(rows.Close()), failure(st.Close()))
		_, err = c.Query("SELECT * FROM r WHERE v = ?", nil)
		s.notef("query %s", failure(err))
		tx, err := c.Begin()
		s.notef("begin %s", failure(err))
		_, err = c.Begin()
		s.notef("begin again %s, rollback %s", failure(err), failure(tx.Rollback()))
		s.notef("%v %s %s", c.IsValid(), failure(c.ResetSession(context.Background())), failure(c.Ping(context.Background())))
	})
}

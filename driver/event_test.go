//lint:file-ignore SA1019 old roads are roads, and old abilities abilities

package driver

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// seen is what a test expects of an event.
type seen struct {
	Kind           capture.Kind
	Mode           capture.Mode
	Error          capture.ErrorClass
	Rows, Affected int64
	SQL            string // the fingerprint
	InTx           bool
}

func see(events []capture.Event) (list []seen) {
	for _, ev := range events {
		s := seen{ev.Kind, ev.Mode, ev.Error, ev.Rows, ev.Affected, "", ev.Tx != 0}
		if ev.Statement != nil {
			s.SQL = ev.Statement.Fingerprint
		}
		list = append(list, s)
	}
	return list
}

// must fails the test on err.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const txn, q, x, pq, px = capture.KindTransaction, capture.ModeQuery, capture.ModeExec, capture.ModePreparedQuery, capture.ModePreparedExec

// roads are the ways to run a statement on a table t(id, v) of five rows.
var roads = map[string]struct {
	run  func(t *testing.T, db *sql.DB)
	want []seen
}{
	"query": {func(t *testing.T, db *sql.DB) { read(t, db, "SELECT v FROM t", -1) },
		[]seen{{Mode: q, Rows: 5, SQL: "SELECT v FROM t"}}},
	"query of no rows": {func(t *testing.T, db *sql.DB) { read(t, db, "SELECT v FROM t WHERE id = 99", -1) },
		[]seen{{Mode: q, SQL: "SELECT v FROM t WHERE id = ?"}}},
	"rows not fully read": {func(t *testing.T, db *sql.DB) { read(t, db, "SELECT v FROM t", 2) },
		[]seen{{Mode: q, Rows: 2, SQL: "SELECT v FROM t"}}},
	"rows not read at all": {func(t *testing.T, db *sql.DB) { read(t, db, "SELECT v FROM t", 0) },
		[]seen{{Mode: q, SQL: "SELECT v FROM t"}}},
	"first row": {func(t *testing.T, db *sql.DB) { must(t, db.QueryRow("SELECT v FROM t ORDER BY id").Scan(new(any))) },
		[]seen{{Mode: q, Rows: 1, SQL: "SELECT v FROM t ORDER BY id"}}},
	"exec": {func(t *testing.T, db *sql.DB) { exec(t, db, "INSERT INTO t(v) VALUES('x'), ('y')") },
		[]seen{{Mode: x, Affected: 2, SQL: "INSERT INTO t(v) VALUES (?)"}}},
	"exec with common tables": {func(t *testing.T, db *sql.DB) { exec(t, db, "WITH few AS (SELECT 1) DELETE FROM t WHERE id IN few") },
		[]seen{{Mode: x, Affected: 1, SQL: "WITH few AS (SELECT ?) DELETE FROM t WHERE id IN few"}}},
	"exec that changes no rows": {func(t *testing.T, db *sql.DB) { exec(t, db, "CREATE TABLE u(x)") },
		[]seen{{Mode: x, SQL: "CREATE TABLE u(x)"}}},
	"query that changes rows": {func(t *testing.T, db *sql.DB) { read(t, db, "UPDATE t SET v = id RETURNING v", -1) },
		[]seen{{Mode: q, Rows: 5, SQL: "UPDATE t SET v = id RETURNING v"}}},
	"prepared": {func(t *testing.T, db *sql.DB) {
		st, err := db.Prepare("UPDATE t SET v = id WHERE id < ? RETURNING v")
		must(t, err)
		defer st.Close()
		_, err = st.Exec(3)
		must(t, err)
		must(t, st.QueryRow(4).Scan(new(any)))
	}, []seen{
		{Mode: px, Affected: 2, SQL: "UPDATE t SET v = id WHERE id < ? RETURNING v"},
		{Mode: pq, Rows: 1, SQL: "UPDATE t SET v = id WHERE id < ? RETURNING v"},
	}},
	"prepared, never run": {func(t *testing.T, db *sql.DB) {
		st, err := db.Prepare("SELECT 1")
		must(t, err)
		must(t, st.Close())
	}, []seen{}},
	"transaction committed": {func(t *testing.T, db *sql.DB) {
		inTx(t, db, func(tx *sql.Tx) error { return tx.Commit() })
	}, []seen{
		{Mode: x, Affected: 5, SQL: "UPDATE t SET v = ?", InTx: true},
		{Mode: q, Rows: 1, SQL: "SELECT count(*) FROM t", InTx: true},
		{Kind: txn, Mode: capture.ModeCommit, Rows: 2, InTx: true},
	}},
	"transaction rolled back": {func(t *testing.T, db *sql.DB) {
		inTx(t, db, func(tx *sql.Tx) error { return tx.Rollback() })
		exec(t, db, "DELETE FROM t")
	}, []seen{
		{Mode: x, Affected: 5, SQL: "UPDATE t SET v = ?", InTx: true},
		{Mode: q, Rows: 1, SQL: "SELECT count(*) FROM t", InTx: true},
		{Kind: txn, Mode: capture.ModeRollback, Rows: 2, InTx: true},
		{Mode: x, Affected: 5, SQL: "DELETE FROM t"},
	}},
	"transaction whose context ends": {func(t *testing.T, db *sql.DB) {
		db.SetMaxOpenConns(1)
		ctx, cancel := context.WithCancel(context.Background())
		tx, err := db.BeginTx(ctx, nil)
		must(t, err)
		_, err = tx.Exec("DELETE FROM t")
		must(t, err)
		cancel()
		exec(t, db, "DELETE FROM t WHERE 0") // waits for the connection
	}, []seen{
		{Mode: x, Affected: 5, SQL: "DELETE FROM t", InTx: true},
		{Kind: txn, Mode: capture.ModeRollback, Rows: 1, InTx: true},
		{Mode: x, SQL: "DELETE FROM t WHERE ?"},
	}},
	"rows that outlive the begin of a transaction": {func(t *testing.T, db *sql.DB) {
		c := single(t, db)
		rows, err := c.QueryContext(context.Background(), "SELECT v FROM t")
		must(t, err)
		tx, err := c.BeginTx(context.Background(), nil)
		must(t, err)
		must(t, rows.Close())
		must(t, tx.Commit())
	}, []seen{{Mode: q, SQL: "SELECT v FROM t"}, {Kind: txn, Mode: capture.ModeCommit, InTx: true}}},
	"connection held by the application": {func(t *testing.T, db *sql.DB) {
		raw(t, single(t, db), func(dc any) {
			c := dc.(innerConn)
			_, err := c.Exec("UPDATE t SET v = 1 WHERE id = 1", nil)
			must(t, err)
			rows, err := c.Query("SELECT 1", nil)
			must(t, err)
			must(t, errors.Join(rows.Close(), rows.Close()))
			st, err := c.Prepare("UPDATE t SET v = 1 WHERE id = ?")
			must(t, err)
			_, err = st.Exec([]driver.Value{int64(1)})
			must(t, err)
			rows, err = st.Query([]driver.Value{int64(1)})
			must(t, errors.Join(err, rows.Close(), st.Close()))
			tx, err := c.Begin()
			must(t, errors.Join(err, tx.Rollback()))
		})
	}, []seen{
		{Mode: x, Affected: 1, SQL: "UPDATE t SET v = ? WHERE id = ?"}, {Mode: q, SQL: "SELECT ?"},
		{Mode: px, Affected: 1, SQL: "UPDATE t SET v = ? WHERE id = ?"}, {Mode: pq, SQL: "UPDATE t SET v = ? WHERE id = ?"},
		{Kind: txn, Mode: capture.ModeRollback, InTx: true},
	}},
	"ping": {func(t *testing.T, db *sql.DB) { must(t, db.Ping()) }, []seen{}},
	"muted": {func(t *testing.T, db *sql.DB) {
		ctx := capture.Mute(context.Background())
		_, err := db.ExecContext(ctx, "DELETE FROM t")
		must(t, err)
		must(t, db.QueryRowContext(ctx, "SELECT 1").Scan(new(int)))
		st, err := db.PrepareContext(ctx, "SELECT 1")
		must(t, err)
		defer st.Close()
		_, err = st.ExecContext(ctx)
		must(t, err)
		must(t, st.QueryRowContext(ctx).Scan(new(int)))
		tx, err := db.BeginTx(ctx, nil)
		must(t, err)
		_, err = tx.Exec("DELETE FROM t")
		must(t, errors.Join(err, tx.Commit()))
	}, []seen{}},
}

// read reads n rows of a query, all if n is negative.
func read(t *testing.T, db *sql.DB, query string, n int) {
	t.Helper()
	rows, err := db.Query(query)
	must(t, err)
	for n != 0 && rows.Next() {
		n--
	}
	must(t, errors.Join(rows.Err(), rows.Close()))
}

func exec(t *testing.T, db *sql.DB, query string) {
	t.Helper()
	_, err := db.Exec(query)
	must(t, err)
}

// inTx runs two statements in a transaction.
func inTx(t *testing.T, db *sql.DB, end func(*sql.Tx) error) {
	t.Helper()
	tx, err := db.Begin()
	must(t, err)
	_, err = tx.Exec("UPDATE t SET v = 'z'")
	must(t, err)
	must(t, tx.QueryRow("SELECT count(*) FROM t").Scan(new(int)))
	must(t, end(tx))
}

func TestEveryRoadIsRecorded(t *testing.T) {
	for name, road := range roads {
		t.Run(name, func(t *testing.T) {
			r := record(t, "", Config{})
			r.setup(t, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)", "INSERT INTO t(v) VALUES(1), (2), (3), (4), (5)")
			before := capture.Now()
			road.run(t, r.DB)
			took := capture.Since(before)
			events := r.events()
			if diff := cmp.Diff(road.want, see(events), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("- expected, + recorded:\n%s", diff)
			}
			for _, ev := range events {
				if ev.Start < before || ev.First < 0 || ev.First > ev.Total || ev.Total > took {
					t.Errorf("started at %d, first row after %v, total %v, within %v from %d", ev.Start, ev.First, ev.Total, took, before)
				}
				if ev.Source.Path != filePath(r.path) || ev.Conn == 0 || ev.Scope != nil {
					t.Errorf("source %+v, connection %d, scope %v", ev.Source, ev.Conn, ev.Scope)
				}
			}
		})
	}
}

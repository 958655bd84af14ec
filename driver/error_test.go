package driver

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// failures are statements that fail on a table t(id, v UNIQUE) of three rows, by their class.
var failures = map[string]struct {
	parameters string
	run        func(t *testing.T, db *sql.DB) error
	want       []seen
}{
	"busy": {"", func(t *testing.T, db *sql.DB) error {
		ctx := context.Background()
		holder, waiter := single(t, db), single(t, db)
		_, err := holder.ExecContext(capture.Mute(ctx), "BEGIN EXCLUSIVE")
		must(t, err)
		_, err = waiter.ExecContext(ctx, "DELETE FROM t")
		return errors.Join(err, waiter.QueryRowContext(ctx, "SELECT * FROM t").Err())
	}, []seen{{Mode: x, Error: capture.ErrorBusy, SQL: "DELETE FROM t"}, {Mode: q, Error: capture.ErrorBusy, SQL: "SELECT * FROM t"}}},
	"busy at the begin of a transaction": {"?_txlock=immediate", func(t *testing.T, db *sql.DB) error {
		ctx := context.Background()
		holder, err := db.BeginTx(capture.Mute(ctx), nil)
		must(t, err)
		defer holder.Rollback()
		_, err = db.BeginTx(ctx, nil)
		return err
	}, []seen{{Kind: txn, Mode: capture.ModeRollback, Error: capture.ErrorBusy, InTx: true}}},
	"busy at the commit": {"", func(t *testing.T, db *sql.DB) error {
		ctx := context.Background()
		reader := single(t, db)
		rows, err := reader.QueryContext(capture.Mute(ctx), "SELECT * FROM t")
		must(t, err)
		defer rows.Close()
		tx, err := db.BeginTx(ctx, nil)
		must(t, err)
		_, err = tx.Exec("DELETE FROM t")
		return errors.Join(err, tx.Commit())
	}, []seen{
		{Mode: x, Affected: 3, SQL: "DELETE FROM t", InTx: true},
		{Kind: txn, Mode: capture.ModeRollback, Error: capture.ErrorBusy, Rows: 1, InTx: true},
	}},
	"locked": {"", func(t *testing.T, db *sql.DB) error {
		c := single(t, db)
		rows, err := c.QueryContext(capture.Mute(context.Background()), "SELECT * FROM t")
		must(t, err)
		defer rows.Close()
		_, err = c.ExecContext(context.Background(), "DROP TABLE t")
		return err
	}, []seen{{Mode: x, Error: capture.ErrorLocked, SQL: "DROP TABLE t"}}},
	"constraint": {"", func(t *testing.T, db *sql.DB) error {
		_, err := db.Exec("INSERT INTO t VALUES(?, 1)", 9)
		return err
	}, []seen{{Mode: x, Error: capture.ErrorConstraint, SQL: "INSERT INTO t VALUES (?, ?)"}}},
	"interrupted": {"", func(t *testing.T, db *sql.DB) error {
		ctx, cancel := context.WithCancel(context.Background())
		cancelNow = cancel
		_, err := db.ExecContext(ctx, "WITH RECURSIVE c(i) AS (SELECT cancel_now() UNION ALL SELECT i FROM c) SELECT i FROM c")
		return err
	}, []seen{{Mode: x, Error: capture.ErrorInterrupted,
		SQL: "WITH RECURSIVE c(i) AS (SELECT cancel_now() UNION ALL SELECT i FROM c) SELECT i FROM c"}}},
	"cancelled before it ran": {"", func(t *testing.T, db *sql.DB) error {
		c := single(t, db)
		var err error
		raw(t, c, func(dc any) { _, err = dc.(driver.QueryerContext).QueryContext(cancelled, "SELECT 1", nil) })
		return err
	}, []seen{{Mode: q, Error: capture.ErrorInterrupted, SQL: "SELECT ?"}}},
	"full": {"?_pragma=max_page_count(4)", func(t *testing.T, db *sql.DB) error {
		_, err := db.Exec("UPDATE t SET v = randomblob(50000) WHERE id = 1")
		return err
	}, []seen{{Mode: x, Error: capture.ErrorFull, SQL: "UPDATE t SET v = randomblob(?) WHERE id = ?"}}},
	"read-only": {"?_pragma=query_only(1)", func(t *testing.T, db *sql.DB) error {
		_, err := db.Exec("DELETE FROM t")
		return err
	}, []seen{{Mode: x, Error: capture.ErrorOther, SQL: "DELETE FROM t"}}},
	"no SQL": {"", func(t *testing.T, db *sql.DB) error { return db.QueryRow("SELEC 1").Err() },
		[]seen{{Mode: q, Error: capture.ErrorOther, SQL: "SELEC ?"}}},
	"at a later row": {"", func(t *testing.T, db *sql.DB) error {
		rows, err := db.Query("SELECT abs(column1) FROM (VALUES(1), (-9223372036854775808))")
		must(t, err)
		defer rows.Close()
		for rows.Next() {
		}
		return rows.Err()
	}, []seen{{Mode: q, Error: capture.ErrorOther, Rows: 1, SQL: "SELECT abs(column1) FROM (VALUES (?))"}}},
	"prepared": {"", func(t *testing.T, db *sql.DB) error {
		st, err := db.Prepare("INSERT INTO t VALUES(1, ?)")
		must(t, err)
		defer st.Close()
		_, err = st.Exec("x")
		return err
	}, []seen{{Mode: px, Error: capture.ErrorConstraint, SQL: "INSERT INTO t VALUES (?, ?)"}}},
}

func TestFailuresAreClassified(t *testing.T) {
	for name, test := range failures {
		t.Run(name, func(t *testing.T) {
			made := record(t, "", Config{})
			made.setup(t, "CREATE TABLE t(id INTEGER PRIMARY KEY, v UNIQUE)", "INSERT INTO t VALUES(1, 1), (2, 2), (3, 3)")
			must(t, made.Close())
			r := recordAt(t, made.path, test.parameters, Config{})
			if err := test.run(t, r.DB); err == nil {
				t.Error("it did not fail")
			}
			if diff := cmp.Diff(test.want, see(r.events()), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("- expected, + recorded:\n%s", diff)
			}
		})
	}
}

func TestCorruptFilesAreClassified(t *testing.T) {
	r := record(t, "", Config{})
	must(t, os.WriteFile(r.path, []byte(strings.Repeat("no database\n", 100)), 0o600))
	_, err := r.Exec("SELECT * FROM t")
	want := []seen{{Mode: x, Error: capture.ErrorCorrupt, SQL: "SELECT * FROM t"}}
	if diff := cmp.Diff(want, see(r.events())); err == nil || diff != "" {
		t.Errorf("%v; - expected, + recorded:\n%s", err, diff)
	}
}

func TestErrorsWithoutACodeAreClassified(t *testing.T) {
	for err, want := range map[error]capture.ErrorClass{
		nil: capture.ErrorNone, errors.New("x"): capture.ErrorOther, driver.ErrBadConn: capture.ErrorOther,
		context.DeadlineExceeded:                         capture.ErrorInterrupted,
		fmt.Errorf("while running: %w", cancelled.Err()): capture.ErrorInterrupted,
	} {
		if got := classify(err); got != want {
			t.Errorf("%v is %q, want %q", err, got, want)
		}
	}
}

// declining is a connection that answers every call with err.
type declining struct {
	innerConn
	err error
}

func (d declining) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	return nil, d.err
}

func (d declining) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return nil, d.err
}

func (d declining) BeginTx(context.Context, driver.TxOptions) (driver.Tx, error) { return nil, d.err }

func TestWhatDatabaseSQLTriesAgainIsNotRecorded(t *testing.T) {
	ctx := context.Background()
	for err, want := range map[error]uint64{driver.ErrSkip: 0, driver.ErrBadConn: 0, sql.ErrConnDone: 3} {
		recorder := capture.NewRecorder()
		from := NewConnector(":memory:", Config{recorder: recorder}).(*connector)
		c := newConn(ctx, from, newSession(declining{err: err}, Config{}), nil)
		_, execErr := c.ExecContext(ctx, "SELECT 1", nil)
		_, queryErr := c.QueryContext(ctx, "SELECT 1", nil)
		_, beginErr := c.BeginTx(ctx, driver.TxOptions{})
		if execErr != err || queryErr != err || beginErr != err { // == as database/sql compares
			t.Errorf("%v became %v, %v and %v", err, execErr, queryErr, beginErr)
		}
		if got := recorder.Counts().Recorded; got != want {
			t.Errorf("%v: %d events recorded, want %d", err, got, want)
		}
	}
}

// foreign is a connector whose connections have another shape than modernc's.
type foreign struct{ driver.Connector }

func (foreign) Connect(context.Context) (driver.Conn, error) { return foreignConn{}, nil }

type foreignConn struct{ driver.Conn }

func TestAConnectionOfAnotherShapeIsLeftAlone(t *testing.T) {
	c := &connector{base: foreign{}, config: Config{recorder: capture.NewRecorder()}}
	if got, err := c.Connect(context.Background()); err != nil || got != (foreignConn{}) {
		t.Errorf("Connect returns %T, %v", got, err)
	}
}

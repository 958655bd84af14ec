package driver

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// contended opens a database t(v) of one row whose other connection holds a lock until release.
func contended(t *testing.T, parameters, hold string, c Config) (r *recording, waiter *sql.Conn, release func()) {
	t.Helper()
	r = record(t, parameters, c)
	r.setup(t, "CREATE TABLE t(v)", "INSERT INTO t VALUES(1)")
	other := single(t, bare(t, r.path))
	for _, query := range []string{"BEGIN", hold} {
		rows, err := other.QueryContext(context.Background(), query)
		must(t, err)
		for rows.Next() {
		}
		must(t, errors.Join(rows.Err(), rows.Close()))
	}
	release = func() {
		_, err := other.ExecContext(context.Background(), "ROLLBACK")
		if err != nil {
			t.Error(err)
		}
	}
	return r, single(t, r.DB), release
}

const (
	writing = "UPDATE t SET v = 2"
	reading = "SELECT * FROM t"
	timeout = 30 * time.Millisecond
	inWAL   = "?_pragma=journal_mode(wal)&_pragma=busy_timeout(30)"
	noWAL   = "?_pragma=busy_timeout(30)"
)

// waits are calls that wait for a lock until their busy_timeout is over.
var waits = map[string]struct {
	parameters, hold string
	run              func(c *sql.Conn) error
	kind             capture.Kind
	begin            capture.Begin
	end              capture.End
}{
	"exec":                {noWAL, writing, execOn("INSERT INTO t VALUES(1)"), capture.KindStatement, 0, 0},
	"exec in WAL":         {inWAL, writing, execOn("INSERT INTO t VALUES(1)"), capture.KindStatement, 0, 0},
	"query":               {noWAL, writing, queryOn("INSERT INTO t VALUES(1) RETURNING v"), capture.KindStatement, 0, 0},
	"query in WAL":        {inWAL, writing, queryOn("INSERT INTO t VALUES(1) RETURNING v"), capture.KindStatement, 0, 0},
	"commit of an exec":   {noWAL, reading, execOn("INSERT INTO t VALUES(1)"), capture.KindStatement, 0, 0},
	"commit of returning": {noWAL, reading, queryOn("INSERT INTO t VALUES(1) RETURNING v"), capture.KindStatement, 0, 0},
	"prepared": {noWAL, writing, func(c *sql.Conn) error {
		st, err := c.PrepareContext(context.Background(), "INSERT INTO t VALUES(1)")
		if err != nil {
			return err
		}
		defer st.Close()
		_, err = st.Exec()
		return err
	}, capture.KindStatement, 0, 0},
	"begin": {noWAL + "&_txlock=immediate", writing, func(c *sql.Conn) error {
		tx, err := c.BeginTx(context.Background(), nil)
		if err != nil {
			return err
		}
		return tx.Rollback()
	}, capture.KindTransaction, capture.BeginImmediate, capture.EndNoBegin},
	"commit": {noWAL, reading, func(c *sql.Conn) error {
		tx, err := c.BeginTx(context.Background(), nil)
		if err != nil {
			return err
		}
		if _, err := tx.Exec("INSERT INTO t VALUES(1)"); err != nil {
			return err
		}
		return tx.Commit()
	}, capture.KindTransaction, capture.BeginDeferred, capture.EndNoCommit},
	"begin by text": {noWAL, writing, execOn("BEGIN IMMEDIATE"), capture.KindStatement, 0, 0},
}

func execOn(query string) func(*sql.Conn) error {
	return func(c *sql.Conn) error {
		_, err := c.ExecContext(context.Background(), query)
		return err
	}
}

func queryOn(query string) func(*sql.Conn) error {
	return func(c *sql.Conn) error {
		rows, err := c.QueryContext(context.Background(), query)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
		}
		return rows.Err()
	}
}

func TestWaitsUntilTheBusyTimeoutAreCounted(t *testing.T) {
	for configuration, config := range counting {
		for name, test := range waits {
			t.Run(configuration+" "+name, func(t *testing.T) {
				r, c, release := contended(t, test.parameters, test.hold, config)
				if err := test.run(c); classify(err) != capture.ErrorBusy {
					t.Fatalf("it returns %v", err)
				}
				events := r.events()
				ev := events[len(events)-1]
				if ev.Kind != test.kind || ev.Error != capture.ErrorBusy || ev.Begin != test.begin || ev.End != test.end {
					t.Errorf("recorded %+v", ev)
				}
				if ev.LockWait != uint32(timeout.Microseconds()) || ev.Retries != 5 || ev.Total < timeout {
					t.Errorf("%d µs and %d retries in %v", ev.LockWait, ev.Retries, ev.Total)
				}
				release()
				must(t, queryOn("SELECT * FROM t")(c)) // which waits for nothing
				if after := r.events()[0]; after.LockWait != 0 || after.Retries != 0 {
					t.Errorf("afterwards %d µs and %d retries", after.LockWait, after.Retries)
				}
			})
		}
	}
}

// TestWaitsThatSucceedAreCounted gives the lock back at some time, in rounds until a call has waited.
func TestWaitsThatSucceedAreCounted(t *testing.T) {
	for configuration, config := range counting {
		for name, test := range waits {
			t.Run(configuration+" "+name, func(t *testing.T) {
				for round := 1; round < 12; round++ {
					r, c, release := contended(t, test.parameters, test.hold, config)
					_, err := c.ExecContext(capture.Mute(context.Background()), "PRAGMA busy_timeout = 60000")
					must(t, err)
					released := make(chan struct{})
					time.AfterFunc(time.Duration(round*round)*time.Millisecond, func() { release(); close(released) })
					err = test.run(c)
					<-released
					must(t, err)
					waited := false
					for _, ev := range r.events() {
						if ev.LockWait > uint32(ev.Total.Microseconds()) || lockWait(uint32(ev.Retries)) < ev.LockWait {
							t.Errorf("%d µs and %d retries in %v", ev.LockWait, ev.Retries, ev.Total)
						}
						waited = waited || ev.Retries > 0 && ev.Error == capture.ErrorNone && ev.Kind == test.kind
					}
					if waited {
						return
					}
				}
				t.Error("no round has waited")
			})
		}
	}
}

// TestWaitsThatAContextEnds waits far below the busy_timeout.
func TestWaitsThatAContextEnds(t *testing.T) {
	for configuration, config := range counting {
		t.Run(configuration, func(t *testing.T) {
			r, c, release := contended(t, "?_pragma=busy_timeout(60000)", writing, config)
			ctx, cancel := context.WithTimeout(context.Background(), timeout)
			defer cancel()
			_, err := c.ExecContext(ctx, "INSERT INTO t VALUES(1)")
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("it returns %v", err)
			}
			for _, ev := range r.events() {
				if ev.Error != capture.ErrorInterrupted || ev.Retries > 6 || lockWait(uint32(ev.Retries)) > uint32(ev.Total.Microseconds()) || ev.Total > 30*time.Second {
					t.Errorf("%d µs and %d retries in %v with %v", ev.LockWait, ev.Retries, ev.Total, ev.Error)
				}
			}
			release()
		})
	}
}

// TestWhatDidNotRunHasNotWaited asks for calls that fail before their first step, after one that waited.
func TestWhatDidNotRunHasNotWaited(t *testing.T) {
	for configuration, config := range counting {
		t.Run(configuration, func(t *testing.T) {
			r, c, release := contended(t, noWAL, writing, config)
			defer release()
			raw(t, c, func(dc any) {
				d := dc.(innerConn)
				st, err := d.PrepareContext(context.Background(), "INSERT INTO t VALUES(1)")
				must(t, err)
				defer st.Close()
				_, err = d.ExecContext(context.Background(), "INSERT INTO t VALUES(1)", nil)
				if classify(err) != capture.ErrorBusy {
					t.Fatalf("it returns %v", err)
				}
				r.events()
				_, _ = st.(innerStmt).ExecContext(cancelled, nil)
				_, _ = st.(innerStmt).QueryContext(cancelled, nil)
				_, _ = d.ExecContext(cancelled, "INSERT INTO t VALUES(1)", nil)
				_, _ = d.QueryContext(cancelled, "INSERT INTO t VALUES(1)", nil)
				_, _ = d.BeginTx(cancelled, driver.TxOptions{})
			})
			events := r.events()
			if len(events) != 5 {
				t.Errorf("%d events", len(events))
			}
			for _, ev := range events {
				if ev.LockWait != 0 || ev.Retries != 0 {
					t.Errorf("%d µs and %d retries of %v, %v", ev.LockWait, ev.Retries, ev.Mode, ev.Error)
				}
			}
		})
	}
}

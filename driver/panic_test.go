package driver

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/ngrok/sqlmw"
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// visit calls every method of an interceptor, and returns the first error.
func visit(db *sql.DB) error {
	ctx := context.Background()
	var errs []error
	note := func(err error) bool { errs = append(errs, err); return err == nil }
	note(db.Ping())
	if result, err := db.Exec("INSERT INTO t VALUES(1)"); note(err) {
		_, err := result.LastInsertId()
		note(err)
		_, err = result.RowsAffected()
		note(err)
	}
	if rows, err := db.Query("SELECT v FROM t UNION ALL SELECT 7"); note(err) {
		for rows.Next() {
		}
		note(rows.Err())
		note(rows.Close())
	}
	if rows, err := db.Query("SELECT v FROM t UNION ALL SELECT 7"); note(err) {
		note(rows.Close()) // before its end
	}
	if st, err := db.PrepareContext(ctx, "INSERT INTO t VALUES(2) RETURNING v"); note(err) {
		_, err := st.Exec()
		note(err)
		note(st.QueryRow().Scan(new(int)))
		note(st.Close())
	}
	for _, end := range []func(*sql.Tx) error{(*sql.Tx).Commit, (*sql.Tx).Rollback} {
		tx, err := db.BeginTx(ctx, nil)
		if !note(err) {
			continue
		}
		_, err = tx.Exec("INSERT INTO t VALUES(3)")
		note(err)
		note(end(tx))
	}
	return errors.Join(errs...)
}

// TestInterceptorsThatPanic panics in each method, before and after it has gone on, first or second
// in the chain. With one connection in the pool nothing may wait for ever, nothing may be left open,
// and the next visit goes well.
func TestInterceptorsThatPanic(t *testing.T) {
	for _, method := range methodsOf {
		for _, place := range []string{" before", " after"} {
			for _, cache := range []int{0, 3} {
				for _, first := range []bool{true, false} {
					t.Run(strings.Join([]string{method, place, []string{"", " kept"}[min(cache, 1)], []string{" second", " first"}[map[bool]int{true: 1}[first]]}, ""), func(t *testing.T) {
						armed := false
						chain := []sqlmw.Interceptor{hostile{do: func(at string) {
							if armed && at == method+place {
								panic("as told")
							}
						}}, sqlmw.NullInterceptor{}}
						if !first {
							slices.Reverse(chain)
						}
						r := record(t, "?_pragma=journal_mode(wal)", Config{Interceptors: chain, StatementCache: cache})
						r.SetMaxOpenConns(1)
						if method != "ConnectorConnect" {
							exec(t, r.DB, "CREATE TABLE t(v)")
							must(t, visit(r.DB))
						}
						armed = true
						err := visit(r.DB)
						armed = false
						panicked := (*PanicError)(nil)
						if hidden := method == "StmtClose" || method == "RowsClose"; !errors.As(err, &panicked) && !hidden {
							t.Fatalf("the visit returns %v", err)
						}
						if panicked != nil && (panicked.Value != "as told" || !strings.Contains(string(panicked.Stack), "hostile")) {
							t.Errorf("%v at %s", panicked, panicked.Stack)
						}
						nothingIsLeft(t, r)
					})
				}
			}
		}
	}
}

// nothingIsLeft changes the schema, for which nothing may be open, and looks at the connection.
func nothingIsLeft(t *testing.T, r *recording) {
	t.Helper()
	exec(t, r.DB, "CREATE TABLE IF NOT EXISTS t(v)")
	exec(t, r.DB, "DROP TABLE t")
	exec(t, r.DB, "VACUUM")
	exec(t, r.DB, "CREATE TABLE t(v)")
	c, err := r.Conn(context.Background())
	must(t, err)
	raw(t, c, func(dc any) {
		c := dc.(*conn)
		if u := c.session.under; len(u.rows) != 0 || len(u.stmts) != 0 || u.tx != nil {
			t.Errorf("left are %d rows, %d statements and transaction %v", len(u.rows), len(u.stmts), u.tx)
		}
		if !c.session.handle.autocommit() || c.tx != nil {
			t.Error("a transaction is left")
		}
		if open := c.source.OpenRows(); len(open) != 0 {
			t.Errorf("%d rows are open", len(open))
		}
		if left := preparedOn(c); c.session.cache == nil && len(left) != 0 {
			t.Errorf("left is %q", left)
		}
	})
	must(t, c.Close())
	must(t, visit(r.DB))
	must(t, r.Close())
	r.events()
	if c := r.recorder.Counts(); c.Recorded != c.Drained || c.Pending != 0 {
		t.Errorf("counts %+v", c)
	}
}

// TestPanicsOfInterceptorsAreRecordedOnce counts the events of a visit that fails at a method.
func TestPanicsOfInterceptorsAreRecordedOnce(t *testing.T) {
	for method, want := range map[string]capture.Event{
		"ConnExecContext after":     {Mode: capture.ModeExec, Error: capture.ErrorOther},
		"ConnQueryContext after":    {Mode: capture.ModeQuery, Error: capture.ErrorOther},
		"RowsNext after":            {Mode: capture.ModeQuery, Error: capture.ErrorOther},
		"RowsClose before":          {Mode: capture.ModeQuery, Error: capture.ErrorOther, Rows: 2},
		"ResultRowsAffected before": {Mode: capture.ModeExec},
	} {
		t.Run(method, func(t *testing.T) {
			armed := false
			r := record(t, "", Config{Interceptors: []sqlmw.Interceptor{hostile{do: func(at string) {
				if armed && at == method {
					panic("as told")
				}
			}}}})
			exec(t, r.DB, "CREATE TABLE t(v)")
			r.events()
			armed = true
			if want.Mode == capture.ModeExec {
				_, _ = r.Exec("INSERT INTO t VALUES(1)")
			} else if rows, err := r.Query("SELECT 1 UNION ALL SELECT 2"); err == nil {
				for rows.Next() {
				}
				rows.Close()
			}
			events := r.events()
			if len(events) != 1 || events[0].Mode != want.Mode || events[0].Error != want.Error || events[0].Rows != want.Rows {
				t.Errorf("recorded %+v, want %+v", see(events), want)
			}
		})
	}
}

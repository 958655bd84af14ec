package driver

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ngrok/sqlmw"
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// sourceOf is the source of a database.
func sourceOf(t testing.TB, path string) *capture.Source {
	t.Helper()
	return capture.SourceOf(filePath(path), path)
}

func TestPoolIsWhatDatabaseSQLDoes(t *testing.T) {
	for configuration, config := range map[string]Config{
		"plain": {}, "kept": {StatementCache: 2}, "interceptors": {Interceptors: []sqlmw.Interceptor{sqlmw.NullInterceptor{}}},
	} {
		t.Run(configuration, func(t *testing.T) {
			r := record(t, "", config)
			source := sourceOf(t, r.path)
			check := func(open, inUse int, opened, checkouts uint64) {
				t.Helper()
				p, s := source.Pool(), r.Stats()
				if p.Open != open || p.InUse != inUse || p.Opened != opened || p.Checkouts != checkouts || p.Held < 0 {
					t.Errorf("%+v, want %d open, %d in use, %d opened, %d checkouts", p, open, inUse, opened, checkouts)
				}
				if p.Open != s.OpenConnections || p.InUse != s.InUse {
					t.Errorf("%+v, database/sql says %+v", p, s)
				}
			}
			check(0, 0, 0, 0)
			exec(t, r.DB, "CREATE TABLE t(v)")
			check(1, 0, 1, 1)
			one, two := single(t, r.DB), single(t, r.DB)
			check(2, 2, 2, 3)
			must(t, one.Close())
			check(2, 1, 2, 3)
			must(t, two.Close())
			rows, err := r.Query("SELECT 1 UNION SELECT 2")
			must(t, err)
			check(2, 1, 2, 4)
			must(t, rows.Close())
			tx, err := r.BeginTx(muted, nil)
			must(t, err)
			check(2, 1, 2, 5)
			must(t, tx.Rollback())
			before := source.Pool().Held
			if before < 0 {
				t.Errorf("held for %v", before)
			}
			r.SetMaxIdleConns(0)
			check(0, 0, 2, 5)
			must(t, r.Close())
			check(0, 0, 2, 5)
		})
	}
}

// TestHeldTimeIsFromFirstUseToReturn has a clock of its own.
func TestHeldTimeIsFromFirstUseToReturn(t *testing.T) {
	for name, test := range map[string]struct {
		run  func(t *testing.T, r *recording)
		want time.Duration
	}{
		"a call": {func(t *testing.T, r *recording) { exec(t, r.DB, "SELECT 1") }, 0},
		"rows": {func(t *testing.T, r *recording) {
			rows, err := r.Query("SELECT 1")
			must(t, err)
			time.Sleep(time.Second)
			must(t, rows.Close())
			time.Sleep(time.Second)
		}, time.Second},
		"a transaction": {func(t *testing.T, r *recording) {
			tx, err := r.Begin()
			must(t, err)
			time.Sleep(time.Second)
			_, err = tx.Exec("SELECT 1")
			must(t, err)
			time.Sleep(time.Second)
			must(t, tx.Rollback())
		}, 2 * time.Second},
		"a connection": {func(t *testing.T, r *recording) {
			c, err := r.Conn(context.Background())
			must(t, err)
			time.Sleep(time.Hour) // before its first use
			must(t, execOn("SELECT 1")(c))
			time.Sleep(time.Second)
			must(t, execOn("SELECT 1")(c))
			time.Sleep(time.Second)
			must(t, c.Close())
		}, 2 * time.Second},
		"a muted transaction after a call": {func(t *testing.T, r *recording) {
			exec(t, r.DB, "SELECT 1")
			time.Sleep(time.Second)
			tx, err := r.BeginTx(muted, nil)
			must(t, err)
			time.Sleep(time.Second)
			must(t, tx.Rollback())
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := record(t, "", Config{})
				r.SetMaxOpenConns(1)
				test.run(t, r)
				if held := sourceOf(t, r.path).Pool().Held; held != test.want {
					t.Errorf("held for %v, want %v", held, test.want)
				}
				must(t, r.Close())
			})
		})
	}
}

// TestHandOffsAreCountedUnderContention lends one connection to one goroutine after another. By a
// clock that stands still, each comes at once after the one before.
func TestHandOffsAreCountedUnderContention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record(t, "", Config{})
		r.SetMaxOpenConns(1)
		exec(t, r.DB, "SELECT 1")
		time.Sleep(time.Second)
		exec(t, r.DB, "SELECT 1")
		source := sourceOf(t, r.path)
		if n := source.Pool().HandOffs; n != 0 {
			t.Errorf("%d hand-offs after pauses", n)
		}
		time.Sleep(time.Second)
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() { exec(t, r.DB, "SELECT 1") })
		}
		all.Wait()
		if n := source.Pool().HandOffs; n != 4 {
			t.Errorf("%d hand-offs of five calls, want 4", n)
		}
		must(t, r.Close())
	})
}

func TestOpenRowsAreListed(t *testing.T) {
	for configuration, config := range counting {
		t.Run(configuration, func(t *testing.T) {
			r := record(t, "", config)
			source := sourceOf(t, r.path)
			scope := capture.NewScope()
			ctx := capture.WithScope(context.Background(), scope)
			one, two := single(t, r.DB), single(t, r.DB)
			var open []*sql.Rows
			for i := range 6 {
				rows, err := []*sql.Conn{one, two}[i%2].QueryContext(ctx, fmt.Sprintf("SELECT %d AS open%d", i, i))
				must(t, err)
				open = append(open, rows)
			}
			_, err := one.QueryContext(cancelled, "SELECT 1")
			if err == nil {
				t.Error("a cancelled query has rows")
			}
			for i := range open {
				list := source.OpenRows()
				if len(list) != len(open)-i {
					t.Fatalf("%d rows are open, want %d", len(list), len(open)-i)
				}
				for n, rows := range list {
					if want := fmt.Sprintf("SELECT ? AS open%d", i+n); rows.Statement.Fingerprint != want || rows.Site == nil || rows.Scope != scope {
						t.Errorf("open is %+v, want %s", rows, want)
					}
					if n > 0 && rows.Start < list[n-1].Start || rows.Conn == 0 || n > 0 && rows.Conn == list[n-1].Conn {
						t.Errorf("%+v is listed after %+v", rows, list[n-1])
					}
				}
				must(t, errors.Join(open[i].Close(), open[i].Close()))
			}
			if list := source.OpenRows(); len(list) != 0 {
				t.Errorf("%d rows are open", len(list))
			}
		})
	}
}

// TestPoolAndOpenRowsMayBeReadAtAnyTime is for the race detector.
func TestPoolAndOpenRowsMayBeReadAtAnyTime(t *testing.T) {
	r := record(t, "?_pragma=busy_timeout(10000)", Config{StatementCache: 2})
	exec(t, r.DB, "CREATE TABLE t(v)")
	source := sourceOf(t, r.path)
	done := make(chan struct{})
	var readers, writers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					runtime.Gosched()
				}
				for _, rows := range source.OpenRows() {
					if rows.Statement.Fingerprint == "" || hasFrames && rows.Site == nil {
						t.Errorf("open is %+v", rows)
					}
				}
				if p := source.Pool(); p.InUse > p.Open || p.Held < 0 {
					t.Errorf("pool is %+v", p)
				}
			}
		})
	}
	for i := range 4 {
		writers.Go(func() {
			for n := range 50 {
				one, err := r.Query("SELECT 1 UNION SELECT 2")
				must(t, err)
				must(t, one.Close())
				if n%10 == i {
					r.SetMaxIdleConns(n % 3)
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
}

package driver

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/ngrok/sqlmw"
	"github.com/sqliteperf/sqliteperf/internal/capture"
	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// official runs a text to its end on a connection, behind our back, and returns what
// sqlite3_stmt_status says of it.
func official(t testing.TB, c *sql.Conn, query string) (n counters) {
	t.Helper()
	raw(t, c, func(dc any) {
		h := dc.(*conn).session.handle
		text, err := libc.CString(query)
		must(t, err)
		defer libc.Xfree(h.tls, text)
		out := libc.Xmalloc(h.tls, 8)
		defer libc.Xfree(h.tls, out)
		if rc := sqlite3.Xsqlite3_prepare_v2(h.tls, h.db, text, -1, out, 0); rc != 0 {
			t.Fatalf("%s: code %d", query, rc)
		}
		st := **(**uintptr)(unsafe.Pointer(&out))
		for sqlite3.Xsqlite3_step(h.tls, st) == sqlite3.SQLITE_ROW {
		}
		n = h.official(st)
		sqlite3.Xsqlite3_finalize(h.tls, st)
	})
	return n
}

// counted are texts that leave the database as it was, on t(id, n, v) of 100 rows.
var counted = map[string]func(w capture.Work) bool{
	"SELECT v FROM t WHERE id = 5":                                func(w capture.Work) bool { return w.FullScan == 0 && w.Sorts == 0 },
	"SELECT v FROM t WHERE v = 'x'":                               func(w capture.Work) bool { return w.FullScan == 99 },
	"SELECT v FROM t ORDER BY v":                                  func(w capture.Work) bool { return w.Sorts == 1 && w.FullScan == 99 },
	"SELECT count(*) FROM t AS a JOIN t AS b ON a.n = b.n":        func(w capture.Work) bool { return w.AutoIndex == 99 },
	"SELECT v FROM t WHERE n > 3 GROUP BY v ORDER BY count(*), v": func(w capture.Work) bool { return w.Sorts == 2 },
	"UPDATE t SET n = n WHERE v = 'x'":                            func(w capture.Work) bool { return w.FullScan == 99 },
	"DELETE FROM t WHERE v = 'none' RETURNING v":                  func(w capture.Work) bool { return w.FullScan == 99 },
	"WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 500) SELECT sum(i) FROM c": func(w capture.Work) bool { return w.Steps > 5000 },
	"SELECT 1": func(w capture.Work) bool { return w.Steps > 0 && w.FullScan == 0 },
}

// countedDB opens a database with the table of counted.
func countedDB(t *testing.T, c Config) (*recording, *sql.Conn) {
	t.Helper()
	r := record(t, "", c)
	conn := single(t, r.DB)
	for _, query := range []string{"CREATE TABLE t(id INTEGER PRIMARY KEY, n, v)",
		"WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 100) INSERT INTO t SELECT i, i, 'v' || (i % 10) FROM c"} {
		_, err := conn.ExecContext(context.Background(), query)
		must(t, err)
	}
	r.events()
	return r, conn
}

// counting are the configurations that count, and whether a second run is of a kept statement.
var counting = map[string]Config{
	"plain": {}, "kept": {StatementCache: 5},
	"interceptors":      {Interceptors: []sqlmw.Interceptor{sqlmw.NullInterceptor{}, sqlmw.NullInterceptor{}}},
	"kept interceptors": {StatementCache: 5, Interceptors: []sqlmw.Interceptor{sqlmw.NullInterceptor{}}},
}

// roadsTo run a text to its end three times.
var roadsTo = map[string]func(t *testing.T, c *sql.Conn, query string){
	"query": func(t *testing.T, c *sql.Conn, query string) {
		for range 3 {
			rows, err := c.QueryContext(context.Background(), query)
			must(t, err)
			for rows.Next() {
			}
			must(t, errors.Join(rows.Err(), rows.Close()))
		}
	},
	"exec": func(t *testing.T, c *sql.Conn, query string) {
		for range 3 {
			_, err := c.ExecContext(context.Background(), query)
			must(t, err)
		}
	},
	"prepared": func(t *testing.T, c *sql.Conn, query string) {
		st, err := c.PrepareContext(context.Background(), query)
		must(t, err)
		defer st.Close()
		for range 2 {
			_, err := st.Exec()
			must(t, err)
		}
		rows, err := st.Query()
		must(t, err)
		for rows.Next() {
		}
		must(t, errors.Join(rows.Err(), rows.Close()))
	},
}

func TestCountersAreThoseOfSQLite(t *testing.T) {
	for configuration, config := range counting {
		for road, run := range roadsTo {
			t.Run(configuration+" "+road, func(t *testing.T) {
				r, c := countedDB(t, config)
				for query, as := range counted {
					run(t, c, query)
					want, events := official(t, c, query), r.events()
					if len(events) != 3 {
						t.Fatalf("%s: %d events", query, len(events))
					}
					for _, ev := range events {
						got := counters{ev.Steps, ev.FullScan, ev.AutoIndex, uint32(ev.Sorts), uint32(ev.Reprepares)}
						if got != want || !as(ev.Work) || !ev.Flags.Has(capture.FlagCounted) {
							t.Errorf("%s: counted %+v %v, want %+v", query, got, ev.Flags, want)
						}
					}
				}
			})
		}
	}
}

func TestStatementsCompiledAnewAreCounted(t *testing.T) {
	for configuration, config := range counting {
		t.Run(configuration, func(t *testing.T) {
			r, c := countedDB(t, config)
			st, err := c.PrepareContext(context.Background(), "SELECT count(*) FROM t")
			must(t, err)
			defer st.Close()
			for i := range 3 {
				must(t, st.QueryRow().Scan(new(int)))
				_, err = c.ExecContext(capture.Mute(context.Background()), "CREATE INDEX i"+string(rune('a'+i))+" ON t(n)")
				must(t, err)
			}
			for i, ev := range r.events() {
				if want := uint8(min(i, 1)); ev.Reprepares != want {
					t.Errorf("run %d was compiled anew %d times, want %d", i, ev.Reprepares, want)
				}
			}
		})
	}
}

// TestScriptsAreNotCounted holds that what SQLite tells of one statement is not said of several.
func TestScriptsAreNotCounted(t *testing.T) {
	for configuration, config := range counting {
		r, c := countedDB(t, config)
		for _, query := range []string{"SELECT v FROM t; SELECT v FROM t", "SELECT 1; UPDATE t SET n = n; SELECT v FROM t ORDER BY v"} {
			for road, run := range roadsTo {
				run(t, c, query)
				for _, ev := range r.events() {
					if ev.Flags.Has(capture.FlagCounted) || ev.Work != (capture.Work{}) {
						t.Errorf("%s %s: counted %+v", configuration, road, ev.Work)
					}
				}
			}
		}
	}
}

func TestNoCountersCountsNothing(t *testing.T) {
	r, c := countedDB(t, Config{NoCounters: true, StatementCache: 2})
	for _, run := range roadsTo {
		run(t, c, "SELECT v FROM t ORDER BY v")
	}
	for _, ev := range r.events() {
		if ev.Flags.Has(capture.FlagCounted) || ev.Work != (capture.Work{}) {
			t.Errorf("counted %+v", ev.Work)
		}
	}
}

func TestNoCountersStillTellsWhatWasKept(t *testing.T) {
	r, c := countedDB(t, Config{NoCounters: true, StatementCache: 2})
	r.events()
	for _, run := range []func(*sql.Conn) error{queryOn("SELECT 1"), queryOn("SELECT 1"), execOn("SELECT 1")} {
		must(t, run(c))
	}
	var kept []bool
	for _, ev := range r.events() {
		kept = append(kept, ev.Flags.Has(capture.FlagCached))
	}
	if !slices.Equal(kept, []bool{false, true, true}) {
		t.Errorf("kept: %v", kept)
	}
}

// strange has the fields with other types.
type strange struct {
	db  int
	tls *strings.Builder
}

var _ = strange{db: 1, tls: nil}

// TestAnUnknownLayoutIsAnError looks for the fields where they are not, or are of another type.
func TestAnUnknownLayoutIsAnError(t *testing.T) {
	for name, test := range map[string]struct {
		in    reflect.Type
		field string
		of    reflect.Type
	}{
		"no pointer":   {reflect.TypeFor[strange](), "db", reflect.TypeFor[int]()},
		"no struct":    {reflect.TypeFor[*int](), "db", reflect.TypeFor[uintptr]()},
		"no field":     {reflect.TypeFor[*strange](), "pstmt", reflect.TypeFor[uintptr]()},
		"another type": {reflect.TypeFor[*strange](), "db", reflect.TypeFor[uintptr]()},
		"promoted":     {reflect.TypeFor[*struct{ strange }](), "db", reflect.TypeFor[int]()},
	} {
		if _, err := offset(test.in, test.field, test.of); !errors.Is(err, errLayout) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if at, err := offset(reflect.TypeFor[*strange](), "tls", reflect.TypeFor[*strings.Builder]()); err != nil || at == 0 {
		t.Errorf("found at %d, %v", at, err)
	}
}

func TestConnectionsOfAnotherTypeHaveNoHandle(t *testing.T) {
	l, err := readLayout()
	must(t, err)
	c, err := NewConnector(filepath.Join(t.TempDir(), "app.db"), Config{}).Connect(context.Background())
	must(t, err)
	defer c.Close()
	inner := c.(*conn).innerConn
	for name, h := range map[string]handle{
		"wrapped": handleOf(declining{innerConn: inner}, l), "pointer": handleOf(&declining{innerConn: inner}, l), "no layout": handleOf(inner, nil),
	} {
		if h != (handle{}) || h.known() || h.prepared(nil) != 0 || h.running(nil) != 0 {
			t.Errorf("%s: %+v", name, h)
		}
	}
	if h := handleOf(inner, l); !h.known() || h.db == 0 || h.tls == nil {
		t.Errorf("modernc's own: %+v", h)
	}
}

// TestWithoutALayoutAllElseWorks runs statements, transactions and rows as if modernc's types had
// changed, with every option that needs them.
func TestWithoutALayoutAllElseWorks(t *testing.T) {
	known := knownLayout
	t.Cleanup(func() { knownLayout = known })
	var log strings.Builder
	logger := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(func() { slog.SetDefault(logger) })
	knownLayout = layoutOnce(func() (*layout, error) { return nil, errLayout })
	r := record(t, "", Config{StatementCache: 5})
	exec(t, r.DB, "CREATE TABLE t(v)")
	must(t, visit(r.DB))
	c := single(t, r.DB)
	for _, query := range []string{"BEGIN", "INSERT INTO t VALUES(1)", "COMMIT"} {
		_, err := c.ExecContext(context.Background(), query)
		must(t, err)
	}
	if _, err := Limit(c, 0, -1); !errors.Is(err, ErrUnsupported) {
		t.Errorf("Limit returns %v", err)
	}
	for _, ev := range r.events() {
		if ev.Work != (capture.Work{}) || ev.Flags != 0 && ev.Flags != capture.FlagUpgraded || ev.Error != capture.ErrorNone {
			t.Errorf("recorded %+v", ev)
		}
	}
	if lines := strings.Count(log.String(), "\n"); lines != 1 || !strings.Contains(log.String(), "counters are off") {
		t.Errorf("%d lines are logged: %s", lines, &log)
	}
}

package driver

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sqliteperf/sqliteperf/internal/capture"
	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// prepared lists the texts of the statements that SQLite has on the connection.
func prepared(t testing.TB, c *sql.Conn) (texts []string) {
	t.Helper()
	raw(t, c, func(dc any) { texts = preparedOn(dc.(*conn)) })
	return texts
}

func preparedOn(c *conn) (texts []string) {
	h := c.session.handle
	for p := sqlite3.Xsqlite3_next_stmt(h.tls, h.db, 0); p != 0; p = sqlite3.Xsqlite3_next_stmt(h.tls, h.db, p) {
		texts = append(texts, libc.GoString(sqlite3.Xsqlite3_sql(h.tls, p)))
	}
	return texts
}

// TestKeptStatementsAreSeenInEventsAndPool runs texts again and again, and looks which of them were kept.
func TestKeptStatementsAreSeenInEventsAndPool(t *testing.T) {
	for name, test := range map[string]struct {
		limit        int
		texts        []string
		cached       int // events of kept statements
		hits, misses uint64
	}{
		"one":                     {2, []string{"SELECT 1", "SELECT 1", "SELECT 1"}, 2, 2, 1},
		"off":                     {0, []string{"SELECT 1", "SELECT 1"}, 0, 0, 0},
		"the oldest goes first":   {2, []string{"SELECT 1", "SELECT 2", "SELECT 1", "SELECT 3", "SELECT 1", "SELECT 2"}, 2, 2, 4},
		"one place":               {1, []string{"SELECT 1", "SELECT 2", "SELECT 1", "SELECT 1"}, 1, 1, 3},
		"a change of the schema":  {2, []string{"SELECT 1", "CREATE TABLE u(x)", "SELECT 1", "SELECT 1"}, 1, 1, 2},
		"a setting":               {2, []string{"SELECT 1", "PRAGMA foreign_keys = 1", "SELECT 1"}, 0, 0, 2},
		"a rollback":              {2, []string{"SELECT 1", "BEGIN", "SELECT 1", "ROLLBACK", "SELECT 1"}, 1, 1, 2},
		"a transaction":           {2, []string{"SELECT 1", "BEGIN", "SELECT 1", "COMMIT", "SELECT 1"}, 2, 2, 1},
		"several statements":      {2, []string{"SELECT 1; SELECT 2", "SELECT 1; SELECT 2"}, 0, 0, 0},
		"semicolons":              {2, []string{"SELECT 1;", "SELECT 1;", "SELECT 1; ", "SELECT 1; ", "SELECT 1;;", "SELECT 1;;"}, 1, 1, 1},
		"spaces and comments":     {2, []string{"\n SELECT 1\n\t", "\n SELECT 1\n\t", "/* a */ SELECT 1 -- b", "/* a */ SELECT 1 -- b"}, 2, 2, 2},
		"nothing":                 {2, []string{"", "", "-- nothing", "-- nothing", ";", ";"}, 0, 0, 0},
		"a failure exec":          {2, []string{"INSERT INTO t VALUES(1)", "INSERT INTO t VALUES(1)", "INSERT INTO t VALUES(1)"}, 1, 1, 2},
		"what cannot be compiled": {2, []string{"SELECT missing", "SELECT missing"}, 0, 0, 2},
		"a long text":             {2, []string{"SELECT 1 --" + strings.Repeat("x", cachedText), "SELECT 1 --" + strings.Repeat("x", cachedText)}, 0, 0, 0},
		"an explanation":          {2, []string{"EXPLAIN SELECT 1", "EXPLAIN SELECT 1"}, 0, 0, 0},
	} {
		for _, road := range []string{"query", "exec"} {
			if name == "a failure exec" && road == "query" {
				continue // nothing is told of a query that failed
			}
			t.Run(name+" "+road, func(t *testing.T) {
				r := record(t, "", Config{StatementCache: test.limit})
				c := single(t, r.DB)
				_, err := c.ExecContext(context.Background(), "CREATE TABLE t(v UNIQUE)")
				must(t, err)
				r.events()
				var source *capture.Source
				raw(t, c, func(dc any) { source = dc.(*conn).source })
				for _, text := range test.texts {
					var s transcript
					if road == "exec" {
						s.exec(context.Background(), c, text)
					} else {
						s.query(context.Background(), c, text)
					}
					if kept := prepared(t, c); len(kept) > test.limit {
						t.Errorf("%d statements are kept: %q", len(kept), kept)
					}
				}
				cached := 0
				for _, ev := range r.events() {
					if ev.Flags.Has(capture.FlagCached) {
						cached++
					}
				}
				pool := source.Pool()
				if cached != test.cached || pool.CacheHits != test.hits || pool.CacheMisses != test.misses {
					t.Errorf("%d events are cached with %d hits and %d misses, want %d, %d and %d",
						cached, pool.CacheHits, pool.CacheMisses, test.cached, test.hits, test.misses)
				}
			})
		}
	}
}

// TestRowsOnOneTextAtATime holds that two queries of one text do not share a statement.
func TestRowsOnOneTextAtATime(t *testing.T) {
	r := record(t, "", Config{StatementCache: 4})
	r.setup(t, "CREATE TABLE t(v)", "INSERT INTO t VALUES(1), (2), (3)", "ANALYZE")
	c := single(t, r.DB)
	const query = "SELECT v FROM t WHERE v > ? ORDER BY v"
	for range 3 {
		one, err := c.QueryContext(context.Background(), query, 0)
		must(t, err)
		two, err := c.QueryContext(context.Background(), query, 1)
		must(t, err)
		var got []int
		for one.Next() {
			var v int
			must(t, one.Scan(&v))
			if got = append(got, v); two.Next() {
				must(t, two.Scan(&v))
				got = append(got, v)
			}
		}
		must(t, errors.Join(one.Err(), two.Err(), one.Close(), two.Close()))
		if diff := cmp.Diff([]int{1, 2, 2, 3, 3}, got); diff != "" {
			t.Errorf("- expected, + read:\n%s", diff)
		}
		if kept := prepared(t, c); len(kept) != 1 {
			t.Errorf("kept %q", kept)
		}
	}
}

// TestAllKeptStatementsLentOut fills the cache with open rows; what comes then is not kept.
func TestAllKeptStatementsLentOut(t *testing.T) {
	r := record(t, "", Config{StatementCache: 2})
	c := single(t, r.DB)
	var open []*sql.Rows
	for i := range 4 {
		rows, err := c.QueryContext(context.Background(), fmt.Sprintf("SELECT %d", i))
		must(t, err)
		open = append(open, rows)
	}
	_, err := c.ExecContext(context.Background(), "CREATE TABLE u(x)") // clears the cache under them
	if err != nil {
		t.Error(err)
	}
	for i, rows := range open {
		var v int
		for rows.Next() {
			must(t, rows.Scan(&v))
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil || v != i {
			t.Errorf("rows %d read %d, %v", i, v, err)
		}
	}
	if left := prepared(t, c); len(left) != 0 {
		t.Errorf("left %q", left)
	}
}

// TestClosedDatabasesAreClosed looks for the file among the descriptors of the process: SQLite keeps
// a database open behind Close while a statement of it is.
func TestClosedDatabasesAreClosed(t *testing.T) {
	for _, c := range configurations {
		t.Run(c.name, func(t *testing.T) {
			r := record(t, "?_pragma=journal_mode(wal)", c.config)
			exec(t, r.DB, "CREATE TABLE t(v UNIQUE)")
			for i := range 10 {
				text := fmt.Sprintf("SELECT %d, ?", i)
				must(t, r.QueryRow(text, "x").Scan(new(int), new(string)))
				read(t, r.DB, "SELECT * FROM t", 0)
				_, _ = r.Exec("INSERT INTO t VALUES(?)", i/2)
				_, _ = r.ExecContext(cancelled, text)
				_, _ = r.QueryContext(cancelled, text)
				tx, err := r.Begin()
				must(t, err)
				st, err := tx.Prepare(text)
				must(t, err)
				must(t, st.QueryRow(i).Scan(new(int), new(string)))
				must(t, tx.Rollback())
			}
			if descriptors(t, r.path) == 0 {
				t.Skip("descriptors are not told on this system")
			}
			must(t, r.Close())
			if n := descriptors(t, r.path); n != 0 {
				t.Errorf("the file is still open %d times", n)
			}
		})
	}
}

// descriptors counts those that the process has of the file at path.
func descriptors(t testing.TB, path string) (n int) {
	t.Helper()
	links, _ := filepath.Glob("/proc/self/fd/*")
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && target == filePath(path) {
			n++
		}
	}
	return n
}

// TestRowsThatOutliveTheirConnection closes a connection under open rows, a statement and a
// transaction, and then those. The bare driver may panic there; nothing more may happen with ours.
func TestRowsThatOutliveTheirConnection(t *testing.T) {
	everyConfig(t, func(t *testing.T, open opener, dir string) (seen []string) {
		db := open(t, filepath.Join(dir, "app.db"))
		c, err := db.Conn(context.Background())
		must(t, err)
		_ = c.Raw(func(dc any) error {
			d := dc.(innerConn)
			rows, err := d.QueryContext(context.Background(), "SELECT 1 UNION SELECT 2", nil)
			must(t, err)
			st, err := d.PrepareContext(context.Background(), "SELECT 3")
			must(t, err)
			tx, err := d.BeginTx(context.Background(), driver.TxOptions{})
			must(t, err)
			seen = append(seen, failure(d.Close()))
			for _, end := range []func() error{
				func() error { return rows.Next(make([]driver.Value, 1)) }, rows.Close, tx.Commit, tx.Rollback,
				func() error { _, err := st.(innerStmt).ExecContext(context.Background(), nil); return err }, st.Close,
				func() error { _, err := d.ExecContext(context.Background(), "SELECT 1", nil); return err },
				func() error { _, err := d.QueryContext(context.Background(), "SELECT 1", nil); return err },
				func() error { _, err := st.(innerStmt).ExecContext(context.Background(), nil); return err },
			} {
				seen = append(seen, panicking(end))
			}
			return driver.ErrBadConn
		})
		return seen
	})
}

// panicking is what f returns or panics with, which a guard may have turned into an error.
func panicking(f func() error) (text string) {
	defer func() {
		if value := recover(); value != nil {
			text = fmt.Sprint("panic ", value)
		}
	}()
	err := f()
	if panicked := (*PanicError)(nil); errors.As(err, &panicked) {
		return fmt.Sprint("panic ", panicked.Value)
	}
	return failure(err)
}

// TestWhatIsClosedIsNotLookedAt holds that no handle outlives what it is of: its memory may be gone.
func TestWhatIsClosedIsNotLookedAt(t *testing.T) {
	for name, config := range counting {
		opened, err := NewConnector(filepath.Join(t.TempDir(), "app.db"), config).Connect(context.Background())
		must(t, err)
		c := opened.(*conn)
		st, err := c.PrepareContext(context.Background(), "SELECT 1")
		must(t, err)
		ours := make([]uintptr, 0, 2)
		must(t, st.Close())
		switch s := st.(type) {
		case *stmt:
			ours = append(ours, s.statement)
		case *chainedStmt:
			ours = append(ours, s.statement, s.under.statement)
		}
		must(t, c.Close())
		if c.session.handle.known() || c.session.count || c.session.cache != nil || slices.Max(ours) != 0 {
			t.Errorf("%s: handle %+v and statements %v are left", name, c.session.handle, ours)
		}
	}
}

package clients

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sqliteperf/sqliteperf/driver"
	"github.com/sqliteperf/sqliteperf/internal/capture"
	"go.uber.org/goleak"
	"modernc.org/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// client is a library and a script that uses it as its manual says.
type client struct {
	script func(t *testing.T, app *app)
	// captured are parts of fingerprints that the recorder must have seen.
	captured []string
	// commits and rollbacks are transactions by database/sql, not BEGIN as text; -1 is any number.
	commits, rollbacks int
	// uncounted is a table whose rows go by the clock.
	uncounted string
}

var clients = map[string]client{
	"bun":   bunClient,
	"goose": gooseClient,
	"gorm":  gormClient,
	"river": riverClient,
	"sqlx":  sqlxClient,
}

func TestClients(t *testing.T) {
	for name, c := range clients {
		t.Run(name, func(t *testing.T) {
			bare := live(t, "sqlite", c)
			reader, err := capture.Default.Attach()
			must(t, err)
			defer reader.Detach()
			drain(reader) // what a client before left when it failed
			ours := live(t, driver.Name, c)
			if diff := cmp.Diff(bare, ours); diff != "" {
				t.Errorf("what the application sees (-sqlite +%s):\n%s", driver.Name, diff)
			}
			if !t.Failed() {
				c.check(t, reader)
			}
		})
	}
}

// app is an application's view of one run.
type app struct {
	driver, dsn string
	seen        []string
}

// see notes what the application got.
func (a *app) see(what string, values ...any) {
	a.seen = append(a.seen, what+": "+strings.TrimSuffix(fmt.Sprintln(values...), "\n"))
}

// fail notes an error as far as an application can tell errors apart.
func (a *app) fail(what string, err error) {
	text := fmt.Sprintf("%T %v", err, err)
	var inner *sqlite.Error
	if errors.As(err, &inner) {
		text += fmt.Sprint(" code ", inner.Code())
	}
	a.see(what, text)
}

// open opens the application's database for libraries that do not do it themselves.
func (a *app) open(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open(a.driver, a.dsn)
	must(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}

// live runs the script on a new file and returns what was seen and what the file then holds.
func live(t *testing.T, driverName string, c client) (seen []string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "app.db")
	t.Run(driverName, func(t *testing.T) {
		a := &app{driver: driverName, dsn: "file:" + path +
			"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)&_pragma=foreign_keys(1)"}
		c.script(t, a)
		seen = a.seen
	})
	return append(seen, contents(t, path, c.uncounted)...)
}

// contents lists the schema of a file and how many rows each table has, but for one.
func contents(t *testing.T, path, uncounted string) (list []string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	must(t, err)
	defer db.Close()
	schema := texts(t, db, "SELECT coalesce(sql, name) FROM sqlite_schema ORDER BY name")
	for _, table := range texts(t, db, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name") {
		if table == uncounted {
			continue
		}
		var n int
		must(t, db.QueryRow(`SELECT count(*) FROM "`+table+`"`).Scan(&n))
		list = append(list, fmt.Sprintf("%s has %d rows", table, n))
	}
	return append(list, schema...)
}

func texts(t *testing.T, db *sql.DB, query string) (list []string) {
	t.Helper()
	rows, err := db.QueryContext(context.Background(), query)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var text string
		must(t, rows.Scan(&text))
		list = append(list, text)
	}
	must(t, rows.Err())
	return list
}

// check compares what the recorder saw with what the client must have done.
func (c client) check(t *testing.T, reader *capture.Reader) {
	t.Helper()
	fingerprints, ended := drain(reader)
	t.Logf("%d statements, %d commits, %d rollbacks captured",
		len(fingerprints), ended[capture.ModeCommit], ended[capture.ModeRollback])
	for _, want := range c.captured {
		if !slices.ContainsFunc(fingerprints, func(f string) bool { return strings.Contains(f, want) }) {
			t.Errorf("no statement with %q was captured, only\n%s", want, strings.Join(fingerprints, "\n"))
		}
	}
	compare(t, "commits", ended[capture.ModeCommit], c.commits)
	compare(t, "rollbacks", ended[capture.ModeRollback], c.rollbacks)
}

// drain returns the statements that were recorded and how many transactions ended how.
func drain(reader *capture.Reader) (fingerprints []string, ended map[capture.Mode]int) {
	ended = map[capture.Mode]int{}
	reader.Drain(func(events []capture.Event) {
		for _, ev := range events {
			switch ev.Kind {
			case capture.KindStatement:
				fingerprints = append(fingerprints, ev.Statement.Fingerprint)
			case capture.KindTransaction:
				ended[ev.Mode]++
			}
		}
	})
	return fingerprints, ended
}

func compare(t *testing.T, what string, got, want int) {
	t.Helper()
	if got != want && want >= 0 {
		t.Errorf("%d %s were captured, want %d", got, what, want)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

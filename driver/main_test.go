package driver

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sqliteperf/sqliteperf/internal/capture"
	"go.uber.org/goleak"
	"modernc.org/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recording is a database behind our driver together with what is recorded of it.
type recording struct {
	*sql.DB
	recorder *capture.Recorder
	reader   *capture.Reader
	path     string
}

// record opens a new database file, with parameters such as "?_pragma=journal_mode(WAL)".
func record(t testing.TB, parameters string, c Config) *recording {
	t.Helper()
	path := filepath.Join(t.TempDir(), "app.db")
	return recordAt(t, path, parameters, c)
}

func recordAt(t testing.TB, path, parameters string, c Config) *recording {
	t.Helper()
	c.recorder = capture.NewRecorder()
	reader, err := c.recorder.Attach()
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(NewConnector(path+parameters, c))
	t.Cleanup(func() { db.Close() })
	return &recording{DB: db, recorder: c.recorder, reader: reader, path: path}
}

// events drains what was recorded since the last call.
func (r *recording) events() (list []capture.Event) {
	r.reader.Drain(func(events []capture.Event) { list = append(list, events...) })
	return list
}

// setup runs statements that are not recorded.
func (r *recording) setup(t testing.TB, queries ...string) {
	t.Helper()
	for _, query := range queries {
		if _, err := r.ExecContext(capture.Mute(context.Background()), query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
}

// bare opens dsn with modernc's own driver.
func bare(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// wrapped opens dsn with ours.
func wrapped(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	return wrappedWith(Config{})(t, dsn)
}

// opener opens a data source name with some driver.
type opener = func(testing.TB, string) *sql.DB

// wrappedWith opens data source names with ours as c has it. What is recorded is drained, so that
// closed connections leave nothing behind.
func wrappedWith(c Config) opener {
	return func(t testing.TB, dsn string) *sql.DB {
		t.Helper()
		c.recorder = capture.NewRecorder()
		db := sql.OpenDB(NewConnector(dsn, c))
		t.Cleanup(func() { db.Close() })
		return db
	}
}

// everyConfig runs test with the bare driver and then with ours in every configuration.
func everyConfig[T any](t *testing.T, test func(t *testing.T, open opener, dir string) T) {
	t.Helper()
	var want T
	t.Run("bare", func(t *testing.T) { want = test(t, bare, t.TempDir()) })
	for _, c := range configurations {
		t.Run(c.name, func(t *testing.T) {
			if c.traced {
				traceAll(t)
			}
			got := test(t, wrappedWith(c.config), t.TempDir())
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("- as bare, + as wrapped:\n%s", diff)
			}
		})
	}
}

// failure describes an error as far as an application can tell errors apart.
func failure(err error) string {
	if err == nil {
		return ""
	}
	text := fmt.Sprintf("%T %q", err, err)
	var inner *sqlite.Error
	if errors.As(err, &inner) {
		text += fmt.Sprint(" code ", inner.Code())
	}
	for _, known := range []error{
		context.Canceled, context.DeadlineExceeded, driver.ErrBadConn, driver.ErrSkip,
		sql.ErrNoRows, sql.ErrTxDone, sql.ErrConnDone,
	} {
		if errors.Is(err, known) {
			text += " is " + known.Error()
		}
	}
	return text
}

// raw gives f the driver's connection behind c.
func raw(t testing.TB, c *sql.Conn, f func(any)) {
	t.Helper()
	if err := c.Raw(func(dc any) error { f(dc); return nil }); err != nil {
		t.Fatal(err)
	}
}

// single takes one connection out of the pool.
func single(t testing.TB, db *sql.DB) *sql.Conn {
	t.Helper()
	c, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

package middleware

import (
	"database/sql"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	_ "github.com/sqliteperf/sqliteperf/driver"
	"github.com/sqliteperf/sqliteperf/internal/capture"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site is a server whose requests and statements are read from the process-wide recorder.
type site struct {
	*httptest.Server
	served sync.WaitGroup
	reader *capture.Reader
}

// serve starts a server for handler, which is told of requests before HTTP is.
func serve(t *testing.T, handler http.Handler) *site {
	t.Helper()
	s := unstarted(t, handler)
	s.Start()
	return s
}

func unstarted(t *testing.T, handler http.Handler) *site {
	t.Helper()
	reader, err := capture.Default.Attach()
	if err != nil {
		t.Fatal(err)
	}
	s := &site{reader: reader}
	s.events() // what was recorded without a site
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.served.Add(1)
		defer s.served.Done()
		handler.ServeHTTP(w, r)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(func() {
		s.Close()
		s.events()
		reader.Detach()
	})
	return s
}

// events waits for the requests answered so far and drains the recorder.
func (s *site) events() (list []capture.Event) {
	s.served.Wait()
	s.reader.Drain(func(events []capture.Event) { list = append(list, events...) })
	return list
}

// do sends a request and reads the answer. The status is 0 if there was none.
func (s *site) do(t *testing.T, method, path string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequest(method, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := s.Client().Do(r)
	if err != nil {
		return 0, ""
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusSwitchingProtocols {
		return answer.StatusCode, ""
	}
	text, _ := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text)
}

// seen is what a test expects of a request's event.
type seen struct {
	Name       string
	Status     uint16
	Statements int64
}

// requests checks all events for consistency and returns those of requests.
func requests(t *testing.T, events []capture.Event) (list []seen) {
	t.Helper()
	ran := map[*capture.Scope]int64{}
	for _, ev := range events {
		switch ev.Kind {
		case capture.KindStatement:
			ran[ev.Scope]++
		case capture.KindRequest:
			if ev.Scope == nil || ev.Source != nil || ev.Statement != nil || ev.First > ev.Total {
				t.Errorf("%+v", ev)
			}
			if ev.Scope.Statements() != ev.Rows || ev.Rows > 0 && (ev.Scope.Time() <= 0 || ev.Scope.Time() > ev.Total) {
				t.Errorf("%d statements in %v, of a request with %d in %v", ev.Scope.Statements(), ev.Scope.Time(), ev.Rows, ev.Total)
			}
			list = append(list, seen{ev.Scope.Name(), ev.Status, ev.Rows})
		}
	}
	for scope, n := range ran {
		if scope != nil && scope.Statements() != n {
			t.Errorf("%q has %d statements, want the %d recorded", scope.Name(), scope.Statements(), n)
		}
	}
	return list
}

// expect compares what was recorded of requests.
func expect(t *testing.T, events []capture.Event, want ...seen) {
	t.Helper()
	if diff := cmp.Diff(want, requests(t, events), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("- expected, + recorded:\n%s", diff)
	}
}

// database opens a file with a table t of three rows through the recording driver.
func database(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite-perf", filepath.Join(t.TempDir(), "app.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.ExecContext(capture.Mute(t.Context()), "CREATE TABLE t(id INTEGER PRIMARY KEY); INSERT INTO t VALUES(1), (2), (3)"); err != nil {
		t.Fatal(err)
	}
	return db
}

// lookUp runs n statements with the request's context.
func lookUp(db *sql.DB, r *http.Request, n int) error {
	for range n {
		if err := db.QueryRowContext(r.Context(), "SELECT count(*) FROM t").Scan(new(int)); err != nil {
			return err
		}
	}
	return nil
}

var filler = strings.Repeat("x", 100)

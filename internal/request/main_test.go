package request

import (
	"cmp"
	"database/sql"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sqliteperf/sqliteperf/driver"
	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/middleware"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shop has, for each group from 1 to 60, as many orders as its number; and of 350 one of 350.
const shop = `
CREATE TABLE customers(id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE orders(id INTEGER PRIMARY KEY, grp INT NOT NULL, customer_id INT NOT NULL REFERENCES customers(id), total INT NOT NULL);
CREATE TABLE items(id INTEGER PRIMARY KEY, order_id INT NOT NULL REFERENCES orders(id), product_id INT NOT NULL, n INT NOT NULL);
CREATE TABLE products(id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE settings(key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE log(id INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE INDEX orders_grp ON orders(grp);
CREATE INDEX items_order ON items(order_id);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400) INSERT INTO customers SELECT i, 'customer ' || i FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50) INSERT INTO products SELECT i, 'product ' || i FROM n;
WITH RECURSIVE g(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < 60), n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 350)
	INSERT INTO orders(grp, customer_id, total) SELECT g.i, 1 + (g.i * 7 + n.i) % 400, n.i FROM g JOIN n ON n.i <= g.i
	UNION ALL SELECT 350, i, i FROM n;
INSERT INTO items(order_id, product_id, n) SELECT id, 1 + id % 50, 1 FROM orders UNION ALL SELECT id, 1 + (id + 7) % 50, 2 FROM orders;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10) INSERT INTO settings SELECT 'k' || i, 'v' || i FROM n;
`

// app is a service on a database, and what the process recorded of it.
type app struct {
	*sql.DB
	t      testing.TB
	path   string
	server *httptest.Server
	peer   *httptest.Server // another service
	served sync.WaitGroup
	after  sync.WaitGroup // what goes on after requests
	ended  chan struct{}  // closed when the request under way has ended
	client *http.Client   // of the other service
	reader *capture.Reader
	events []capture.Event
}

// launch serves handle at /x through the middleware, on a database of the shop's.
func launch(t testing.TB, parameters driver.Parameters, handle func(a *app, r *http.Request, n int) error) *app {
	t.Helper()
	reader, err := capture.Default.Attach()
	if err != nil {
		t.Fatal(err)
	}
	a := &app{t: t, reader: reader, path: filepath.Join(t.TempDir(), "app.db")}
	reader.Drain(func([]capture.Event) {})
	a.fill()
	a.DB = sql.OpenDB(driver.NewConnector("file:"+a.path, driver.Config{Parameters: parameters}))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /x", func(w http.ResponseWriter, r *http.Request) {
		var n int
		fmt.Sscan(r.FormValue("n"), &n)
		if err := handle(a, r, n); err != nil {
			t.Error(err)
		}
	})
	a.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer a.served.Done()
		middleware.HTTP(mux).ServeHTTP(w, r)
	}))
	a.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	a.server.Start()
	a.peer = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.URL.Path) }))
	a.client = &http.Client{Transport: middleware.RoundTripper(a.peer.Client().Transport)}
	t.Cleanup(func() {
		a.server.Close()
		a.peer.Close()
		a.Close()
		a.reader.Drain(func([]capture.Event) {})
		a.reader.Detach()
	})
	return a
}

func (a *app) fill() {
	db, err := sql.Open("sqlite", "file:"+a.path)
	if err != nil {
		a.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(shop); err != nil {
		a.t.Fatal(err)
	}
}

// get sends one request and waits until it is over.
func (a *app) get(n int) {
	a.t.Helper()
	a.ended = make(chan struct{})
	a.served.Add(1)
	answer, err := a.server.Client().Get(fmt.Sprintf("%s/x?n=%d", a.server.URL, n))
	if err != nil {
		a.t.Fatal(err)
	}
	io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
	a.served.Wait()
	close(a.ended)
	a.after.Wait()
	a.reader.Drain(func(events []capture.Event) { a.events = append(a.events, events...) })
}

// query reads all rows of a query as the ids in its first column.
func (a *app) query(r *http.Request, text string, args ...any) (ids []int, err error) {
	rows, err := a.QueryContext(r.Context(), text, args...)
	if err != nil {
		return nil, err
	}
	return all(rows)
}

// ask gets a path of the other service.
func (a *app) ask(r *http.Request, path string) error {
	q, err := http.NewRequestWithContext(r.Context(), "GET", a.peer.URL+path, nil)
	if err != nil {
		return err
	}
	answer, err := a.client.Do(q)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

func all(rows *sql.Rows) (ids []int, err error) {
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	values := make([]any, len(names))
	for i := range values {
		values[i] = new(any)
	}
	for rows.Next() {
		if err := rows.Scan(values...); err != nil {
			return nil, err
		}
		id, _ := (*values[0].(*any)).(int64)
		ids = append(ids, int(id))
	}
	return ids, rows.Err()
}

// timing is how long things take: statements by a part of their fingerprint, "request" and "tx".
type timing map[string]time.Duration

func (m timing) of(ev *capture.Event) time.Duration {
	switch ev.Kind {
	case capture.KindRequest:
		return m["request"]
	case capture.KindTransaction:
		return m["tx"]
	}
	for part, took := range m {
		if ev.Statement != nil && strings.Contains(ev.Statement.Fingerprint, part) {
			return took
		}
	}
	return 0
}

// mark is a moment of an event that is given another time.
type mark struct {
	at   capture.Instant
	rank int // among moments at the same time: what ends comes before what begins
	set  func(now capture.Instant) (at capture.Instant)
}

// retime gives events the durations of a case. What began or ended before something else still does, so that the clock of the machine
// decides nothing: moments keep their order and move apart.
func retime(events []capture.Event, m timing) []capture.Event {
	events = slices.Clone(events)
	var marks []mark
	for i := range events {
		ev := &events[i]
		begin, first, end, want := ev.Start, ev.Start+capture.Instant(ev.First), ev.Start+capture.Instant(ev.Total), capture.Instant(m.of(ev))
		marks = append(marks, mark{begin, 2, func(now capture.Instant) capture.Instant { ev.Start = now; return now }})
		if ev.Kind == capture.KindStatement {
			marks = append(marks, mark{first, 0, func(now capture.Instant) capture.Instant {
				now = max(now, ev.Start+want)
				ev.First = time.Duration(now - ev.Start)
				return now
			}})
		}
		marks = append(marks, mark{end, 1, func(now capture.Instant) capture.Instant {
			now = max(now, ev.Start+want)
			ev.Total = time.Duration(now - ev.Start)
			return now
		}})
	}
	slices.SortStableFunc(marks, func(a, b mark) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.rank, b.rank)) })
	now := capture.Instant(time.Hour)
	for _, mk := range marks {
		now = mk.set(now + capture.Instant(time.Microsecond))
	}
	return events
}

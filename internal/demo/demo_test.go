package demo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"go.uber.org/goleak"
	_ "modernc.org/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestFill fills one database, which takes most of the time.
func TestFill(t *testing.T) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "shop.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := Fill(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	for table, want := range map[string]int64{"customers": Customers, "products": Products, "orders": Orders, "order_items": Items} {
		if n := one(t, db, "SELECT count(*) FROM "+table); n != want {
			t.Errorf("%s has %d rows, want %d", table, n, want)
		}
	}
	if total := Customers + Products + Orders + Items; total < 100_000 {
		t.Errorf("%d rows: too few to show what a scan costs", total)
	}
	if n := one(t, db, "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"); n != 2 {
		t.Errorf("%d indexes, want the redundant pair only", n)
	}
	testRoutes(t, db)
}

func one(t *testing.T, db *sql.DB, query string) (n int64) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// draw draws the whole content as Fill does.
func draw(use func(table int, row []any)) {
	r := source()
	for i, c := range content {
		for id := 1; id <= c.rows; id++ {
			use(i, c.row(r, id))
		}
	}
}

// What one demo shows the next shows too.
func TestSameEachTime(t *testing.T) {
	var sums [2]uint64
	for i := range sums {
		h := fnv.New64a()
		draw(func(_ int, row []any) { fmt.Fprintln(h, row...) })
		sums[i] = h.Sum64()
	}
	if sums[0] != sums[1] {
		t.Error("two draws differ")
	}
}

// Few customers, products and countries are common and most are rare, all references hold, and the
// rare status is rare enough for an index.
func TestSkew(t *testing.T) {
	byCustomer, byProduct, byCountry, byStatus := map[any]int{}, map[any]int{}, map[any]int{}, map[any]int{}
	draw(func(table int, row []any) {
		switch table {
		case 0:
			byCountry[row[3]]++
		case 2:
			byCustomer[row[1]]++
			byStatus[row[2]]++
		case 3:
			byProduct[row[2]]++
			if id := row[1].(int); id < 1 || id > Orders {
				t.Fatalf("an item of order %d", id)
			}
		}
	})
	for _, law := range []struct {
		what      string
		n         int
		low, high int
	}{
		{"orders of the best customer", largest(byCustomer), Orders / 100, Orders / 5},
		{"customers with orders", len(byCustomer), Customers / 4, Customers},
		{"highest customer", highest(byCustomer), 1, Customers},
		{"items of the best product", largest(byProduct), Items / 100, Items / 5},
		{"highest product", highest(byProduct), 1, Products},
		{"orders that are done", byStatus["done"], Orders * 95 / 100, Orders * 98 / 100},
		{"orders that are new", byStatus["new"], Orders / 1000, Orders * 3 / 1000},
		{"customers of the first country", byCountry[countries[0]], Customers / 5, Customers * 2 / 5},
		{"countries", len(byCountry), len(countries), len(countries)},
	} {
		if law.n < law.low || law.n > law.high {
			t.Errorf("%s: %d, want %d to %d", law.what, law.n, law.low, law.high)
		}
	}
}

func largest(counts map[any]int) int { return slices.Max(slices.Collect(maps.Values(counts))) }

func highest(counts map[any]int) (most int) {
	for key := range counts {
		most = max(most, key.(int))
	}
	return most
}

func TestFillCancelled(t *testing.T) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "shop.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Fill(ctx, db); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want %v", err, context.Canceled)
	}
}

func testRoutes(t *testing.T, db *sql.DB) {
	e := echo.New()
	(&Shop{DB: db}).Mount(e)
	srv := httptest.NewServer(e)
	defer srv.Close()
	for path, want := range map[string]string{
		"/customers/7920/orders": `"status":`, "/login?email=customer7%40example.com": `[{"id":7,"name":"Customer 7"}]`,
		"/login?email=x": "[]", "/orders/nonsense": "[]", "/queue/new": `"customer_id":`, "/products/1": `"SKU-00001"`,
	} {
		res, err := srv.Client().Get(srv.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != 200 || !strings.Contains(string(body), want) {
			t.Errorf("GET %s: %d %s, %v; want %s", path, res.StatusCode, body, err, want)
		}
	}
	stock := one(t, db, "SELECT stock FROM products WHERE id = 3")
	res, err := srv.Client().PostForm(srv.URL+"/orders", url.Values{"customer": {"1"}, "product": {"3"}, "total": {"500"}})
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 201 || one(t, db, "SELECT count(*) FROM orders") != Orders+1 || one(t, db, "SELECT stock FROM products WHERE id = 3") != stock-1 {
		t.Errorf("POST /orders: %d", res.StatusCode)
	}
}

// Traffic asks no faster than Rate, with no more requests under way than Clients, knows every route,
// and ends with its context, the last request included.
func TestTraffic(t *testing.T) {
	const rate, clients = 200, 3
	var under, most, total atomic.Int64
	var mu sync.Mutex
	routes := map[string]bool{}
	gate := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := under.Add(1)
		defer under.Add(-1)
		for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
		}
		total.Add(1)
		mu.Lock()
		routes[r.Method+" "+strings.SplitN(r.URL.Path, "/", 3)[1]] = true
		mu.Unlock()
		select {
		case <-gate:
		case <-r.Context().Done():
		}
	}))
	defer srv.Close()
	defer http.DefaultClient.CloseIdleConnections()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	start := time.Now()
	go func() {
		defer close(done)
		Traffic{Base: srv.URL, Rate: rate, Clients: clients}.Run(ctx)
	}()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for total.Load() < clients {
		<-tick.C
	}
	for range 10 { // all clients wait: whatever is due now is left out
		<-tick.C
	}
	if n := total.Load(); n != clients {
		t.Errorf("%d requests under way, want %d", n, clients)
	}
	close(gate)
	for total.Load() < 150 {
		<-tick.C
	}
	cancel()
	<-done
	if n, limit := total.Load(), int64(time.Since(start).Seconds()*rate)+2; n > limit || most.Load() > clients {
		t.Errorf("%d requests, at most %d fit the rate; %d at once", n, limit, most.Load())
	}
	if len(routes) != 6 {
		t.Errorf("routes %v, want all 6", routes)
	}
}

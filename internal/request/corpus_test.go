package request

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/driver"
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

const (
	listOrders   = "SELECT id, customer_id FROM orders WHERE grp = ?"
	oneCustomer  = "SELECT name FROM customers WHERE id = ?"
	itemsOf      = "SELECT product_id FROM items WHERE order_id = ?"
	oneProduct   = "SELECT id, name FROM products WHERE id = ?"
	oneSetting   = "SELECT value FROM settings WHERE key = ?"
	insertLog    = "INSERT INTO log(text) VALUES (?)"
	updateOrder  = "UPDATE orders SET total = total + 1 WHERE id = ?"
	busyForReads = "BEGIN EXCLUSIVE"
)

// ms is a number of milliseconds.
func ms(n float64) time.Duration { return time.Duration(n * 1e6) }

// shape is a handler and what is to be found of it.
type shape struct {
	name     string
	handle   func(a *app, r *http.Request, n int) error
	want     []Code
	requests int // default 25
	n        func(i int) int
	times    timing
	unhashed bool                                 // the driver keeps no hashes of values
	change   func(i int, request []capture.Event) // after times were set; i is the number of the request
	check    func(t *testing.T, list []Finding)
}

// varied asks for another number of rows each time, fixed always for as many.
func varied(i int) int            { return 5 + i*7%20 }
func fixed(n int) func(i int) int { return func(int) int { return n } }

// each runs a query for each of a list.
func (a *app) each(r *http.Request, text string, ids []int) error {
	for _, id := range ids {
		if _, err := a.query(r, text, id); err != nil {
			return err
		}
	}
	return nil
}

// loop runs a query for the rows of another.
func loop(a *app, r *http.Request, n int) error {
	ids, err := a.query(r, listOrders, n)
	if err != nil {
		return err
	}
	return a.each(r, itemsOf, ids)
}

// together runs queries on connections of their own that all begin before one ends.
func (a *app) together(r *http.Request, text string, ids []int) error {
	var wg sync.WaitGroup
	var begun sync.WaitGroup
	begun.Add(len(ids))
	for _, id := range ids {
		wg.Go(func() {
			rows, err := a.QueryContext(r.Context(), text, id)
			begun.Done()
			if err != nil {
				a.t.Error(err)
				return
			}
			begun.Wait()
			if _, err := all(rows); err != nil {
				a.t.Error(err)
			}
		})
	}
	wg.Wait()
	return nil
}

// inTx runs f in a transaction.
func (a *app) inTx(r *http.Request, f func(ctx context.Context, tx *sql.Tx) error) error {
	tx, err := a.BeginTx(r.Context(), nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := f(r.Context(), tx); err != nil {
		return err
	}
	return tx.Commit()
}

func execs(ctx context.Context, tx *sql.Tx, n int, texts ...string) error {
	for i := range n {
		for _, text := range texts {
			if _, err := tx.ExecContext(ctx, text, i+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// locked runs f while another connection keeps everybody else out, until release.
func (a *app) locked(f func(release func()) error) error {
	ctx := capture.Mute(context.Background())
	conn, err := a.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, busyForReads); err != nil {
		return err
	}
	return f(sync.OnceFunc(func() {
		if _, err := conn.ExecContext(ctx, "ROLLBACK"); err != nil {
			a.t.Error(err)
		}
	}))
}

func ids(from, n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = from + i
	}
	return list
}

// corpus is what handlers do. Times are those of a busy service.
var corpus = []shape{
	// N1: loops over rows.
	{name: "a loop over rows read before", handle: loop, n: varied, want: []Code{NPlusOne}, times: timing{"items": ms(1)}, check: growing},
	{name: "the same with a page of twenty", handle: loop, n: fixed(20), want: []Code{NPlusOne}, requests: 4, times: timing{"items": ms(1)}},
	{name: "a loop within open rows", want: []Code{NPlusOne}, n: varied, times: timing{"items": ms(1)}, handle: func(a *app, r *http.Request, n int) error {
		rows, err := a.QueryContext(r.Context(), listOrders, n)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id, customer int
			if err := rows.Scan(&id, &customer); err != nil {
				return err
			}
			if _, err := a.query(r, itemsOf, id); err != nil {
				return err
			}
		}
		return rows.Err()
	}},
	{name: "two levels", want: []Code{NPlusOne, Chatty}, n: varied, times: timing{"items": ms(1), "products": ms(1)}, handle: func(a *app, r *http.Request, n int) error {
		orders, err := a.query(r, listOrders, n+20)
		for _, id := range orders {
			products, err := a.query(r, itemsOf, id)
			if err != nil {
				return err
			}
			if err := a.each(r, oneProduct, products); err != nil {
				return err
			}
		}
		return err
	}, check: func(t *testing.T, list []Finding) {
		var about []string
		for _, f := range list {
			if f.Code == NPlusOne {
				about = append(about, f.Source.Summary+" → "+f.Repeated.Summary)
			}
		}
		if want := []string{"SELECT items → SELECT products", "SELECT orders → SELECT items"}; !slices.Equal(slices.Sorted(slices.Values(about)), want) {
			t.Errorf("found %q, want %q", about, want)
		}
	}},
	{name: "a mapper's prepared statement", want: []Code{NPlusOne}, n: varied, times: timing{`"customers"`: ms(2)}, handle: func(a *app, r *http.Request, n int) error {
		orders, err := a.query(r, `SELECT * FROM "orders" WHERE "orders"."grp" = ? ORDER BY "orders"."id"`, n)
		if err != nil {
			return err
		}
		stmt, err := a.PrepareContext(r.Context(), `SELECT * FROM "customers" WHERE "customers"."id" = ? ORDER BY "customers"."id" LIMIT 1`)
		if err != nil {
			return err
		}
		defer stmt.Close()
		for _, id := range orders {
			rows, err := stmt.QueryContext(r.Context(), 1+id%400)
			if err != nil {
				return err
			}
			if _, err := all(rows); err != nil {
				return err
			}
		}
		return nil
	}},
	{name: "in a transaction", want: []Code{NPlusOne}, n: varied, times: timing{"items": ms(1)}, handle: func(a *app, r *http.Request, n int) error {
		return a.inTx(r, func(ctx context.Context, tx *sql.Tx) error {
			rows, err := tx.QueryContext(ctx, listOrders, n)
			if err != nil {
				return err
			}
			orders, err := all(rows)
			for _, id := range orders {
				rows, err := tx.QueryContext(ctx, itemsOf, id)
				if err != nil {
					return err
				}
				if _, err := all(rows); err != nil {
					return err
				}
			}
			return err
		})
	}},
	{name: "values are not hashed", handle: loop, n: varied, want: []Code{NPlusOne}, times: timing{"items": ms(1)}, unhashed: true},
	{name: "values in the text", want: []Code{NPlusOne}, n: varied, times: timing{"items": ms(1)}, handle: func(a *app, r *http.Request, n int) error {
		orders, err := a.query(r, listOrders, n)
		for _, id := range orders {
			if _, err := a.query(r, fmt.Sprintf("SELECT product_id, n FROM items WHERE order_id = %d", id)); err != nil {
				return err
			}
		}
		return err
	}},
	{name: "not every row, but the more the more", want: []Code{NPlusOne}, n: varied, times: timing{"customers": ms(2)}, handle: func(a *app, r *http.Request, n int) error {
		orders, err := a.query(r, listOrders, n)
		if err != nil {
			return err
		}
		return a.each(r, oneCustomer, orders[:len(orders)*4/5+1])
	}, check: growing},
	{name: "a count of each", want: []Code{NPlusOne}, n: varied, times: timing{"count(*)": ms(3)}, handle: func(a *app, r *http.Request, n int) error {
		orders, err := a.query(r, listOrders, n)
		if err != nil {
			return err
		}
		return a.each(r, "SELECT count(*) FROM items WHERE order_id = ?", orders)
	}},
	{name: "a hundred cheap ones", want: []Code{NPlusOne, Chatty}, n: fixed(60), handle: loop},
	{name: "more than leave a trace", want: []Code{NPlusOne, Chatty}, n: fixed(350), requests: 20, handle: loop},
	{name: "with a session looked up between", want: []Code{NPlusOne}, n: varied, times: timing{"items": ms(1)}, handle: func(a *app, r *http.Request, n int) error {
		orders, err := a.query(r, listOrders, n)
		if err != nil {
			return err
		}
		if _, err := a.query(r, oneSetting, "k1"); err != nil {
			return err
		}
		return a.each(r, itemsOf, orders)
	}, check: func(t *testing.T, list []Finding) {
		if s := list[0].Source.Summary; s != "SELECT orders" {
			t.Errorf("the source is %s", s)
		}
	}},

	// What looks like N1.
	{name: "a fan-out of six", n: varied, times: timing{"settings": ms(20)}, handle: func(a *app, r *http.Request, n int) error {
		if _, err := a.query(r, oneCustomer, n); err != nil {
			return err
		}
		for i := range 6 {
			if _, err := a.query(r, oneSetting, fmt.Sprint("k", i+1)); err != nil {
				return err
			}
		}
		return nil
	}},
	{name: "a fan-out of six beside a list", n: func(i int) int { return 7 + i*7%20 }, times: timing{"settings": ms(20)}, handle: func(a *app, r *http.Request, n int) error {
		if _, err := a.query(r, listOrders, n); err != nil {
			return err
		}
		for i := range 6 {
			if _, err := a.query(r, oneSetting, fmt.Sprint("k", i+1)); err != nil {
				return err
			}
		}
		return nil
	}},
	{name: "a parallel fan-out", n: varied, handle: func(a *app, r *http.Request, n int) error {
		orders, err := a.query(r, listOrders, n)
		if err != nil {
			return err
		}
		return a.together(r, itemsOf, orders)
	}},
	{name: "one query tried again for a lock", n: varied, times: timing{"products": ms(20)}, handle: func(a *app, r *http.Request, n int) error {
		if _, err := a.query(r, oneCustomer, n); err != nil {
			return err
		}
		return a.locked(func(release func()) error {
			for try := 0; ; try++ {
				if try == 7 {
					release()
				}
				if _, err := a.query(r, oneProduct, n); err == nil || try == 7 {
					return err
				}
			}
		})
	}},
	{name: "rows inserted one by one", n: varied, times: timing{"INSERT": ms(3)}, handle: func(a *app, r *http.Request, n int) error {
		orders, err := a.query(r, listOrders, n)
		if err != nil {
			return err
		}
		return a.inTx(r, func(ctx context.Context, tx *sql.Tx) error { return execs(ctx, tx, len(orders), insertLog) })
	}},
	{name: "pages by offset", n: varied, times: timing{"OFFSET": ms(10)}, handle: func(a *app, r *http.Request, n int) error {
		if _, err := a.query(r, "SELECT count(*) FROM items"); err != nil {
			return err
		}
		for page := range n {
			if _, err := a.query(r, "SELECT id FROM items ORDER BY id LIMIT 50 OFFSET ?", page*50); err != nil {
				return err
			}
		}
		return nil
	}},
	{name: "pages by key", n: varied, times: timing{"LIMIT": ms(10)}, handle: func(a *app, r *http.Request, n int) error {
		if _, err := a.query(r, "SELECT count(*) FROM items"); err != nil {
			return err
		}
		last := 0
		for range n {
			page, err := a.query(r, "SELECT id FROM items WHERE id > ? ORDER BY id LIMIT 50", last)
			if err != nil {
				return err
			}
			last = page[len(page)-1]
		}
		return nil
	}},
	{name: "lists of four", n: func(i int) int { return 20 + i*7%20 }, times: timing{"IN": ms(10)}, handle: func(a *app, r *http.Request, n int) error {
		orders, err := a.query(r, listOrders, n)
		if err != nil {
			return err
		}
		for list := range slices.Chunk(orders, 4) {
			for len(list) < 4 {
				list = append(list, 0)
			}
			if _, err := a.query(r, "SELECT id FROM items WHERE order_id IN (?, ?, ?, ?)", list[0], list[1], list[2], list[3]); err != nil {
				return err
			}
		}
		return nil
	}},
	{name: "three rows", n: fixed(3), handle: loop, times: timing{"items": ms(30)}},
	{name: "a short loop in a long request", n: varied, handle: func(a *app, r *http.Request, n int) error { return loop(a, r, min(n, 15)) },
		times: timing{"items": ms(1), "request": ms(400)}},
	{name: "a join", n: varied, times: timing{"JOIN": ms(60)}, handle: func(a *app, r *http.Request, n int) error {
		_, err := a.query(r, "SELECT o.id, i.product_id FROM orders o JOIN items i ON i.order_id = o.id WHERE o.grp = ?", n)
		return err
	}},
	{name: "a list by IN", n: varied, times: timing{"items": ms(60)}, handle: func(a *app, r *http.Request, n int) error {
		orders, err := a.query(r, listOrders, n)
		if err != nil {
			return err
		}
		text := strings.Trim(strings.Repeat("?,", len(orders)), ",")
		args := make([]any, len(orders))
		for i := range orders {
			args[i] = orders[i]
		}
		_, err = a.query(r, "SELECT id FROM items WHERE order_id IN ("+text+")", args...)
		return err
	}},
	{name: "no query before", n: varied, times: timing{"items": ms(10)}, handle: func(a *app, r *http.Request, n int) error { return a.each(r, itemsOf, ids(1, n)) }},
	{name: "counts are not to be trusted", n: varied, want: []Code{LostCtx}, times: timing{"items": ms(1)}, handle: func(a *app, r *http.Request, n int) error {
		for i := range n {
			rows, err := a.Query(itemsOf, i) // without the request's context
			if err != nil {
				return err
			}
			if _, err := all(rows); err != nil {
				return err
			}
		}
		return loop(a, r, n)
	}},

	// N2: cycles.
	{name: "two writes for each", n: fixed(6), want: []Code{Cycle}, times: timing{"orders": ms(6), "log": ms(6)}, handle: func(a *app, r *http.Request, n int) error {
		return a.inTx(r, func(ctx context.Context, tx *sql.Tx) error { return execs(ctx, tx, n, updateOrder, insertLog) })
	}},
	{name: "three statements for each", n: fixed(4), want: []Code{Cycle}, times: timing{"orders": ms(6), "log": ms(6)}, handle: func(a *app, r *http.Request, n int) error {
		return a.inTx(r, func(ctx context.Context, tx *sql.Tx) error {
			return execs(ctx, tx, n, updateOrder, insertLog, "DELETE FROM log WHERE id = ?")
		})
	}},
	{name: "eight statements for each", n: fixed(3), want: []Code{Cycle}, times: timing{"log": ms(6)}, handle: func(a *app, r *http.Request, n int) error {
		var texts []string
		for i := range 8 {
			texts = append(texts, "DELETE FROM log WHERE id = ?"+strings.Repeat(" AND id > 0", i))
		}
		return a.inTx(r, func(ctx context.Context, tx *sql.Tx) error { return execs(ctx, tx, n, texts...) })
	}},
	{name: "two rounds", n: fixed(2), times: timing{"orders": ms(60), "log": ms(60)}, handle: func(a *app, r *http.Request, n int) error {
		return a.inTx(r, func(ctx context.Context, tx *sql.Tx) error { return execs(ctx, tx, n, updateOrder, insertLog) })
	}},
	{name: "rounds of no weight", n: fixed(6), times: timing{"orders": ms(1), "log": ms(1)}, handle: func(a *app, r *http.Request, n int) error {
		return a.inTx(r, func(ctx context.Context, tx *sql.Tx) error { return execs(ctx, tx, n, updateOrder, insertLog) })
	}},
	{name: "rounds tried again for a lock", n: varied, times: timing{"customers": ms(15), "UPDATE": ms(15), "ROLLBACK": ms(1)}, handle: func(a *app, r *http.Request, n int) error {
		ctx := capture.Mute(context.Background())
		conn, err := a.Conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil { // others may read, and not write
			return err
		}
		for try := range 4 {
			if try == 3 {
				if _, err := conn.ExecContext(ctx, "ROLLBACK"); err != nil {
					return err
				}
			}
			err = a.inTx(r, func(ctx context.Context, tx *sql.Tx) error {
				var name string
				if err := tx.QueryRowContext(ctx, oneCustomer, try+1).Scan(&name); err != nil {
					return err
				}
				_, err := tx.ExecContext(ctx, updateOrder, n)
				return err
			})
		}
		return err
	}},

	// N3: duplicates.
	{name: "asked four times", n: varied, want: []Code{Duplicate}, times: timing{"products": ms(2)}, handle: func(a *app, r *http.Request, n int) error {
		return a.each(r, oneProduct, []int{n, n, n, n})
	}, check: level(Info)},
	{name: "asked twelve times", n: varied, want: []Code{Duplicate}, times: timing{"products": ms(2)}, handle: func(a *app, r *http.Request, n int) error {
		return a.each(r, oneProduct, slices.Repeat([]int{n}, 12))
	}, check: level(Warning)},
	{name: "the same for every row", n: varied, want: []Code{Duplicate}, times: timing{"products": ms(2)}, handle: func(a *app, r *http.Request, n int) error {
		orders, err := a.query(r, listOrders, n)
		if err != nil {
			return err
		}
		return a.each(r, oneProduct, slices.Repeat([]int{7}, len(orders)))
	}},
	{name: "without arguments", n: varied, want: []Code{Duplicate}, unhashed: true, handle: func(a *app, r *http.Request, n int) error {
		for range 3 {
			if _, err := a.query(r, "SELECT max(value) FROM settings"); err != nil {
				return err
			}
		}
		return nil
	}},
	{name: "asked after each write", n: varied, times: timing{"customers": ms(1)}, handle: func(a *app, r *http.Request, n int) error {
		for range 4 {
			if _, err := a.query(r, oneCustomer, n); err != nil {
				return err
			}
			if _, err := a.ExecContext(r.Context(), "UPDATE customers SET name = name || '!' WHERE id = ?", n); err != nil {
				return err
			}
		}
		return nil
	}},
	{name: "asked twice", n: varied, handle: func(a *app, r *http.Request, n int) error { return a.each(r, oneProduct, []int{n, n}) }},
	{name: "asked of others", n: varied, handle: func(a *app, r *http.Request, n int) error { return a.each(r, oneProduct, []int{1, 2, 3, 4}) }},
	{name: "perhaps the same", n: varied, unhashed: true, handle: func(a *app, r *http.Request, n int) error {
		return a.each(r, oneProduct, []int{n, n, n, n})
	}},

	// N4: one after the other.
	{name: "three reports", n: varied, want: []Code{Parallelizable}, times: timing{"SELECT": ms(80)}, handle: reports},
	{name: "three reports in a transaction", n: varied, times: timing{"SELECT": ms(80)}, handle: func(a *app, r *http.Request, n int) error {
		return a.inTx(r, func(ctx context.Context, tx *sql.Tx) error {
			for _, text := range reportTexts {
				rows, err := tx.QueryContext(ctx, text)
				if err != nil {
					return err
				}
				if _, err := all(rows); err != nil {
					return err
				}
			}
			return nil
		})
	}},
	{name: "three short reports", n: varied, times: timing{"SELECT": ms(20)}, handle: reports},
	{name: "three reports of a long request", n: varied, times: timing{"SELECT": ms(60), "request": ms(990 * 2)}, requests: 20, handle: reports},

	// N5: slow queries.
	{name: "a slow report", n: varied, want: []Code{SlowQuery}, times: timing{"items": ms(600)}, handle: func(a *app, r *http.Request, n int) error {
		_, err := a.query(r, "SELECT total(n) FROM items")
		return err
	}},
	{name: "slower than usual", n: varied, want: []Code{SlowQuery}, times: timing{"items": ms(20)}, requests: 30, handle: single,
		change: slower(26, ms(150))},
	{name: "no slower than half a second", n: varied, times: timing{"items": ms(400)}, handle: single},
	{name: "slower than usual, and fast", n: varied, times: timing{"items": ms(5)}, requests: 30, handle: single, change: slower(26, ms(90))},
	{name: "slow once", n: varied, times: timing{"items": ms(20)}, requests: 30, handle: single, change: slower(29, ms(900))},
	{name: "rows that are read slowly", n: fixed(4), times: timing{"products": ms(300)}, handle: func(a *app, r *http.Request, n int) error {
		rows, err := a.QueryContext(r.Context(), listOrders, n)
		if err != nil {
			return err
		}
		defer rows.Close()
		for i := 1; rows.Next(); i++ {
			if _, err := a.query(r, oneProduct, i); err != nil {
				return err
			}
		}
		return rows.Err()
	}},

	// N6: chatty.
	{name: "sixty statements", n: fixed(60), want: []Code{Chatty}, handle: inserts, check: level(Info)},
	{name: "a hundred and fifty statements", n: fixed(150), want: []Code{Chatty}, handle: inserts, check: level(Warning)},
	{name: "forty statements", n: fixed(40), handle: inserts},
	{name: "many statements now and then", n: func(i int) int { return 3 + i%5/4*150 }, handle: inserts},

	// N7, N12: routes.
	{name: "a route that is its database", n: varied, requests: 120, want: []Code{DBShare}, times: timing{"items": ms(120), "request": ms(150)}, handle: single},
	{name: "a route that is not", n: varied, requests: 120, times: timing{"items": ms(60), "request": ms(150)}, handle: single},
	{name: "a fast route that is its database", n: varied, requests: 120, times: timing{"items": ms(60), "request": ms(70)}, handle: single},
	{name: "a slow route", n: varied, requests: 120, want: []Code{SlowRoute}, times: timing{"items": ms(60), "request": ms(1200)}, handle: single},
	{name: "a slow route of few requests", n: varied, requests: 60, times: timing{"items": ms(60), "request": ms(1200)}, handle: single},

	// N14: held transactions.
	{name: "a transaction that waits for something", n: fixed(2), want: []Code{TxHeld}, times: timing{"tx": ms(300)}, handle: inserts},
	{name: "a transaction without a statement", n: fixed(0), want: []Code{TxHeld}, times: timing{"tx": ms(300)}, handle: inserts},
	{name: "a transaction held for a little", n: fixed(2), times: timing{"tx": ms(150)}, handle: inserts},
	{name: "a transaction that works", n: fixed(3), times: timing{"INSERT": ms(180)}, handle: inserts},

	// N15: lost contexts.
	{name: "every other context is lost", n: varied, want: []Code{LostCtx}, times: timing{"products": ms(5), "items": ms(5)}, handle: func(a *app, r *http.Request, n int) error {
		if _, err := a.query(r, itemsOf, n); err != nil {
			return err
		}
		_, err := a.query(r.WithContext(context.Background()), oneProduct, n)
		return err
	}, check: func(t *testing.T, list []Finding) {
		if len(list[0].Sites) != 1 || list[0].Sites[0].Calls < 20 || !strings.HasSuffix(list[0].Sites[0].Site.File, "main_test.go") {
			t.Errorf("lost by %+v", list[0].Sites)
		}
	}},
	{name: "little is lost", n: varied, times: timing{"products": ms(0.2), "items": ms(50)}, handle: func(a *app, r *http.Request, n int) error {
		if _, err := a.query(r, itemsOf, n); err != nil {
			return err
		}
		_, err := a.query(r.WithContext(context.Background()), oneProduct, n)
		return err
	}},

	// N16: late statements.
	{name: "a statement after the end", n: varied, want: []Code{Late}, handle: func(a *app, r *http.Request, n int) error {
		ctx := context.WithoutCancel(r.Context())
		a.after.Go(func() {
			<-a.ended
			if _, err := a.query(r.WithContext(ctx), oneProduct, n); err != nil {
				a.t.Error(err)
			}
		})
		return nil
	}},
	{name: "a statement at the end", n: varied, handle: single},
	{name: "nothing", n: varied, handle: func(*app, *http.Request, int) error { return nil }},

	// N9, N10: other services.
	{name: "a call for each row", n: varied, want: []Code{NPlusOneAPI}, handle: func(a *app, r *http.Request, n int) error {
		rows, err := a.query(r, listOrders, n)
		for _, id := range rows {
			if err := a.ask(r, fmt.Sprint("/stock/", id)); err != nil {
				return err
			}
		}
		return err
	}},
	{name: "four calls", n: varied, handle: calling("/stock/1", "/stock/2", "/stock/3", "/stock/4")},
	{name: "two services one after the other", n: varied, want: []Code{ConsecutiveHTTP}, times: timing{"stock": ms(150), "price": ms(120)}, handle: calling("/stock/1", "/price/1")},
	{name: "two fast services", n: varied, times: timing{"stock": ms(15), "price": ms(12)}, handle: calling("/stock/1", "/price/1")},

	// N8, N11: sizes.
	{name: "many rows for a small answer", n: varied, want: []Code{BigResult}, handle: many, change: answered(900, 0)},
	{name: "many rows for a large answer", n: varied, handle: many, change: answered(90_000, 0)},
	{name: "many rows for an answer that was compressed", n: varied, handle: many, change: answered(900, capture.FlagEncoded)},
	{name: "a large answer", n: varied, want: []Code{LargePayload}, times: timing{"request": ms(130)}, handle: single, change: answered(400_000, 0)},
	{name: "a large answer, and fast", n: varied, times: timing{"request": ms(30)}, handle: single, change: answered(400_000, 0)},
	{name: "a stream", n: varied, times: timing{"request": ms(900)}, handle: single, change: answered(4_000_000, capture.FlagHijacked)},
}

var reportTexts = []string{"SELECT total(n) FROM items", "SELECT total(total) FROM orders", "SELECT count(*) FROM customers"}

func reports(a *app, r *http.Request, _ int) error {
	for _, text := range reportTexts {
		if _, err := a.query(r, text); err != nil {
			return err
		}
	}
	return nil
}

func single(a *app, r *http.Request, n int) error {
	_, err := a.query(r, itemsOf, n)
	return err
}

func inserts(a *app, r *http.Request, n int) error {
	return a.inTx(r, func(ctx context.Context, tx *sql.Tx) error { return execs(ctx, tx, n, insertLog) })
}

// slower makes the statements from a request on slower.
func slower(from int, took time.Duration) func(int, []capture.Event) {
	return func(i int, request []capture.Event) {
		if i < from {
			return
		}
		for j := range request {
			request[j].Total = max(request[j].Total, took)
			request[j].First = request[j].Total
		}
	}
}

func growing(t *testing.T, list []Finding) {
	f := list[0]
	if !f.Grows || f.Growth < 0.7 || f.Source == nil || f.Repeated == nil || f.Site == nil || f.Count < 5 || f.Most <= f.Median || f.Example.ID == 0 || f.Level != Critical {
		t.Errorf("%+v", f)
	}
}

func level(want Level) func(*testing.T, []Finding) {
	return func(t *testing.T, list []Finding) {
		if list[0].Level != want {
			t.Errorf("level %v, want %v", list[0].Level, want)
		}
	}
}

// record runs a shape's requests and gives their events the times of the case.
func (s *shape) record(t testing.TB) []capture.Event {
	parameters := driver.ParametersHash
	if s.unhashed {
		parameters = driver.ParametersTypes
	}
	a := launch(t, parameters, s.handle)
	requests := s.requests
	if requests == 0 {
		requests = 25
	}
	var bounds []int
	for i := range requests {
		a.get(s.n(i))
		bounds = append(bounds, len(a.events))
	}
	events := retime(a.events, s.times)
	from := 0
	for i, to := range bounds {
		if s.change != nil {
			s.change(i, events[from:to])
		}
		from = to
	}
	return events
}

// calling asks the other service for these paths, one after the other.
func calling(paths ...string) func(a *app, r *http.Request, n int) error {
	return func(a *app, r *http.Request, n int) error {
		for _, path := range paths {
			if err := a.ask(r, path); err != nil {
				return err
			}
		}
		return nil
	}
}

// answered gives the answers of requests a size, and says what else there is to know of it.
func answered(bytes int64, flags capture.Flags) func(i int, request []capture.Event) {
	return func(_ int, request []capture.Event) {
		for i := range request {
			if ev := &request[i]; ev.Kind == capture.KindRequest {
				ev.SetBytes(0, bytes)
				ev.Flags |= flags
			}
		}
	}
}

// many reads more rows than a page shows.
func many(a *app, r *http.Request, n int) error {
	_, err := a.query(r, "SELECT id, total FROM orders")
	return err
}

// find is what a Tracker finds in events.
func find(events []capture.Event, c Config) ([]Finding, *Tracker) {
	tracker := NewTracker(c)
	tracker.Add(events)
	tracker.Tick(tracker.clock + capture.Instant(tracker.config.Grace) + 1)
	return tracker.Findings(), tracker
}

// TestCorpus holds the detectors to a precision of 100 % and a recall of 95 %, code by code.
func TestCorpus(t *testing.T) {
	right, wrong, missed := map[Code]int{}, map[Code]int{}, map[Code]int{}
	negatives := 0
	for i := range corpus {
		s := &corpus[i]
		if len(s.want) == 0 {
			negatives++
		}
		t.Run(s.name, func(t *testing.T) {
			list, tracker := find(s.record(t), Config{})
			accounted(t, tracker.Stats())
			found := map[Code]bool{}
			for _, f := range list {
				found[f.Code] = true
			}
			for _, code := range Codes {
				switch want := slices.Contains(s.want, code); {
				case want && found[code]:
					right[code]++
				case want:
					missed[code]++
					t.Logf("%s is missed", code)
				case found[code]:
					wrong[code]++
					t.Errorf("%s is found: %+v", code, list)
				}
			}
			if s.check != nil && len(list) > 0 {
				s.check(t, list)
			}
		})
	}
	for _, code := range Codes {
		if n := right[code] + missed[code]; n > 0 && float64(right[code]) < 0.95*float64(n) {
			t.Errorf("%s: %d of %d found", code, right[code], n)
		}
		t.Logf("%-16s right %2d, wrong %d, missed %d", code, right[code], wrong[code], missed[code])
	}
	if len(corpus) < 40 || negatives*2 < len(corpus)-4 {
		t.Errorf("%d shapes, of which %d show nothing", len(corpus), negatives)
	}
}

// accounted checks that every event is counted once.
func accounted(t testing.TB, s Stats) {
	t.Helper()
	if s.Statements != s.Kept+s.Folded+s.Late+s.Straggled+s.Unattributed+s.Unknown || s.Events != s.Statements+s.Transactions+s.Requests+s.Outgoing+s.Others {
		t.Errorf("not accounted for: %+v", s)
	}
}

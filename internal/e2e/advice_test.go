package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

type object = map[string]any

// kinds are a title and a reason of each type of advice.
var kinds = []struct{ kind, code, title, why string }{
	{"index", "IX01", "Index orders(customer, created_at) and order_items(order_id)", "3 statements would use it; the most expensive reads all of orders."},
	{"drop_index", "IX10", "Drop index orders_customer of orders", "Every statement that uses it would use orders_customer_total as well."},
	{"pragma", "PR01", "Set journal_mode to wal", "Readers wait for writers: with a write-ahead log they do not."},
	{"statistics", "ST01", "Renew the statistics", "They describe 1,000 rows of events, and there are 84,000."},
	{"pool", "PL02", "One connection for writes, four for reads", "8 connections write at the same time, and SQLite has one writer."},
	{"transaction", "TX03", "Write the rows of visits in one transaction", "412 rows a second are written one by one, each with a commit of its own."},
	{"query", "QY05", "Page through events by key instead of OFFSET", "A page deep in the list reads all pages before it."},
	{"schema", "SC02", "Make orders.uuid a time-ordered key", "Random keys scatter the inserts over all of the index."},
	{"storage", "SG01", "VACUUM would free 61 % of the file", "The file has 42,000 free pages since the last large deletion."},
}

var listed = []string{"proved", "proposed", "applied", "rejected"}

// manyAdvised are recommendations of every type in several states. The detail of the queries is full.
func manyAdvised() []object {
	var list []object
	for i, state := range listed {
		for _, k := range kinds {
			r := object{
				"id": fmt.Sprintf("%s-%d", strings.ToLower(k.code), i), "code": k.code, "type": k.kind, "component": "database", "database": "app",
				"table": "orders", "columns": []string{}, "title": k.title, "why": k.why, "risk": "", "level": "warning", "state": state, "basis": "rule",
				"applicable": false, "statements": []string{}, "undo": []string{}, "manual": "See the rewrite.", "plan_hash": "00ff", "digests": []string{},
				"facts": []object{}, "rewrite": nil, "evidence": nil, "live": nil, "created": "2026-03-01T12:00:00Z", "updated": "2026-03-01T12:00:00Z",
			}
			fill(r, k.kind)
			list = append(list, r)
		}
	}
	return list
}

func fact(name string, value float64, unit, text string) object {
	return object{"name": name, "value": value, "unit": unit, "text": text}
}

func fill(r object, kind string) {
	switch kind {
	case "index":
		r["applicable"], r["manual"], r["basis"] = true, "", "estimate"
		r["statements"] = []string{
			`CREATE INDEX sqliteperf_orders_customer_created_at ON orders(customer, created_at)`, `CREATE INDEX sqliteperf_order_items_order_id ON order_items(order_id)`,
			`ANALYZE "sqliteperf_orders_customer_created_at"`,
		}
		r["undo"] = []string{`DROP INDEX IF EXISTS sqliteperf_order_items_order_id`, `DROP INDEX IF EXISTS sqliteperf_orders_customer_created_at`}
	case "query":
		r["basis"] = "replay"
		r["facts"] = []object{
			fact("calls", 18230, "calls", ""), fact("called from", 18230, "calls", "shop/events.go:118 shop.(*Store).Page"), fact("deepest offset", 96000, "rows", ""),
			fact("plan", 0, "", "SCAN events USING INDEX events_at | USE TEMP B-TREE FOR LAST TERM OF ORDER BY"),
			fact("rows read past", 0.973, "of all rows read", ""), fact("median speed-up of the new form", 118.2, "times", ""), fact("of the row", 4096, "bytes", ""),
		}
		r["rewrite"] = object{"before": "SELECT id, at, kind, payload FROM events ORDER BY at DESC, id DESC LIMIT ? OFFSET ?",
			"after":   "SELECT id, at, kind, payload FROM events WHERE (at, id) < (?, ?) ORDER BY at DESC, id DESC LIMIT ?",
			"checked": true, "speedup": 118.2}
	case "transaction":
		r["facts"] = []object{fact("a row on its own, on a scratch file", 412.5, "µs", ""), fact("in one transaction", 11.25, "µs", ""), fact("of them within 10 ms of the one before", 0.94, "of them", "")}
		r["rewrite"] = object{"before": "for _, v := range visits {\n\tdb.ExecContext(ctx, insert, v.Page, v.At)\n}",
			"after":   "tx, err := db.BeginTx(ctx, nil)\nfor _, v := range visits {\n\ttx.ExecContext(ctx, insert, v.Page, v.At)\n}\nerr = tx.Commit()",
			"checked": false, "speedup": 0}
	case "pool":
		r["basis"] = "experiment"
		r["facts"] = []object{fact("reads", 840.5, "a second", ""), fact("lock wait", 0.31, "of the time of writes", ""), fact("proposed: calls a second", 2.4, "times those at present", "")}
	}
}

// serve serves the committed page with advice of our own.
func serve(t *testing.T, list []object) (dashboard string) {
	t.Helper()
	dist := filepath.Join("..", "..", "server", "ui", "dist")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /performance/dashboard", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, filepath.Join(dist, "index.html")) })
	mux.Handle("GET /performance/dashboard/", http.StripPrefix("/performance/dashboard/", http.FileServer(http.Dir(dist))))
	mux.HandleFunc("GET /performance/stream", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	mux.HandleFunc("GET /performance/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		var body object
		if strings.HasSuffix(r.URL.Path, "/recommendations") {
			body = object{"generated": "2026-03-01T12:00:00Z", "recommendations": list,
				"analysis": object{"running": false, "phase": "", "last": "2026-03-01T12:00:00Z", "statements": 64, "skipped": []object{}}}
		}
		if err := json.NewEncoder(w).Encode(body); err != nil {
			t.Error(err)
		}
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	return srv.URL + "/performance/dashboard"
}

// Every kind of advice has its place in the inbox, and its detail tells what it rests on; nothing is wider than a telephone.
func TestManyKindsOfAdvice(t *testing.T) {
	list := manyAdvised()
	page := serve(t, list) + "#/recommendations?"
	ctx, complaints := openBrowser(t)
	show := func(name, hash string, width, height int64) {
		t.Helper()
		if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, height), chromedp.Navigate("about:blank"), chromedp.Navigate(page+hash),
			chromedp.WaitReady(hook("types"))); err != nil {
			t.Fatal(err)
		}
		if wide, err := chromedp.Run(ctx, chromedp.Evaluate[int64](`document.documentElement.scrollWidth`)); err != nil || wide > width {
			t.Errorf("%s is %d wide on %d (%v)", name, wide, width, err)
		}
		picture(t, ctx, "advice-"+name)
	}
	for _, theme := range []string{"light", "dark"} {
		for _, id := range []string{"qy05-1", "tx03-1", "ix01-0", "pl02-0"} {
			show(id+"-"+theme, "rec="+id+"&theme="+theme, 1440, 1000)
			show(id+"-"+theme+"-narrow", "rec="+id+"&theme="+theme, 390, 844)
		}
		show("inbox-"+theme+"-narrow", "theme="+theme, 390, 844)
	}
	show("query", "type=query&rec=qy05-1", 1440, 1000)
	see(t, ctx, "types", fmt.Sprint("all ", len(list)))
	if n, err := chromedp.Run(ctx, chromedp.Evaluate[int](`document.querySelectorAll(".entry").length`)); err != nil || n != len(listed) {
		t.Errorf("%d entries of type query, want %d (%v)", n, len(listed), err)
	}
	see(t, ctx, "basis", "proved on a copy")
	see(t, ctx, "rewrite", "same rows, 118× faster")
	for _, word := range []string{"96", "118×", "97\u202f% of all rows read", "4\u202fKiB", "shop/events.go:118"} {
		see(t, ctx, "facts", word)
	}
	show("index", "rec=ix01-0", 1440, 1000)
	for _, name := range []string{"rec-detail", "statements", "undo-statements"} {
		see(t, ctx, name, "order_items")
	}
	see(t, ctx, "basis", "estimated on a sample")
	show("transaction", "rec=tx03-1", 1440, 1000)
	see(t, ctx, "rewrite", "not checked")
	see(t, ctx, "basis", "by rule")
	if list := complaints(); len(list) > 0 {
		t.Errorf("the console complains:\n%s", strings.Join(list, "\n"))
	}
}

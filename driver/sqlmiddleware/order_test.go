package sqlmiddleware

import (
	"errors"
	"testing"
	"time"

	"github.com/ngrok/sqlmw"
)

// TestAnyOrder: the three do their work in each order.
func TestAnyOrder(t *testing.T) {
	for _, order := range [][3]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		path := file(t)
		retry := Retry(releasing(2, lock(t, path, "IMMEDIATE")))
		guard := Guard(GuardConfig{Deadline: time.Hour, MaxRows: 2, Forbid: DDL | DeleteAll})
		tags := Tags(TagsConfig{Static: []Tag{{"app", "shop"}}})
		all, seen := [3]sqlmw.Interceptor{retry, guard, tags}, &texter{}
		db := open(t, path+immediate, all[order[0]], all[order[1]], all[order[2]], seen)
		run(t, db, "INSERT INTO t(a) VALUES (3)")
		if s := retry.Stats(); s != (RetryStats{Retries: 2, Recovered: 1}) {
			t.Errorf("%v: %+v", order, s)
		}
		if seen.seen[0] != "INSERT INTO t(a) VALUES (3) /*app='shop'*/" {
			t.Errorf("%v: %q", order, seen.seen)
		}
		if err := readAll(db.Query("SELECT a FROM t")); !errors.Is(err, ErrTooManyRows) {
			t.Errorf("%v: %v", order, err)
		}
		if _, err := db.Exec("DELETE FROM t"); !errors.Is(err, ErrForbidden) {
			t.Errorf("%v: %v", order, err)
		}
		must(t, finish(db.Begin()))
		if n := count(t, path); n != 3 {
			t.Errorf("%v: %d rows", order, n)
		}
	}
}

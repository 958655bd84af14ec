package driver

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/ngrok/sqlmw"
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// collected is a sink that keeps all events, and panics after.
type collected struct {
	mu     sync.Mutex
	list   []capture.Event
	panics bool
}

func (c *collected) Record(ev Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.list = append(c.list, ev); c.panics {
		panic("as told")
	}
}

func TestSinksGetWhatRecordersWould(t *testing.T) {
	for _, panics := range []bool{false, true} {
		t.Run(fmt.Sprint("panics ", panics), func(t *testing.T) {
			r := record(t, "", Config{})
			exec(t, r.DB, "CREATE TABLE t(v)")
			must(t, visit(r.DB))
			want := see(r.events())
			sink := &collected{panics: panics}
			with := record(t, "", Config{Sink: sink})
			with.SetMaxOpenConns(1)
			exec(t, with.DB, "CREATE TABLE t(v)")
			must(t, visit(with.DB))
			if diff := cmp.Diff(want, see(sink.list)); diff != "" {
				t.Errorf("- to a recorder, + to a sink:\n%s", diff)
			}
			if events := with.events(); len(events) != 0 {
				t.Errorf("the recorder has %+v too", see(events))
			}
		})
	}
}

// foreignChain is modernc's driver under a sqlmw chain of the application's with our link in it.
func foreignChain(t *testing.T, sink Sink) *sql.DB {
	t.Helper()
	name := unseenName(t)
	sql.Register(name, sqlmw.Driver(bareDriver(), Interceptor(sink)))
	db, err := sql.Open(name, t.TempDir()+"/app.db")
	must(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}

func TestOurLinkInAForeignChain(t *testing.T) {
	for _, panics := range []bool{false, true} {
		t.Run(fmt.Sprint("panics ", panics), func(t *testing.T) {
			sink := &collected{panics: panics}
			db := foreignChain(t, sink)
			db.SetMaxOpenConns(1)
			scope := capture.NewScope()
			ctx := capture.WithScope(context.Background(), scope)
			_, err := db.ExecContext(ctx, "CREATE TABLE t(v UNIQUE)")
			must(t, err)
			_, err = db.ExecContext(ctx, "INSERT INTO t VALUES(?), (2)", "x")
			must(t, err)
			_, err = db.ExecContext(ctx, "INSERT INTO t VALUES(2)")
			if err == nil {
				t.Error("a duplicate was taken")
			}
			read(t, db, "SELECT v FROM t", -1)
			read(t, db, "SELECT v FROM t", 1)
			_, err = db.Query("SELECT missing FROM t")
			if err == nil {
				t.Error("a missing column was read")
			}
			st, err := db.Prepare("SELECT v FROM t WHERE v = ?")
			must(t, err)
			must(t, st.QueryRow(2).Scan(new(int)))
			_, err = st.Exec(2)
			must(t, errors.Join(err, st.Close()))
			for _, end := range []func(*sql.Tx) error{(*sql.Tx).Commit, (*sql.Tx).Rollback} {
				tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
				must(t, err)
				must(t, errors.Join(tx.QueryRow("SELECT 1").Scan(new(int)), end(tx)))
			}
			_, err = db.ExecContext(muted, "DELETE FROM t")
			must(t, err)
			want := []seen{
				{Mode: x, SQL: "CREATE TABLE t(v UNIQUE)"}, {Mode: x, Affected: 2, SQL: "INSERT INTO t VALUES (?)"},
				{Mode: x, Error: capture.ErrorConstraint, SQL: "INSERT INTO t VALUES (?)"}, {Mode: q, Rows: 2, SQL: "SELECT v FROM t"},
				{Mode: q, Rows: 1, SQL: "SELECT v FROM t"}, {Mode: q, Error: capture.ErrorOther, SQL: "SELECT missing FROM t"},
				{Mode: pq, Rows: 1, SQL: "SELECT v FROM t WHERE v = ?"}, {Mode: px, SQL: "SELECT v FROM t WHERE v = ?"},
				{Mode: q, Rows: 1, SQL: "SELECT ?"}, {Kind: txn, Mode: capture.ModeCommit, InTx: true},
				{Mode: q, Rows: 1, SQL: "SELECT ?"}, {Kind: txn, Mode: capture.ModeRollback, InTx: true},
			}
			if diff := cmp.Diff(want, see(sink.list)); diff != "" {
				t.Errorf("- expected, + recorded:\n%s", diff)
			}
			if scope.Statements() != 3 {
				t.Errorf("the request has %d statements, want 3", scope.Statements())
			}
			for _, ev := range sink.list {
				if ev.First > ev.Total || ev.Site != nil && !strings.HasSuffix(ev.Site.File, "_test.go") {
					t.Errorf("recorded %+v called at %v", ev, ev.Site)
				}
			}
			if ends := slices.Collect(func(yield func(capture.End) bool) {
				for _, ev := range sink.list {
					if ev.Kind == txn && !yield(ev.End) {
						return
					}
				}
			}); !slices.Equal(ends, []capture.End{capture.EndCommit, capture.EndCalled}) {
				t.Errorf("transactions ended by %v", ends)
			}
		})
	}
}

// TestOurLinkTakesCallsWithoutAContext calls a foreign chain as those do who hold a connection.
func TestOurLinkTakesCallsWithoutAContext(t *testing.T) {
	sink := &collected{}
	var none context.Context
	raw(t, single(t, foreignChain(t, sink)), func(dc any) {
		c := dc.(calls)
		rows, err := c.QueryContext(none, "SELECT 1", nil)
		must(t, err)
		must(t, rows.Close())
	})
	if len(sink.list) != 1 {
		t.Errorf("recorded %+v", see(sink.list))
	}
}

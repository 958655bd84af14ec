package driver

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"testing"

	"github.com/ngrok/sqlmw"
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// uncomparable is a context of a type that == panics at.
type uncomparable struct {
	context.Context
	list []int
}

// owned are calls whose statements must belong to a request, or to nobody.
var owned = map[string]struct {
	run  func(t *testing.T, r *recording, ctx context.Context)
	want []bool
}{
	"a connection held": {func(t *testing.T, r *recording, ctx context.Context) {
		c, err := r.Conn(ctx)
		must(t, err)
		must(t, errors.Join(execOn("SELECT 1")(c), queryOn("SELECT 1")(c), c.Close()))
	}, []bool{true, true}},
	"a connection held, then another's": {func(t *testing.T, r *recording, ctx context.Context) {
		c, err := r.Conn(ctx)
		must(t, err)
		must(t, c.Close())
		exec(t, r.DB, "SELECT 1")
		other, err := r.Conn(context.Background())
		must(t, err)
		must(t, errors.Join(execOn("SELECT 1")(other), other.Close()))
	}, []bool{false, false}},
	"a new connection, then another's": {func(t *testing.T, r *recording, ctx context.Context) {
		_, err := r.ExecContext(ctx, "SELECT 1")
		must(t, err)
		exec(t, r.DB, "SELECT 1")
	}, []bool{true, false}},
	"a statement of a transaction": {func(t *testing.T, r *recording, ctx context.Context) {
		tx, err := r.BeginTx(ctx, nil)
		must(t, err)
		st, err := tx.Prepare("SELECT 1")
		must(t, err)
		must(t, st.QueryRow().Scan(new(int)))
		must(t, tx.Commit())
	}, []bool{true, true}},
	"a transaction by text, returned open": {func(t *testing.T, r *recording, ctx context.Context) {
		c, err := r.Conn(ctx)
		must(t, err)
		must(t, errors.Join(execOn("BEGIN")(c), execOn("SELECT 1")(c), c.Close()))
		exec(t, r.DB, "SELECT 1")
		exec(t, r.DB, "COMMIT")
	}, []bool{true, true, false, false, true}},
	"a transaction by text with a context of its own": {func(t *testing.T, r *recording, ctx context.Context) {
		c, err := r.Conn(context.Background())
		must(t, err)
		_, err = c.ExecContext(ctx, "BEGIN")
		must(t, err)
		must(t, errors.Join(execOn("SELECT 1")(c), execOn("ROLLBACK")(c), execOn("SELECT 1")(c), c.Close()))
	}, []bool{true, true, true, true, false}},
	"a context of no comparable type": {func(t *testing.T, r *recording, ctx context.Context) {
		odd := uncomparable{ctx, []int{1}}
		c, err := r.Conn(odd)
		must(t, err)
		_, err = c.ExecContext(odd, "SELECT 1")
		must(t, err)
		tx, err := c.BeginTx(odd, nil)
		must(t, err)
		_, err = tx.ExecContext(odd, "SELECT 1")
		must(t, errors.Join(err, tx.Rollback(), c.Close()))
	}, []bool{true, true, true}},
	"rows that outlive the transaction's begin": {func(t *testing.T, r *recording, ctx context.Context) {
		c, err := r.Conn(context.Background())
		must(t, err)
		rows, err := c.QueryContext(context.Background(), "SELECT 1")
		must(t, err)
		tx, err := c.BeginTx(ctx, nil)
		must(t, err)
		must(t, errors.Join(rows.Close(), tx.Rollback(), c.Close()))
	}, []bool{false, true}},
	"a transaction that its context ends": {func(t *testing.T, r *recording, ctx context.Context) {
		ctx, cancel := context.WithCancel(ctx)
		_, err := r.BeginTx(ctx, nil)
		must(t, err)
		cancel()
		exec(t, r.DB, "SELECT 1") // waits for the connection
	}, []bool{true, false}},
}

func TestConnectionsOwnWhatRunsOnThem(t *testing.T) {
	for configuration, config := range map[string]Config{
		"plain": {}, "kept": {StatementCache: 2}, "interceptors": {Interceptors: []sqlmw.Interceptor{sqlmw.NullInterceptor{}}},
	} {
		for name, test := range owned {
			t.Run(configuration+" "+name, func(t *testing.T) {
				r := record(t, "", config)
				r.SetMaxOpenConns(1)
				scope := capture.NewScope()
				test.run(t, r, capture.WithScope(context.Background(), scope))
				var got []bool
				for _, ev := range r.events() {
					if got = append(got, ev.Scope == scope); ev.Scope != nil && ev.Scope != scope {
						t.Errorf("%+v belongs to %+v", ev, ev.Scope)
					}
				}
				if !slices.Equal(got, test.want) {
					t.Errorf("belong to the request: %v, want %v", got, test.want)
				}
			})
		}
	}
}

func TestWhatBeginsAfterTheRequestIsLate(t *testing.T) {
	r := record(t, "", Config{})
	scope := capture.NewScope()
	ctx := capture.WithScope(context.Background(), scope)
	rows, err := r.QueryContext(ctx, "SELECT 1")
	must(t, err)
	tx, err := r.BeginTx(ctx, nil)
	must(t, err)
	scope.End()
	for capture.Now() <= 0 || !scope.Ended(capture.Now()) { // the clock may stand still
	}
	must(t, errors.Join(rows.Close(), tx.Commit())) // began before
	_, err = r.ExecContext(ctx, "SELECT 2")
	must(t, err)
	tx, err = r.BeginTx(ctx, nil)
	must(t, errors.Join(err, tx.Commit()))
	var late []bool
	for _, ev := range r.events() {
		late = append(late, ev.Flags.Has(capture.FlagLate))
	}
	slices.SortFunc(late, func(a, b bool) int { return map[bool]int{true: 1}[a] - map[bool]int{true: 1}[b] }) // ring by ring
	if want := []bool{false, false, true, true}; !slices.Equal(late, want) {
		t.Errorf("late are %v, want %v", late, want)
	}
}

// TestMutedCallsLeaveNothing runs everything muted, in every configuration.
func TestMutedCallsLeaveNothing(t *testing.T) {
	for _, c := range configurations {
		t.Run(c.name, func(t *testing.T) {
			r := record(t, "", c.config)
			r.setup(t, "CREATE TABLE t(v UNIQUE)", "INSERT INTO t VALUES(1), (2)")
			for range 3 {
				rows, err := r.QueryContext(muted, "SELECT v FROM t")
				must(t, err)
				rows.Next()
				if open := sourceOf(t, r.path).OpenRows(); len(open) != 0 {
					t.Errorf("open is %+v", open[0])
				}
				must(t, rows.Close())
				if _, err := r.ExecContext(muted, "INSERT INTO t VALUES(1)"); err == nil {
					t.Error("a duplicate was taken")
				}
				_, err = r.QueryContext(muted, "SELECT missing")
				if err == nil {
					t.Error("a missing column was read")
				}
				tx, err := r.BeginTx(muted, nil)
				must(t, err)
				_, err = tx.Exec("DELETE FROM t WHERE v = 2")
				must(t, errors.Join(err, tx.QueryRow("SELECT 1").Scan(new(int)), tx.Rollback()))
			}
			must(t, visitMuted(r.DB))
			if events := r.events(); len(events) != 0 {
				t.Errorf("recorded %+v", see(events))
			}
			if pool := sourceOf(t, r.path).Pool(); pool.Held != 0 {
				t.Errorf("pool is %+v", pool)
			}
			if kept := prepared(t, single(t, r.DB)); len(kept) > c.config.StatementCache {
				t.Errorf("left are %q", kept)
			}
		})
	}
}

func visitMuted(db *sql.DB) error {
	c, err := db.Conn(muted)
	if err != nil {
		return err
	}
	st, err := c.PrepareContext(context.Background(), "SELECT v FROM t WHERE v > ?")
	if err != nil {
		return err
	}
	_, err = st.Exec(0)
	return errors.Join(err, st.QueryRow(0).Scan(new(int)), st.Close(), c.Close())
}

// TestTransactionsLendTheirSpan: a statement whose context says nothing is under the span that its
// transaction was begun under, and one whose context names a request is not.
func TestTransactionsLendTheirSpan(t *testing.T) {
	traceAll(t)
	r := record(t, "", Config{})
	span, scope := capture.NewTrace(), capture.NewScope()
	request := capture.WithScope(t.Context(), scope)
	tx, err := r.BeginTx(testTracer{}.Into(request, span), nil)
	must(t, err)
	for _, ctx := range []context.Context{context.Background(), request} {
		_, err := tx.ExecContext(ctx, "SELECT 1")
		must(t, err)
	}
	must(t, tx.Commit())
	events := r.events()
	if len(events) != 3 || events[0].Trace != span || events[0].Scope != scope || events[1].Trace != nil || events[1].Scope != scope || events[2].Trace != span {
		t.Errorf("%+v", events)
	}
}

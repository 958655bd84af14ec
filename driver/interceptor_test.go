package driver

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/ngrok/sqlmw"
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// TestInterceptorsSeeWhatTheyDoInAChainOfTheirOwn compares every call that interceptors get with
// those of sqlmw around the bare driver.
func TestInterceptorsSeeWhatTheyDoInAChainOfTheirOwn(t *testing.T) {
	var calls []string
	chain := func() (list []sqlmw.Interceptor) {
		for _, name := range []string{"outer ", "inner "} {
			list = append(list, hostile{do: func(at string) { calls = append(calls, name+at) }})
		}
		return list
	}
	note := func(db *sql.DB) []string {
		calls = nil
		exec(t, db, "CREATE TABLE t(v)")
		must(t, visit(db))
		db.Close()
		return calls
	}
	d := bare(t, ":memory:").Driver()
	for _, interceptor := range slices.Backward(chain()) {
		d = sqlmw.Driver(d, interceptor)
	}
	connector, err := d.(driver.DriverContext).OpenConnector(":memory:")
	must(t, err)
	want := note(sql.OpenDB(connector))
	got := note(record(t, "", Config{Interceptors: chain()}).DB)
	asked := func(call string) bool { return strings.Contains(call, "ResultRowsAffected") } // for the event
	if diff := cmp.Diff(slices.DeleteFunc(want, asked), slices.DeleteFunc(got, asked)); diff != "" {
		t.Errorf("- in a chain of their own, + in ours:\n%s", diff)
	}
}

// inspecting is an interceptor that looks at the contexts and options it gets.
type inspecting struct {
	sqlmw.NullInterceptor
	ctx  context.Context
	opts driver.TxOptions
	seen int
	odd  []string
}

func (i *inspecting) see(ctx context.Context, where string) {
	if i.seen++; ctx != i.ctx {
		i.odd = append(i.odd, where)
	}
}

func (i *inspecting) ConnectorConnect(ctx context.Context, c driver.Connector) (driver.Conn, error) {
	i.see(ctx, "connect")
	return c.Connect(ctx)
}

func (i *inspecting) ConnExecContext(ctx context.Context, c driver.ExecerContext, query string, args []driver.NamedValue) (driver.Result, error) {
	i.see(ctx, "exec")
	return c.ExecContext(ctx, query, args)
}

func (i *inspecting) ConnQueryContext(ctx context.Context, c driver.QueryerContext, query string, args []driver.NamedValue) (context.Context, driver.Rows, error) {
	i.see(ctx, "query")
	return i.NullInterceptor.ConnQueryContext(ctx, c, query, args)
}

func (i *inspecting) ConnPing(ctx context.Context, c driver.Pinger) error {
	i.see(ctx, "ping")
	return c.Ping(ctx)
}

func (i *inspecting) ConnPrepareContext(ctx context.Context, c driver.ConnPrepareContext, query string) (context.Context, driver.Stmt, error) {
	i.see(ctx, "prepare")
	return i.NullInterceptor.ConnPrepareContext(ctx, c, query)
}

func (i *inspecting) StmtQueryContext(ctx context.Context, c driver.StmtQueryContext, query string, args []driver.NamedValue) (context.Context, driver.Rows, error) {
	i.see(ctx, "prepared")
	return i.NullInterceptor.StmtQueryContext(ctx, c, query, args)
}

func (i *inspecting) ConnBeginTx(ctx context.Context, c driver.ConnBeginTx, opts driver.TxOptions) (context.Context, driver.Tx, error) {
	i.see(ctx, "begin")
	i.opts = opts
	return i.NullInterceptor.ConnBeginTx(ctx, c, opts)
}

// TestContextsArePassedOnAsReceived looks at every context below the capture: it is the caller's own.
func TestContextsArePassedOnAsReceived(t *testing.T) {
	traceAll(t)
	ctx := testTracer{}.Into(capture.WithScope(t.Context(), capture.NewScope()), capture.NewTrace())
	seen := &inspecting{ctx: ctx}
	r := record(t, "", Config{Interceptors: []sqlmw.Interceptor{seen}})
	must(t, r.PingContext(ctx))
	_, err := r.ExecContext(ctx, "SELECT 1")
	must(t, err)
	must(t, r.QueryRowContext(ctx, "SELECT 1").Scan(new(int)))
	st, err := r.PrepareContext(ctx, "SELECT 1")
	must(t, err)
	must(t, st.QueryRowContext(ctx).Scan(new(int)))
	must(t, st.Close())
	tx, err := r.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelSerializable})
	must(t, err)
	must(t, tx.Commit())
	if len(seen.odd) > 0 || seen.seen != 7 {
		t.Errorf("%d calls, with other contexts for %q", seen.seen, seen.odd)
	}
	if want := (driver.TxOptions{ReadOnly: true, Isolation: driver.IsolationLevel(sql.LevelSerializable)}); seen.opts != want {
		t.Errorf("options %+v, want %+v", seen.opts, want)
	}
}

// answering is an interceptor that may call, call twice, or answer by itself.
type answering struct {
	sqlmw.NullInterceptor
	query func(driver.QueryerContext) (driver.Rows, error)
	exec  func(driver.ExecerContext) (driver.Result, error)
	begin func(driver.ConnBeginTx) (driver.Tx, error)
	end   func(driver.Tx) error
}

func (a answering) ConnQueryContext(ctx context.Context, c driver.QueryerContext, query string, args []driver.NamedValue) (context.Context, driver.Rows, error) {
	if a.query == nil {
		return a.NullInterceptor.ConnQueryContext(ctx, c, query, args)
	}
	rows, err := a.query(c)
	return ctx, rows, err
}

func (a answering) ConnExecContext(ctx context.Context, c driver.ExecerContext, query string, args []driver.NamedValue) (driver.Result, error) {
	if a.exec == nil || strings.HasPrefix(query, "CREATE") {
		return c.ExecContext(ctx, query, args)
	}
	return a.exec(c)
}

func (a answering) ConnBeginTx(ctx context.Context, c driver.ConnBeginTx, opts driver.TxOptions) (context.Context, driver.Tx, error) {
	if a.begin == nil {
		return a.NullInterceptor.ConnBeginTx(ctx, c, opts)
	}
	tx, err := a.begin(c)
	return ctx, tx, err
}

func (a answering) TxCommit(_ context.Context, tx driver.Tx) error {
	if a.end == nil {
		return tx.Commit()
	}
	return a.end(tx)
}

// ownResult is a result with one row "own".
type ownResult struct{ read bool }

func (*ownResult) Columns() []string { return []string{"own"} }
func (*ownResult) Close() error      { return nil }
func (r *ownResult) Next(dest []driver.Value) error {
	if r.read {
		return io.EOF
	}
	r.read, dest[0] = true, "own"
	return nil
}

// finished is a transaction of an interceptor's own.
type finished struct{}

func (finished) Commit() error   { return nil }
func (finished) Rollback() error { return nil }

// answers are what interceptors may do with a call, and what is recorded of it.
var answers = map[string]struct {
	interceptor answering
	run         func(db *sql.DB) string
	want        string
	events      []seen
}{
	"rows of its own": {answering{query: func(driver.QueryerContext) (driver.Rows, error) { return &ownResult{}, nil }},
		firstOf, "own", []seen{{Mode: q, Rows: 1, SQL: "SELECT ?"}}},
	"no rows at all": {answering{query: func(driver.QueryerContext) (driver.Rows, error) { return nil, nil }},
		firstOf, "sqlite-perf: interceptor panicked: runtime error: invalid memory address or nil pointer dereference",
		[]seen{{Mode: q, Error: capture.ErrorOther, SQL: "SELECT ?"}}},
	"an error of its own": {answering{query: func(driver.QueryerContext) (driver.Rows, error) { return nil, io.ErrNoProgress }},
		firstOf, io.ErrNoProgress.Error(), []seen{{Mode: q, Error: capture.ErrorOther, SQL: "SELECT ?"}}},
	"an error after rows": {answering{query: func(c driver.QueryerContext) (driver.Rows, error) {
		_, err := c.QueryContext(context.Background(), "SELECT * FROM t", nil)
		return nil, errors.Join(err, io.ErrNoProgress)
	}}, firstOf, io.ErrNoProgress.Error(), []seen{{Mode: q, Error: capture.ErrorOther, SQL: "SELECT ?"}}},
	"another query": {answering{query: func(c driver.QueryerContext) (driver.Rows, error) {
		return c.QueryContext(context.Background(), "SELECT 'another'", nil)
	}}, firstOf, "another", []seen{{Mode: q, Rows: 1, SQL: "SELECT ?"}}},
	"a second try": {answering{query: func(c driver.QueryerContext) (driver.Rows, error) {
		first, err := c.QueryContext(context.Background(), "SELECT 'first'", nil)
		return second(c, first, err)
	}}, firstOf, "second", []seen{{Mode: q, Rows: 1, SQL: "SELECT ?"}}},
	"no connection, so database/sql tries again": {answering{query: func(driver.QueryerContext) (driver.Rows, error) { return nil, driver.ErrBadConn }},
		firstOf, driver.ErrBadConn.Error(), nil},
	"the other road": {answering{query: func(driver.QueryerContext) (driver.Rows, error) { return nil, driver.ErrSkip }},
		firstOf, "1", []seen{{Mode: pq, Rows: 1, SQL: "SELECT ?"}}},
	"an execution twice": {answering{exec: func(c driver.ExecerContext) (driver.Result, error) {
		_, err := c.ExecContext(context.Background(), "INSERT INTO t VALUES(5)", nil)
		must2(err)
		return c.ExecContext(context.Background(), "INSERT INTO t VALUES(5), (6)", nil)
	}}, affectedBy, "2", []seen{{Mode: x, Affected: 2, SQL: "DELETE FROM t"}}},
	"an execution never": {answering{exec: func(driver.ExecerContext) (driver.Result, error) { return driver.RowsAffected(9), nil }},
		affectedBy, "9", []seen{{Mode: x, Affected: 9, SQL: "DELETE FROM t"}}},
	"a transaction of its own": {answering{begin: func(driver.ConnBeginTx) (driver.Tx, error) { return finished{}, nil }},
		committed, "", []seen{{Mode: x, SQL: "CREATE TABLE u(x)", InTx: true}, {Kind: txn, Mode: capture.ModeCommit, Rows: 1, InTx: true}}},
	"a transaction begun but refused": {answering{begin: func(c driver.ConnBeginTx) (driver.Tx, error) {
		_, err := c.BeginTx(context.Background(), driver.TxOptions{})
		return nil, errors.Join(err, io.ErrNoProgress)
	}}, committed, io.ErrNoProgress.Error(), []seen{{Kind: txn, Mode: capture.ModeRollback, Error: capture.ErrorOther, InTx: true}}},
	"a commit that is none": {answering{end: func(driver.Tx) error { return nil }},
		committed, "", []seen{{Mode: x, SQL: "CREATE TABLE u(x)", InTx: true}, {Kind: txn, Mode: capture.ModeRollback, Rows: 1, InTx: true}}},
}

func must2(err error) {
	if err != nil {
		panic(err)
	}
}

func second(c driver.QueryerContext, first driver.Rows, err error) (driver.Rows, error) {
	if err != nil {
		return nil, err
	}
	if err := first.Close(); err != nil {
		return nil, err
	}
	return c.QueryContext(context.Background(), "SELECT 'second'", nil)
}

func firstOf(db *sql.DB) string {
	var v any
	if err := db.QueryRow("SELECT 1").Scan(&v); err != nil {
		return err.Error()
	}
	return fmt.Sprint(v)
}

func affectedBy(db *sql.DB) string {
	result, err := db.Exec("DELETE FROM t")
	if err != nil {
		return err.Error()
	}
	n, err := result.RowsAffected()
	return fmt.Sprint(n) + map[bool]string{false: fmt.Sprint(err)}[err == nil]
}

func committed(db *sql.DB) string {
	tx, err := db.Begin()
	if err == nil {
		_, err = tx.Exec("CREATE TABLE u(x)")
		err = errors.Join(err, tx.Commit())
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func TestInterceptorsMayAnswerByThemselves(t *testing.T) {
	for name, test := range answers {
		t.Run(name, func(t *testing.T) {
			r := record(t, "", Config{Interceptors: []sqlmw.Interceptor{test.interceptor}})
			r.SetMaxOpenConns(1)
			exec(t, r.DB, "CREATE TABLE t(v)")
			r.events()
			if got := test.run(r.DB); got != test.want {
				t.Errorf("it returns %q, want %q", got, test.want)
			}
			if diff := cmp.Diff(test.events, see(r.events()), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("- expected, + recorded:\n%s", diff)
			}
			c, err := r.Conn(context.Background()) // nothing holds the only connection
			must(t, err)
			defer c.Close()
			if left := prepared(t, c); len(left) != 0 {
				t.Errorf("left is %q", left)
			}
		})
	}
}

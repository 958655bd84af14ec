package driver

import (
	"context"
	"database/sql/driver"
	"testing"

	"github.com/ngrok/sqlmw"
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// eager answers executions itself while it is told to, and connects twice.
type eager struct {
	sqlmw.NullInterceptor
	itself bool
	first  driver.Conn
}

func (a *eager) ConnExecContext(ctx context.Context, c driver.ExecerContext, query string, args []driver.NamedValue) (driver.Result, error) {
	if a.itself {
		return driver.RowsAffected(7), nil
	}
	return c.ExecContext(ctx, query, args)
}

func (a *eager) ConnectorConnect(ctx context.Context, c driver.Connector) (driver.Conn, error) {
	var err error
	if a.first, err = c.Connect(ctx); err != nil {
		return nil, err
	}
	return c.Connect(ctx)
}

func TestWhatInterceptorsAnswerThemselvesCostsNothing(t *testing.T) {
	a := &eager{}
	r := record(t, "", Config{Interceptors: []sqlmw.Interceptor{a}})
	c := single(t, r.DB)
	must(t, execOn("CREATE TABLE t(v)")(c))
	a.itself = true
	r.events()
	must(t, execOn("INSERT INTO t VALUES(1)")(c))
	if ev := r.events()[0]; ev.Work != (capture.Work{}) || ev.Flags != 0 || ev.Affected != 7 {
		t.Errorf("recorded %+v with flags %d and %d rows", ev.Work, ev.Flags, ev.Affected)
	}
}

func TestRollbacksDoNotCostWhatTheCallBeforeDid(t *testing.T) {
	r := record(t, "", Config{Interceptors: []sqlmw.Interceptor{sqlmw.NullInterceptor{}}})
	c := single(t, r.DB)
	tx, err := c.BeginTx(context.Background(), nil)
	must(t, err)
	raw(t, c, func(dc any) { dc.(*conn).session.under.spent = spent{Work: capture.Work{Retries: 1}} })
	must(t, tx.Rollback())
	if ev := r.events()[0]; ev.Retries != 0 {
		t.Errorf("%d retries", ev.Retries)
	}
}

func TestConnectionsOpenedTwiceAreOneInTheEnd(t *testing.T) {
	a := &eager{}
	r := record(t, "", Config{Interceptors: []sqlmw.Interceptor{a}})
	must(t, r.Ping())
	if first := a.first.(*chainConn); first.innerConn.IsValid() {
		t.Error("the first connection is still open")
	}
}

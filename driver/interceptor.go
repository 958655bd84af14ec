package driver

import (
	"context"
	"database/sql/driver"
	"io"
	"time"

	"github.com/ngrok/sqlmw"
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// Interceptor is the capture as a link in a sqlmw chain of the application's own, on any driver. A
// nil sink stands for the process-wide recorder. It sees less than the driver: neither SQLite's
// counters nor who holds a connection, and the text of a transaction begun by hand as a statement
// like others. Safe for concurrent use.
func Interceptor(sink Sink) sqlmw.Interceptor {
	if sink == nil {
		sink = capture.Default.Ring()
	}
	return &interceptor{sink: sink, source: capture.SourceOf("", "sqlmw")}
}

type interceptor struct {
	sqlmw.NullInterceptor
	sink   Sink
	source *capture.Source
}

// link is a call that goes through a chain of the application's.
type link struct {
	ev     capture.Event
	closed bool
}

func (i *interceptor) begin(ctx context.Context, query string, args []driver.NamedValue, mode capture.Mode) *link {
	f := &link{}
	f.ev = capture.Event{Mode: mode, Source: i.source, Scope: capture.ScopeOf(ctx), Trace: capture.TraceIn(ctx)}
	if f.ev.Scope.Muted() {
		return f
	}
	f.ev.Statement = shared.find(query)
	for n := range min(len(args), capture.ClassesKept) {
		f.ev.Params.Classes.Set(n, classOf(args[n].Value))
	}
	f.ev.Site = sampledCaller(f.ev.Statement, nil)
	f.ev.Start = capture.Now()
	if f.ev.Scope != nil && f.ev.Scope.Ended(f.ev.Start) {
		f.ev.Flags = capture.FlagLate
	}
	return f
}

// end records the call, once.
func (i *interceptor) end(f *link, err error) {
	if f.closed || f.ev.Scope.Muted() || unseen(err) {
		return
	}
	f.closed = true
	f.ev.Total = capture.Since(f.ev.Start)
	if f.ev.First == 0 {
		f.ev.First = f.ev.Total
	}
	if err != nil {
		f.ev.Error = classify(err)
	}
	if f.ev.Scope != nil && f.ev.Kind == capture.KindStatement {
		f.ev.Scope.Add(f.ev.Total)
	}
	sendTo(i.sink, f.ev)
}

// exec records an execution.
func (i *interceptor) exec(f *link, result driver.Result, err error) {
	if err == nil && result != nil && f.ev.Statement != nil && f.ev.Statement.Changes {
		f.ev.Affected, _ = result.RowsAffected()
	}
	i.end(f, err)
}

type linkKey struct{}

// opened leaves the call in the context that sqlmw keeps for the rows, or records its failure.
func (i *interceptor) opened(ctx context.Context, f *link, rows driver.Rows, err error) (context.Context, driver.Rows, error) {
	if err != nil {
		i.end(f, err)
		return ctx, rows, err
	}
	if ctx == nil {
		ctx = context.Background() // of callers that hold the connection by sql.Conn.Raw
	}
	f.ev.First = max(time.Nanosecond, capture.Since(f.ev.Start))
	return context.WithValue(ctx, linkKey{}, f), rows, nil
}

func (i *interceptor) ConnExecContext(ctx context.Context, conn driver.ExecerContext, query string, args []driver.NamedValue) (driver.Result, error) {
	f := i.begin(ctx, query, args, capture.ModeExec)
	result, err := conn.ExecContext(ctx, query, args)
	i.exec(f, result, err)
	return result, err
}

func (i *interceptor) ConnQueryContext(ctx context.Context, conn driver.QueryerContext, query string, args []driver.NamedValue) (context.Context, driver.Rows, error) {
	f := i.begin(ctx, query, args, capture.ModeQuery)
	rows, err := conn.QueryContext(ctx, query, args)
	return i.opened(ctx, f, rows, err)
}

func (i *interceptor) StmtExecContext(ctx context.Context, stmt driver.StmtExecContext, query string, args []driver.NamedValue) (driver.Result, error) {
	f := i.begin(ctx, query, args, capture.ModePreparedExec)
	result, err := stmt.ExecContext(ctx, args)
	i.exec(f, result, err)
	return result, err
}

func (i *interceptor) StmtQueryContext(ctx context.Context, stmt driver.StmtQueryContext, query string, args []driver.NamedValue) (context.Context, driver.Rows, error) {
	f := i.begin(ctx, query, args, capture.ModePreparedQuery)
	rows, err := stmt.QueryContext(ctx, args)
	return i.opened(ctx, f, rows, err)
}

func (i *interceptor) RowsNext(ctx context.Context, rows driver.Rows, dest []driver.Value) error {
	err := rows.Next(dest)
	if f := linkIn(ctx); f != nil {
		if err == nil {
			f.ev.Rows++
		} else if err != io.EOF {
			f.ev.Error = classify(err)
		}
	}
	return err
}

func (i *interceptor) RowsClose(ctx context.Context, rows driver.Rows) error {
	err := rows.Close()
	if f := linkIn(ctx); f != nil {
		i.end(f, err)
	}
	return err
}

func linkIn(ctx context.Context) *link {
	if ctx == nil {
		return nil
	}
	f, _ := ctx.Value(linkKey{}).(*link)
	return f
}

type linkTx struct{}

// ConnBeginTx begins a transaction, which is recorded when it ends.
func (i *interceptor) ConnBeginTx(ctx context.Context, conn driver.ConnBeginTx, opts driver.TxOptions) (context.Context, driver.Tx, error) {
	f := &link{ev: capture.Event{Kind: capture.KindTransaction, Mode: capture.ModeRollback, Source: i.source, Scope: capture.ScopeOf(ctx),
		Trace: capture.TraceIn(ctx), Start: capture.Now(), Tx: transactions.Add(1), Begin: capture.BeginUnknown}}
	if opts.ReadOnly {
		f.ev.Begin = capture.BeginReadOnly
	}
	tx, err := conn.BeginTx(ctx, opts)
	if err != nil {
		f.ev.End = capture.EndNoBegin
		i.end(f, err)
		return ctx, tx, err
	}
	if ctx == nil {
		ctx = context.Background()
	}
	return context.WithValue(ctx, linkTx{}, f), tx, nil
}

func (i *interceptor) TxCommit(ctx context.Context, tx driver.Tx) error {
	return i.endTx(ctx, tx.Commit(), capture.ModeCommit, capture.EndCommit)
}

func (i *interceptor) TxRollback(ctx context.Context, tx driver.Tx) error {
	return i.endTx(ctx, tx.Rollback(), capture.ModeRollback, reasonOf(ctx))
}

func (i *interceptor) endTx(ctx context.Context, err error, mode capture.Mode, reason capture.End) error {
	if ctx == nil {
		return err
	}
	if f, _ := ctx.Value(linkTx{}).(*link); f != nil {
		if f.ev.Mode, f.ev.End = mode, reason; err != nil && mode == capture.ModeCommit {
			f.ev.Mode, f.ev.End = capture.ModeRollback, capture.EndNoCommit
		}
		i.end(f, err)
	}
	return err
}

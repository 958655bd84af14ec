package async

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// ring is where all operations go.
var ring = sync.OnceValue(func() *capture.Ring { return capture.Default.Ring() })

// Run calls fn as the operation called name. The SQL statements that run with fn's context are attributed to it,
// and it is recorded as requests are. A panic is counted as a failure and goes on. After Close fn is not called.
func (o *Optimizer) Run(ctx context.Context, name string, fn func(context.Context) error) error {
	if !o.runs.begin() {
		return fmt.Errorf("run %s: %w", clean(name), ErrClosed)
	}
	defer o.runs.end()
	ctx = contextOf(ctx)
	if err := ctx.Err(); err != nil {
		return err
	}
	r, ctx := o.begin(ctx, name)
	ended := ErrGoexit // also of a panic
	defer func() { r.end(ended) }()
	ended = fn(ctx)
	return ended
}

// Go has fn run by the Optimizer's pool, as Run does. An error means that it will not run. What became of it is told
// to done, which may be nil, once.
func (o *Optimizer) Go(ctx context.Context, name string, fn func(context.Context) error, done func(error)) error {
	if fn == nil {
		return fmt.Errorf("go %s: no function", clean(name))
	}
	return o.pool.Submit(ctx, Task{
		Run:  func(ctx context.Context) error { return o.task(ctx, name, fn) },
		Done: done,
	})
}

// task is Run of what the pool took before Close, and which therefore runs.
func (o *Optimizer) task(ctx context.Context, name string, fn func(context.Context) error) error {
	r, ctx := o.begin(ctx, name)
	ended := ErrGoexit
	defer func() { r.end(ended) }()
	ended = fn(ctx)
	return ended
}

// run is one operation between its begin and its end.
type run struct {
	op    *named
	scope *capture.Scope
	start capture.Instant
}

// begin gives an operation its scope. Within a request it is a scope of its own, whose span is the request's child.
// What runs in a context of the toolkit's own stays the toolkit's own.
func (o *Optimizer) begin(ctx context.Context, name string) (run, context.Context) {
	op := o.names.of(name)
	outer := capture.ScopeOf(ctx)
	if outer.Muted() {
		return run{}, ctx
	}
	op.meter.begin()
	r := run{op, capture.NewScope(), capture.Now()}
	r.scope.SetName(op.name)
	switch own := capture.TraceIn(ctx); {
	case own != nil:
		r.scope.Continue(own)
	case outer != nil:
		r.scope.Continue(outer.Trace())
	}
	return r, capture.WithTrace(capture.WithScope(ctx, r.scope), r.scope)
}

// end counts and records the operation.
func (r run) end(err error) {
	if r.op == nil {
		return
	}
	now := capture.Now()
	total := time.Duration(now - r.start)
	r.op.meter.record(now, noWait, total, outcomeOf(err))
	r.scope.End()
	ring().Record(capture.Event{
		Kind: capture.KindOperation, Error: classOf(err), Start: r.start, First: total, Total: total,
		Rows: r.scope.Statements(), Scope: r.scope,
	})
}

// classOf is the coarse cause of a failure, as far as it can be told without knowing the engine.
func classOf(err error) capture.ErrorClass {
	switch {
	case err == nil:
		return capture.ErrorNone
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return capture.ErrorInterrupted
	}
	return capture.ErrorOther
}

package durable

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"runtime/debug"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/sqliteperf/sqliteperf/middleware/async"
)

// kindShape is what river takes for a kind.
var kindShape = regexp.MustCompile(`\A\w[\w\-\[\]<>/.·:+]+\z`)

// longestKind is what river's table takes.
const longestKind = 127

// Handle has tasks of that kind run by fn, before Start. They are values of T, stored as JSON. An error or panic of fn is
// a failed run. The context is that of an operation called kind; it ends after Config.Timeout, or when Close
// cannot wait any longer.
func Handle[T any](q *Queue, kind string, fn func(ctx context.Context, args T) error) error {
	typ := reflect.TypeFor[T]()
	if fn == nil || !kindShape.MatchString(kind) || len(kind) > longestKind || typ.Kind() == reflect.Interface {
		return fmt.Errorf("durable: %w: kind %q of %v: want a function, a kind of 2 to %d letters and digits, and a type that is no interface",
			errHandler, kind, typ, longestKind)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.work != nil || q.closed {
		return fmt.Errorf("durable: handle %s: %w", kind, ErrStarted)
	}
	if known, ok := q.kinds[typ]; ok {
		return fmt.Errorf("durable: %w: %v is of kind %s already", errHandler, typ, known)
	}
	if known, ok := q.types[kind]; ok {
		return fmt.Errorf("durable: %w: kind %s is of %v already", errHandler, kind, known)
	}
	q.kinds[typ], q.types[kind] = kind, typ
	river.AddWorkerArgs(q.workers, envelope[T]{kind: kind}, &worker[T]{q: q, kind: kind, fn: fn})
	return nil
}

// envelope is how river sees arguments. What it stores is theirs alone.
type envelope[T any] struct {
	kind string
	args T
}

// Kind is the name under which they are stored.
func (e envelope[T]) Kind() string { return e.kind }

// MarshalJSON is that of the arguments.
func (e envelope[T]) MarshalJSON() ([]byte, error) { return json.Marshal(e.args) }

// UnmarshalJSON is that of the arguments.
func (e *envelope[T]) UnmarshalJSON(text []byte) error { return json.Unmarshal(text, &e.args) }

// worker runs one kind of task.
type worker[T any] struct {
	river.WorkerDefaults[envelope[T]]
	q    *Queue
	kind string
	fn   func(context.Context, T) error
}

// Work is one run of a task.
func (w *worker[T]) Work(ctx context.Context, job *river.Job[envelope[T]]) error {
	w.q.counts.began(job.Attempt)
	ctx = context.WithValue(ctx, taskKey{}, func(ctx context.Context, tx *sql.Tx) error {
		_, err := river.JobCompleteTx[*riversqlite.Driver](ctx, tx, job)
		return err
	})
	err := w.q.opt.Run(ctx, w.kind, func(ctx context.Context) error {
		return guarded(func() error { return w.fn(ctx, job.Args.args) })
	})
	if err != nil && w.q.hard.Load() && ctx.Err() != nil {
		return river.JobSnooze(0) // Close cut it short: the attempt is given back
	}
	w.q.counts.ended(err)
	return err
}

// guarded calls fn on a goroutine and waits for it: a panic or runtime.Goexit is its error, and river gets its worker back.
func guarded(fn func() error) error {
	ended := make(chan error, 1)
	go func() {
		err := async.ErrGoexit
		defer func() {
			if v := recover(); v != nil {
				err = &async.PanicError{Value: v, Stack: debug.Stack()}
			}
			ended <- err
		}()
		err = fn()
	}()
	return <-ended
}

// Permanent is err as a handler returns it when no further run could do better: the task is cancelled.
func Permanent(err error) error { return river.JobCancel(err) }

type taskKey struct{}

// Complete writes in tx, with ctx that of a handler, that its task is done. What the handler writes in tx happens exactly
// once then: with the commit both stand, with a rollback neither, and what the handler returns after the commit changes nothing.
func Complete(ctx context.Context, tx *sql.Tx) error {
	complete, ok := ctx.Value(taskKey{}).(func(context.Context, *sql.Tx) error)
	if !ok {
		return fmt.Errorf("durable: complete: %w", ErrNoTask)
	}
	if err := complete(ctx, tx); err != nil {
		return fmt.Errorf("durable: complete: %w", err)
	}
	return nil
}

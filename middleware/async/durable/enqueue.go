package durable

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"github.com/sqliteperf/sqliteperf/middleware/async"
)

// kinder is for processes that enqueue what others handle.
type kinder interface{ Kind() string }

// Enqueue writes a task and returns its ID. Its kind is that under which Handle knows args' type, or what a method Kind
// of args says. In a handler or elsewhere while a transaction is open, use EnqueueTx: this call needs a connection of its own.
func (q *Queue) Enqueue(ctx context.Context, args any) (id int64, err error) {
	return q.enqueue(args, func(task river.JobArgs) (*rivertype.JobInsertResult, error) {
		return q.insert.Insert(ctx, task, nil)
	})
}

// EnqueueTx is Enqueue as a part of tx: the task runs after the commit, and never if tx is rolled back.
func (q *Queue) EnqueueTx(ctx context.Context, tx *sql.Tx, args any) (id int64, err error) {
	return q.enqueue(args, func(task river.JobArgs) (*rivertype.JobInsertResult, error) {
		return q.insert.InsertTx(ctx, tx, task, nil)
	})
}

func (q *Queue) enqueue(args any, insert func(river.JobArgs) (*rivertype.JobInsertResult, error)) (int64, error) {
	kind, err := q.begin(args)
	if err != nil {
		return 0, fmt.Errorf("durable: enqueue %T: %w", args, err)
	}
	defer q.end()
	text, err := json.Marshal(args)
	if err != nil {
		return 0, fmt.Errorf("durable: enqueue %s: %w", kind, err)
	}
	inserted, err := insert(envelope[json.RawMessage]{kind, text})
	if err != nil {
		return 0, fmt.Errorf("durable: enqueue %s: %w", kind, err)
	}
	return inserted.Job.ID, nil
}

// begin finds the kind of args, and has Close wait for end.
func (q *Queue) begin(args any) (kind string, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return "", async.ErrClosed
	}
	if kind, err = q.kindOf(args); err == nil {
		q.calls++
	}
	return kind, err
}

// kindOf is the kind of args or of what they point to. The lock is held.
func (q *Queue) kindOf(args any) (string, error) {
	typ := reflect.TypeOf(args)
	if kind, ok := q.kinds[typ]; ok {
		return kind, nil
	}
	if v := reflect.ValueOf(args); v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return "", fmt.Errorf("%w: nil", ErrUnknown)
		}
		if kind, ok := q.kinds[typ.Elem()]; ok {
			return kind, nil
		}
	}
	named, ok := args.(kinder)
	if !ok {
		return "", ErrUnknown
	}
	kind := named.Kind()
	if !kindShape.MatchString(kind) || len(kind) > longestKind {
		return "", fmt.Errorf("%w: %q", ErrUnknown, kind)
	}
	if handled, ok := q.types[kind]; ok {
		return "", fmt.Errorf("%w: kind %s is of %v", ErrUnknown, kind, handled)
	}
	return kind, nil
}

func (q *Queue) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.calls--
	q.finish()
}

// finish tells Close that no call runs any more. The lock is held.
func (q *Queue) finish() {
	if q.closed && q.calls == 0 {
		close(q.idle)
	}
}

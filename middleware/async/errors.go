package async

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
)

// The reasons why something was not run. Errors of a part wrap one of them.
var (
	ErrClosed   = errors.New("closed")                     // Close was called before
	ErrFull     = errors.New("full")                       // no room in a queue, or no permit of a bulkhead in time
	ErrDropped  = errors.New("dropped for a newer task")   // the queue was full and drops its oldest
	ErrLimited  = errors.New("rate limit exceeded")        // no permit within the limiter's longest wait
	ErrOpen     = errors.New("circuit breaker open")       // too many failures in a row a moment ago
	ErrBudget   = errors.New("retry budget exceeded")      // too large a share of the running attempts are retries
	ErrNoResult = errors.New("batch returned no result")   // the batch function answered for fewer items
	ErrUnknown  = errors.New("outcome unknown")            // the caller left while its batch ran
	ErrGoexit   = errors.New("task ended its goroutine")   // runtime.Goexit was called in a task
	ErrUsed     = errors.New("released twice")             // a lease, or a permit that nobody holds
	ErrNoSuch   = errors.New("no such component")          // of a Supervisor
	ErrFailed   = errors.New("component failed for good")  // it used up its restarts
	ErrTimeout  = errors.New("timeout exceeded")           // an attempt took longer than Operation allows
	errConfig   = errors.New("configuration out of range") // New refuses it
)

// PanicError is a panic that became an error, with the stack where it happened.
type PanicError struct {
	Value any
	Stack []byte
}

// Error is the panic's value. The stack is not part of it.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap is the panic's value if that is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

func newPanic(value any) *PanicError { return &PanicError{value, debug.Stack()} }

// RejectedError is a Gate's refusal. It says nothing about what is behind the gate, so breakers ignore it and
// nothing is tried again.
type RejectedError struct{ Err error }

// Error is the gate's error.
func (e *RejectedError) Error() string { return "gate: " + e.Err.Error() }

// Unwrap is the gate's error.
func (e *RejectedError) Unwrap() error { return e.Err }

// rejected says that err is a refusal of this package, and no outcome of the work.
func rejected(err error) bool {
	if errors.Is(err, ErrOpen) || errors.Is(err, ErrFull) || errors.Is(err, ErrLimited) || errors.Is(err, ErrClosed) ||
		errors.Is(err, ErrDropped) {
		return true
	}
	_, gate := errors.AsType[*RejectedError](err)
	return gate
}

// Left is what a part had not finished when the context of Close ended.
type Left struct {
	Part    string `json:"part"` // "pool", "batcher", "runs", "operation", "resource", "supervisor"
	Name    string `json:"name"`
	Queued  int    `json:"queued"`  // did not begin; each was told ErrClosed
	Running int    `json:"running"` // still running, or lent out, and not waited for any longer
}

// CloseError says what was left. Its Unwrap is why nobody waited longer.
type CloseError struct {
	Left []Left
	Err  error
}

// Error lists the parts.
func (e *CloseError) Error() string {
	var b strings.Builder
	b.WriteString("close: " + e.Err.Error())
	for _, l := range e.Left {
		fmt.Fprintf(&b, "; %s %s: %d queued, %d running", l.Part, l.Name, l.Queued, l.Running)
	}
	return b.String()
}

// Unwrap is the context's error.
func (e *CloseError) Unwrap() error { return e.Err }

// closeError is nil if nothing was left.
func closeError(ctx context.Context, left ...Left) error {
	var some []Left
	for _, l := range left {
		if l.Queued+l.Running > 0 {
			some = append(some, l)
		}
	}
	if len(some) == 0 {
		return nil
	}
	return &CloseError{some, context.Cause(ctx)}
}

// contextOf makes up for callers that pass no context.
func contextOf(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}

// safely calls f and makes an error of its panic.
func safely(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = newPanic(v)
		}
	}()
	return f()
}

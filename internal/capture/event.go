// Package capture carries what happened in the process, one Event per finished statement,
// transaction or request, from whoever saw it to the one goroutine that sums it up.
//
// A sender owns a Ring; the process-wide Recorder knows all rings. Recording never blocks and
// never allocates once a ring has grown: a full ring drops the newest event and counts it, so
// recorded = drained + dropped + pending always holds.
package capture

import "time"

// Kind says what an Event is about.
type Kind uint8

// The kinds of events.
const (
	KindStatement   Kind = iota // one execution of one SQL text
	KindTransaction             // BEGIN to COMMIT or ROLLBACK, by database/sql's Tx
	KindRequest                 // one HTTP request
)

// Mode says by which road a statement ran, or how a transaction ended.
type Mode uint8

// The modes of statement events, then those of transaction events.
const (
	ModeQuery         Mode = iota // Query on the connection
	ModeExec                      // Exec on the connection
	ModePreparedQuery             // Query on a prepared statement
	ModePreparedExec              // Exec on a prepared statement
	ModeCommit                    // transaction committed
	ModeRollback                  // transaction rolled back
)

// ErrorClass is the coarse cause of a failure, after SQLite's primary result codes.
// https://sqlite.org/rescode.html
type ErrorClass uint8

// The error classes. ErrorNone is success.
const (
	ErrorNone ErrorClass = iota
	ErrorBusy
	ErrorLocked
	ErrorConstraint
	ErrorInterrupted
	ErrorFull
	ErrorCorrupt
	ErrorOther
)

var errorNames = [...]string{"", "busy", "locked", "constraint", "interrupted", "full", "corrupt", "other"}

// String returns the class as a lower-case word, "" for success.
func (c ErrorClass) String() string { return errorNames[c] }

// Event is one finished statement, transaction or request. It is a value of at most 128 bytes
// and holds no text of its own: texts are shared through Statement and Scope.
type Event struct {
	Kind  Kind
	Mode  Mode
	Error ErrorClass

	Status uint16 // HTTP status of a request

	Start Instant       // when it began
	First time.Duration // until the first row was there; for an Exec, all of it
	Total time.Duration // until the last row was read or the rows were closed

	Rows     int64 // rows returned, or statements run in a transaction or request
	Affected int64 // rows inserted, updated or deleted

	Source    *Source    // the database, nil for a request
	Statement *Statement // nil unless Kind is KindStatement
	Scope     *Scope     // the request it ran in, nil if unattributed

	Conn uint64 // connection, numbered from 1 in order of opening
	Tx   uint64 // transaction, numbered from 1 in order of beginning; 0 outside one
}

// Instant is a reading of the monotonic clock in nanoseconds since the process started.
type Instant int64

var epoch = time.Now()

// Now reads the monotonic clock.
func Now() Instant { return Instant(time.Since(epoch)) }

// Since is the time from i until now.
func Since(i Instant) time.Duration { return time.Duration(Now() - i) }

// Time is the wall-clock time of i, by the clock as it stood when the process started.
func (i Instant) Time() time.Time { return epoch.Add(time.Duration(i)) }

// Package capture carries what happened in the process, one Event per finished statement,
// transaction, request, served or sent, or background operation, from whoever saw it to the one goroutine that sums it up.
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
	KindTransaction             // BEGIN to COMMIT or ROLLBACK, by database/sql's Tx or by hand
	KindRequest                 // one HTTP request that was served
	KindOutgoing                // one HTTP request that was sent, until its answer was read
	KindOperation               // one background operation, such as a task or a job
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

// ErrorClass is the coarse cause of a failure: of statements and transactions after SQLite's primary result
// codes, https://sqlite.org/rescode.html, of requests after what broke.
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

	// Of requests only. What the caller cancelled is interrupted.
	ErrorTimeout  // no answer in time
	ErrorResolve  // the host's name is not known
	ErrorConnect  // nobody listens, or no way leads there
	ErrorTLS      // the peer's certificate or protocol was refused
	ErrorBroken   // the connection ended before the answer did
	ErrorPanic    // the handler panicked
	ErrorReturned // the handler returned an error that became a status of 500 or above
)

var errorNames = [...]string{"", "busy", "locked", "constraint", "interrupted", "full", "corrupt", "other",
	"timeout", "resolve", "connect", "tls", "broken", "panic", "returned"}

// ErrorClasses is how many classes there are. The first StatementClasses are those of statements.
const (
	ErrorClasses     = len(errorNames)
	StatementClasses = int(ErrorOther) + 1
)

// String returns the class as a lower-case word, "" for success.
func (c ErrorClass) String() string { return errorNames[c] }

// Flags are yes-or-no facts about an event.
type Flags uint8

// The flags.
const (
	FlagLate     Flags = 1 << iota // began after the end of the scope it ran in
	FlagCounted                    // the counters of SQLite's own are there
	FlagCached                     // a statement from the connection's statement cache
	FlagUpgraded                   // a transaction that had read before its first write
	FlagPanicked                   // a request whose handler panicked, also if that was recovered later
	FlagGone                       // a request whose client left before the handler ended
	FlagHijacked                   // a request whose connection the handler took over
	FlagEncoded                    // a request whose answer was compressed before it was counted
)

// Has says that all flags of f are set.
func (f Flags) Has(flags Flags) bool { return f&flags == flags }

// Event is one finished statement, transaction, request or operation. It is a value of at most 128 bytes
// and holds no text of its own: texts are shared through Statement, Scope and Site.
//
// Requests have no Work, Params, Begin and End. They use, for what has no place of its own:
//
//	Affected   bytes of the answer's body: written by the handler, or read from the other service
//	Tx         bytes of the request's body: read by the handler, or sent
//	Statement  of a request that was sent, its name, such as "GET api.example.com/users/{id}"; nil for "(other)"
//	Site       of a request that was served, the line that panicked
//	Trace      of a request that was sent, the span that the other service was told of
type Event struct {
	Kind  Kind
	Mode  Mode
	Error ErrorClass
	Flags Flags
	Begin Begin // how a transaction began
	End   End   // why a transaction was rolled back

	Status uint16 // HTTP status of a request

	Start Instant       // when it began
	First time.Duration // until the first row, or the first byte of an answer, was there; for an Exec, all of it
	Total time.Duration // until the last row was read or the rows were closed; of a request, until its end

	Rows     int64 // rows returned, or statements run in a transaction, request or operation
	Affected int64 // rows inserted, updated or deleted; see SetBytes

	Source    *Source    // the database, nil for a request or operation
	Statement *Statement // nil unless Kind is KindStatement or KindOutgoing
	Scope     *Scope     // the request or operation it ran in, nil if unattributed
	Site      *Site      // the line that called it, nil if unknown
	Trace     *Trace     // the application's own span around it, nil unless it has one

	Tx   uint64 // transaction, numbered from 1 in order of beginning; 0 outside one
	Conn uint32 // connection, numbered from 1 in order of opening

	Params Params // what was bound
	Work          // what SQLite did
}

// SetBytes sets how large the bodies of a request and of its answer were.
func (ev *Event) SetBytes(request, answer int64) { ev.Tx, ev.Affected = uint64(request), answer }

// RequestBytes is the size of a request's body, as far as it was read or sent.
func (ev *Event) RequestBytes() int64 { return int64(ev.Tx) }

// AnswerBytes is the size of the answer's body, as far as it was written or read.
func (ev *Event) AnswerBytes() int64 { return ev.Affected }

// Failed says that ev is a failure: by its error, or by its status, which of an answer received may be 400 and
// of one given is our fault from 500 on only. https://opentelemetry.io/docs/specs/semconv/http/http-spans/#status
func (ev *Event) Failed() bool {
	return ev.Error != ErrorNone || ev.Status >= 500 || ev.Kind == KindOutgoing && ev.Status >= 400
}

// Work is what SQLite says that an execution cost it: its counters of one statement, and the wait
// for locks. Each stops at its largest value. https://sqlite.org/c3ref/c_stmtstatus_counter.html
type Work struct {
	LockWait   uint32 // lock wait in microseconds, after SQLite's schedule of retries
	Steps      uint32 // virtual machine instructions
	FullScan   uint32 // rows stepped over in full scans
	AutoIndex  uint32 // rows put into automatic indexes
	Sorts      uint16 // sorts
	Reprepares uint8  // times it was compiled anew
	Retries    uint8  // times a lock was tried again
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

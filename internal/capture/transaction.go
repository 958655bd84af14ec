package capture

// Begin says how a transaction began. https://sqlite.org/lang_transaction.html
type Begin uint8

// The ways to begin. The zero value is that of events which are no transactions.
const (
	BeginUnknown   Begin = iota
	BeginDeferred        // takes its locks when it first reads and first writes
	BeginImmediate       // is a writer from its begin
	BeginExclusive       // and outside WAL mode keeps readers out
	BeginReadOnly        // deferred, with sql.TxOptions.ReadOnly
	BeginSavepoint       // an outermost SAVEPOINT, which is deferred
)

var beginNames = [...]string{"", "deferred", "immediate", "exclusive", "read only", "savepoint"}

// String returns the kind in lower case, "" if unknown.
func (b Begin) String() string { return beginNames[b] }

// End says why a transaction was rolled back.
type End uint8

// The reasons. The zero value is that of a commit.
const (
	EndCommit    End = iota
	EndCalled        // the application called Rollback, or ran ROLLBACK
	EndCancelled     // its context was cancelled
	EndDeadline      // its context's deadline passed
	EndNoBegin       // BEGIN failed, such as one that waited for a lock in vain
	EndNoCommit      // COMMIT failed
	EndEngine        // SQLite rolled back by itself after an error
	EndClosed        // the connection was closed in it
)

var endNames = [...]string{"", "called", "cancelled", "deadline", "begin failed", "commit failed", "engine", "closed"}

// Ends is how many reasons there are.
const Ends = len(endNames)

// String returns the reason in lower case, "" for a commit.
func (e End) String() string { return endNames[e] }

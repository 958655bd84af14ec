package driver

import (
	"math"
	"unsafe"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// handle is an open database of SQLite's. The zero handle belongs to a connection of unknown layout.
type handle struct {
	layout *layout
	db     uintptr
	tls    *libc.TLS
}

// handleOf finds the handle behind modernc's connection.
func handleOf(c innerConn, l *layout) handle {
	table, value := words(&c)
	if l == nil || table != l.conn {
		return handle{}
	}
	return handle{l, *(*uintptr)(unsafe.Add(value, l.db)), *(**libc.TLS)(unsafe.Add(value, l.tls))}
}

func (h handle) known() bool { return h.layout != nil }

// prepared is SQLite's statement behind modernc's, 0 if there is none, as for several in one text.
func (h handle) prepared(s innerStmt) uintptr {
	if table, value := words(&s); h.known() && table == h.layout.stmt {
		return *(*uintptr)(unsafe.Add(value, h.layout.prepared))
	}
	return 0
}

// running is SQLite's statement behind modernc's rows, until they are closed.
func (h handle) running(r innerRows) uintptr {
	if table, value := words(&r); h.known() && table == h.layout.rows {
		return *(*uintptr)(unsafe.Add(value, h.layout.running))
	}
	return 0
}

// words takes an interface value apart: the method table, which stands for the two types, and the
// pointer to the value.
func words[I any](i *I) (table, value unsafe.Pointer) {
	w := (*[2]unsafe.Pointer)(unsafe.Pointer(i))
	return w[0], w[1]
}

// counters are SQLite's counters of one prepared statement since it was prepared.
// https://sqlite.org/c3ref/c_stmtstatus_counter.html
type counters struct{ steps, fullScan, autoIndex, sorts, reprepares uint32 }

// counters reads what sqlite3_stmt_status returns where it is kept: five calls would cost 60 ns.
func (h handle) counters(statement uintptr) counters {
	n := &(*(**sqlite3.TVdbe)(unsafe.Pointer(&statement))).FaCounter
	return counters{
		steps: n[sqlite3.SQLITE_STMTSTATUS_VM_STEP], fullScan: n[sqlite3.SQLITE_STMTSTATUS_FULLSCAN_STEP],
		autoIndex: n[sqlite3.SQLITE_STMTSTATUS_AUTOINDEX], sorts: n[sqlite3.SQLITE_STMTSTATUS_SORT],
		reprepares: n[sqlite3.SQLITE_STMTSTATUS_REPREPARE],
	}
}

// official reads the counters by sqlite3_stmt_status.
func (h handle) official(statement uintptr) counters {
	read := func(op int32) uint32 { return uint32(sqlite3.Xsqlite3_stmt_status(h.tls, statement, op, 0)) }
	return counters{
		steps: read(sqlite3.SQLITE_STMTSTATUS_VM_STEP), fullScan: read(sqlite3.SQLITE_STMTSTATUS_FULLSCAN_STEP),
		autoIndex: read(sqlite3.SQLITE_STMTSTATUS_AUTOINDEX), sorts: read(sqlite3.SQLITE_STMTSTATUS_SORT),
		reprepares: read(sqlite3.SQLITE_STMTSTATUS_REPREPARE),
	}
}

// addTo adds to w what was counted since before. SQLite's counters wrap around; so does the difference.
func (c counters) addTo(w *capture.Work, before counters) {
	w.Steps += c.steps - before.steps
	w.FullScan += c.fullScan - before.fullScan
	w.AutoIndex += c.autoIndex - before.autoIndex
	w.Sorts = uint16(min(math.MaxUint16, uint32(w.Sorts)+c.sorts-before.sorts))
	w.Reprepares = uint8(min(math.MaxUint8, uint32(w.Reprepares)+c.reprepares-before.reprepares))
}

// The schedule of SQLite's busy handler in milliseconds, sqliteDefaultBusyCallback of
// https://sqlite.org/src/file/src/main.c: the delay before each retry, the last for all that follow.
var busyDelays = [...]uint32{1, 2, 5, 10, 15, 20, 25, 25, 25, 50, 50, 100}

// addLocks adds to w how often the last step tried a lock again, and what that took by the schedule.
func (h handle) addLocks(w *capture.Work) {
	if retries := (*(**sqlite3.Tsqlite3)(unsafe.Pointer(&h.db))).FbusyHandler.FnBusy; retries != 0 {
		h.addRetries(w, retries)
	}
}

// addRetries adds what SQLite keeps of the last step: the number of retries, or -1 once it has given up,
// which it does when busy_timeout is over.
func (h handle) addRetries(w *capture.Work, retries int32) {
	if retries < 0 {
		h.addTimeout(w)
		return
	}
	w.Retries = uint8(min(math.MaxUint8, int32(w.Retries)+retries))
	w.LockWait += lockWait(uint32(retries))
}

// addTimeout adds to w the wait of a step that gave up when busy_timeout was over.
func (h handle) addTimeout(w *capture.Work) {
	db := *(**sqlite3.Tsqlite3)(unsafe.Pointer(&h.db))
	if db.FbusyTimeout <= 0 {
		return
	}
	n := uint32(0)
	for n < math.MaxUint8 && lockWait(n) < uint32(db.FbusyTimeout)*1000 {
		n++
	}
	w.Retries = uint8(min(math.MaxUint8, uint32(w.Retries)+n))
	w.LockWait += uint32(db.FbusyTimeout) * 1000
}

// lockWait is what a number of retries takes, in microseconds.
func lockWait(retries uint32) (wait uint32) {
	for i := range min(retries, uint32(len(busyDelays))) {
		wait += busyDelays[i] * 1000
	}
	if rest := int64(retries) - int64(len(busyDelays)); rest > 0 {
		wait += uint32(rest) * busyDelays[len(busyDelays)-1] * 1000
	}
	return wait
}

// hooks are what SQLite asks while it compiles a statement rather than when it runs: the authorizer,
// and the pre-update hook, for which it compiles DELETE without WHERE row by row.
func (h handle) hooks() (authorizer, preUpdate uintptr) {
	db := *(**sqlite3.Tsqlite3)(unsafe.Pointer(&h.db))
	return db.FxAuth, db.FxPreUpdateCallback
}

// autocommit says that no transaction is open. https://sqlite.org/c3ref/get_autocommit.html
func (h handle) autocommit() bool { return sqlite3.Xsqlite3_get_autocommit(h.tls, h.db) != 0 }

// limit is sqlite3_limit. https://sqlite.org/c3ref/limit.html
func (h handle) limit(id, value int) int {
	return int(sqlite3.Xsqlite3_limit(h.tls, h.db, int32(id), int32(value)))
}

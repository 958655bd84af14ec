package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// raw is SQLite's own handle of a private connection: its counters, its programs and its lists of
// indexes are not to be had through database/sql.
type raw struct {
	tls *libc.TLS
	db  uintptr
}

// errHandle reports that modernc's connection is not as known here.
var errHandle = errors.New("modernc.org/sqlite is of an unknown version")

// rawOf finds the handle of a connection, which nobody else may use meanwhile.
func rawOf(conn *sql.Conn) (h raw, err error) {
	err = conn.Raw(func(inner any) error {
		v := reflect.ValueOf(inner)
		if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
			return fmt.Errorf("%w: connection %T", errHandle, inner)
		}
		db, tls := v.Elem().FieldByName("db"), v.Elem().FieldByName("tls")
		if db.Kind() != reflect.Uintptr || tls.Kind() != reflect.Pointer || tls.Type() != reflect.TypeFor[*libc.TLS]() {
			return fmt.Errorf("%w: connection %T", errHandle, inner)
		}
		h = raw{tls: (*libc.TLS)(tls.UnsafePointer()), db: uintptr(db.Uint())}
		return nil
	})
	return h, err
}

// at reads the struct at an address of SQLite's memory, which Go's collector does not move.
func at[T any](address uintptr) *T { return *(**T)(unsafe.Pointer(&address)) }

// failed is SQLite's last error on the connection.
func (h raw) failed(doing string) error {
	return fmt.Errorf("%s: %s", doing, libc.GoString(sqlite3.Xsqlite3_errmsg(h.tls, h.db)))
}

// prepare compiles a statement. The caller finalizes it.
func (h raw) prepare(text string) (uintptr, error) {
	z, err := libc.CString(text)
	if err != nil {
		return 0, err
	}
	defer libc.Xfree(h.tls, z)
	out := sqlite3.Xsqlite3_malloc(h.tls, 8)
	defer sqlite3.Xsqlite3_free(h.tls, out)
	if rc := sqlite3.Xsqlite3_prepare_v2(h.tls, h.db, z, -1, out, 0); rc != sqlite3.SQLITE_OK {
		return 0, h.failed("prepare")
	}
	stmt := *at[uintptr](out)
	if stmt == 0 {
		return 0, errors.New("prepare: the statement is empty")
	}
	return stmt, nil
}

func (h raw) finalize(stmt uintptr) { sqlite3.Xsqlite3_finalize(h.tls, stmt) }

// bind binds values as a driver gets them; those with a name to the parameter of that name. SQLite copies
// them.
func (h raw) bind(stmt uintptr, args []driver.NamedValue) error {
	for _, arg := range args {
		n := int32(arg.Ordinal)
		if arg.Name != "" {
			if n = h.parameter(stmt, arg.Name); n == 0 {
				continue // as the driver does: a name that the statement does not have
			}
		}
		if rc := h.bindValue(stmt, n, arg.Value); rc != sqlite3.SQLITE_OK {
			return h.failed(fmt.Sprintf("parameter %d", n))
		}
	}
	return nil
}

func (h raw) parameter(stmt uintptr, name string) int32 {
	for _, first := range []string{":", "@", "$"} {
		z, err := libc.CString(first + name)
		if err != nil {
			return 0
		}
		n := sqlite3.Xsqlite3_bind_parameter_index(h.tls, stmt, z)
		libc.Xfree(h.tls, z)
		if n != 0 {
			return n
		}
	}
	return 0
}

// transient is SQLITE_TRANSIENT: SQLite makes its own copy.
const transient = ^uintptr(0)

func (h raw) bindValue(stmt uintptr, n int32, value driver.Value) int32 {
	switch v := value.(type) {
	case int64:
		return sqlite3.Xsqlite3_bind_int64(h.tls, stmt, n, v)
	case float64:
		return sqlite3.Xsqlite3_bind_double(h.tls, stmt, n, v)
	case bool:
		if v {
			return sqlite3.Xsqlite3_bind_int64(h.tls, stmt, n, 1)
		}
		return sqlite3.Xsqlite3_bind_int64(h.tls, stmt, n, 0)
	case string:
		z, err := libc.CString(v)
		if err != nil {
			return sqlite3.SQLITE_NOMEM
		}
		defer libc.Xfree(h.tls, z)
		return sqlite3.Xsqlite3_bind_text(h.tls, stmt, n, z, int32(len(v)), transient)
	case []byte:
		if len(v) == 0 {
			return sqlite3.Xsqlite3_bind_zeroblob(h.tls, stmt, n, 0)
		}
		z, err := libc.CString(string(v))
		if err != nil {
			return sqlite3.SQLITE_NOMEM
		}
		defer libc.Xfree(h.tls, z)
		return sqlite3.Xsqlite3_bind_blob(h.tls, stmt, n, z, int32(len(v)), transient)
	}
	return sqlite3.Xsqlite3_bind_null(h.tls, stmt, n)
}

// step runs the statement to its next row; more is false at its end.
func (h raw) step(stmt uintptr) (more bool, err error) {
	switch rc := sqlite3.Xsqlite3_step(h.tls, stmt); rc {
	case sqlite3.SQLITE_ROW:
		return true, nil
	case sqlite3.SQLITE_DONE:
		return false, nil
	case sqlite3.SQLITE_INTERRUPT:
		return false, errInterrupted
	default:
		return false, h.failed("step")
	}
}

// errInterrupted reports a statement that was stopped: its time was up, or its context's.
var errInterrupted = errors.New("interrupted")

func (h raw) exec(text string) error {
	z, err := libc.CString(text)
	if err != nil {
		return err
	}
	defer libc.Xfree(h.tls, z)
	switch sqlite3.Xsqlite3_exec(h.tls, h.db, z, 0, 0, 0) {
	case sqlite3.SQLITE_OK:
		return nil
	case sqlite3.SQLITE_INTERRUPT:
		return errInterrupted
	}
	return h.failed(text)
}

// counter reads one of a statement's counters and sets it to zero.
func (h raw) counter(stmt uintptr, which int32) int64 {
	return int64(uint32(sqlite3.Xsqlite3_stmt_status(h.tls, stmt, which, 1)))
}

// pages counts how many pages were asked for since the connection was opened, from the cache or not.
func (h raw) pages() int64 {
	out := sqlite3.Xsqlite3_malloc(h.tls, 8)
	defer sqlite3.Xsqlite3_free(h.tls, out)
	var sum int64
	for _, which := range []int32{sqlite3.SQLITE_DBSTATUS_CACHE_HIT, sqlite3.SQLITE_DBSTATUS_CACHE_MISS} {
		sqlite3.Xsqlite3_db_status(h.tls, h.db, which, out, out+4, 0)
		sum += int64(uint32(*at[int32](out)))
	}
	return sum
}

// interruptible stops what runs on the handle when ctx ends, or after limit if that is not zero, until
// done is called. Calling sqlite3_interrupt from another thread is what it is for; it is called again and again, for
// what has not begun yet is not stopped by it. https://sqlite.org/c3ref/interrupt.html
func (h raw) interruptible(ctx context.Context, limit time.Duration) (done func()) {
	var mu sync.Mutex
	over := false
	var interrupt func()
	interrupt = func() {
		mu.Lock()
		defer mu.Unlock()
		if !over {
			tls := libc.NewTLS() // the connection's own belongs to the thread that runs the statement
			sqlite3.Xsqlite3_interrupt(tls, h.db)
			tls.Close()
			time.AfterFunc(time.Millisecond, interrupt)
		}
	}
	stop := context.AfterFunc(ctx, interrupt)
	var timer *time.Timer
	if limit > 0 {
		timer = time.AfterFunc(limit, interrupt)
	}
	return func() {
		stop()
		if limit > 0 {
			timer.Stop()
		}
		mu.Lock()
		defer mu.Unlock()
		over = true
	}
}

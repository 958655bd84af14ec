package driver

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"unsafe"

	"modernc.org/libc"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// layout says where modernc's types keep SQLite's handles. It is read off the types once, tried on
// a database of its own, and not used at all if anything there is not as expected.
type layout struct {
	conn, stmt, rows           unsafe.Pointer // method tables, which identify the types
	db, tls, prepared, running uintptr        // offsets
}

// knownLayout is nil if modernc's types are not as known here; the reason is logged, once.
var knownLayout = layoutOnce(readLayout)

func layoutOnce(read func() (*layout, error)) func() *layout {
	return sync.OnceValue(func() *layout {
		l, err := read()
		if err != nil {
			slog.Warn("sqlite-perf: SQLite's own counters are off", "err", err)
			return nil
		}
		return l
	})
}

// errLayout reports that modernc's types are not as known here.
var errLayout = errors.New("modernc.org/sqlite is of an unknown version")

// readLayout finds the handles in the types of a connection without the application's hooks and
// functions, and tries what it found.
func readLayout() (l *layout, err error) {
	opened, err := (&sqlite.Driver{}).Open(":memory:")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	c, ok := opened.(innerConn)
	if !ok {
		return nil, fmt.Errorf("%w: connection %T", errLayout, opened)
	}
	l = &layout{}
	l.conn, _ = words(&c)
	t := reflect.TypeOf(opened)
	if l.db, err = offset(t, "db", reflect.TypeFor[uintptr]()); err != nil {
		return nil, err
	}
	if l.tls, err = offset(t, "tls", reflect.TypeFor[*libc.TLS]()); err != nil {
		return nil, err
	}
	return l, l.try(c)
}

// try finds the statement's handle too, runs it and looks whether the counters say what it did.
func (l *layout) try(c innerConn) error {
	const query = "WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM c WHERE i < 9) SELECT a.i FROM c AS a, c AS b ORDER BY -a.i"
	prepared, err := c.PrepareContext(context.Background(), query)
	if err != nil {
		return err
	}
	defer prepared.Close()
	s, ok := prepared.(innerStmt)
	if !ok {
		return fmt.Errorf("%w: statement %T", errLayout, prepared)
	}
	l.stmt, _ = words(&s)
	if l.prepared, err = offset(reflect.TypeOf(prepared), "pstmt", reflect.TypeFor[uintptr]()); err != nil {
		return err
	}
	opened, err := s.QueryContext(context.Background(), nil)
	if err != nil {
		return err
	}
	defer opened.Close()
	r, ok := opened.(innerRows)
	if !ok {
		return fmt.Errorf("%w: rows %T", errLayout, opened)
	}
	l.rows, _ = words(&r)
	if l.running, err = offset(reflect.TypeOf(opened), "pstmt", reflect.TypeFor[uintptr]()); err != nil {
		return err
	}
	return l.compare(handleOf(c, l), s, r, query)
}

// compare says whether handles found by the layout are what SQLite knows.
func (l *layout) compare(h handle, s innerStmt, r innerRows, query string) error {
	if err := r.Next(make([]driver.Value, 1)); err != nil {
		return err
	}
	statement := h.prepared(s)
	switch {
	case libc.GoString(sqlite3.Xsqlite3_libversion(h.tls)) != sqlite3.SQLITE_VERSION:
		return fmt.Errorf("%w: SQLite's version is another", errLayout)
	case statement == 0 || statement != h.running(r):
		return fmt.Errorf("%w: statement and rows differ", errLayout)
	case sqlite3.Xsqlite3_next_stmt(h.tls, h.db, 0) != statement:
		return fmt.Errorf("%w: SQLite knows another statement", errLayout)
	case libc.GoString(sqlite3.Xsqlite3_sql(h.tls, statement)) != query:
		return fmt.Errorf("%w: SQLite knows another text", errLayout)
	}
	if n := h.counters(statement); n != h.official(statement) || n.sorts != 1 || n.steps < 9 || n.fullScan == 0 {
		return fmt.Errorf("%w: SQLite counts %+v", errLayout, n)
	}
	return nil
}

// offset is where a field lies in the struct that t points to.
func offset(t reflect.Type, name string, field reflect.Type) (uintptr, error) {
	if t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct {
		if f, ok := t.Elem().FieldByName(name); ok && f.Type == field && len(f.Index) == 1 {
			return f.Offset, nil
		}
	}
	return 0, fmt.Errorf("%w: %v has no field %s of type %v", errLayout, t, name, field)
}

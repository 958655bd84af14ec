package sqlmiddleware

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"sync"
)

// openKept bounds the open transactions known at a time. A connection costs megabytes, so whoever has
// more did not end them all: the oldest belongs to a connection that was closed within its transaction,
// of which sqlmw tells nothing.
const openKept = 4096

// transactions knows which connections are in a transaction, however it was begun. Entries exist only
// while one is open. Where it cannot be sure it holds a transaction for open, so that nothing is retried.
type transactions struct {
	mu   sync.Mutex
	open map[any]*transaction
	seen uint64 // transactions so far
}

type transaction struct {
	number     uint64
	begun      bool     // by BEGIN: then no RELEASE ends it
	savepoints []string // otherwise, outermost first
}

// inside reports whether a transaction is open on conn.
func (ts *transactions) inside(conn any) bool {
	if !reflect.ValueOf(conn).Comparable() { // a chain may hold interceptors that are no map keys
		return true
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return ts.open[conn] != nil
}

// apply notes what a statement did that ran on conn.
func (ts *transactions) apply(conn any, c control) {
	if !reflect.ValueOf(conn).Comparable() {
		return
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	switch c.verb {
	case begins:
		ts.enter(conn).begun = true
	case saves:
		if t := ts.enter(conn); !t.begun {
			t.savepoints = append(t.savepoints, c.name)
		}
	case ends:
		delete(ts.open, conn)
	case releases, rewinds:
		if t := ts.open[conn]; t != nil && !t.begun && t.unwind(c) {
			delete(ts.open, conn)
		}
	}
}

// enter returns the transaction of conn, a new one if none is open.
func (ts *transactions) enter(conn any) *transaction {
	if t := ts.open[conn]; t != nil {
		return t
	}
	if ts.open == nil {
		ts.open = map[any]*transaction{}
	}
	if len(ts.open) >= openKept {
		ts.forgetOldest()
	}
	ts.seen++
	t := &transaction{number: ts.seen}
	ts.open[conn] = t
	return t
}

func (ts *transactions) forgetOldest() {
	var oldest any
	least := ts.seen + 1
	for conn, t := range ts.open {
		if t.number < least {
			oldest, least = conn, t.number
		}
	}
	delete(ts.open, oldest)
}

// unwind takes back the savepoints that a RELEASE or ROLLBACK TO ends, and reports whether the
// transaction ended with them.
func (t *transaction) unwind(c control) (ended bool) {
	for i := len(t.savepoints) - 1; i >= 0; i-- {
		if !strings.EqualFold(t.savepoints[i], c.name) {
			continue
		}
		if c.verb == rewinds {
			i++ // the savepoint itself stays
		}
		t.savepoints = t.savepoints[:i]
		break
	}
	return len(t.savepoints) == 0
}

// note tells the table how a text with transaction control ended.
func (ts *transactions) note(conn any, s shape, err error) {
	for _, c := range s.controls {
		if err == nil {
			ts.apply(conn, c)
		} else if tookEffect(c, s.single, err) {
			ts.apply(conn, c)
		} else if c.verb == begins && strings.Contains(err.Error(), "within a transaction") && !ts.inside(conn) {
			ts.apply(conn, c) // one that was begun unseen, such as by sql.Conn.Raw
		}
	}
}

// tookEffect says whether a control of a failed text may have. Of a text with several statements nobody
// knows which ones ran: a BEGIN in it counts, a COMMIT does not. A single statement changed nothing, unless
// the context ended, for modernc reports that also of a statement that has just run. A COMMIT or ROLLBACK
// that found no transaction shows that there is none.
func tookEffect(c control, single bool, err error) bool {
	if !single || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return c.verb == begins || c.verb == saves
	}
	return c.verb == ends && strings.Contains(err.Error(), "no transaction is active")
}

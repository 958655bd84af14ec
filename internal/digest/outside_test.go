package digest

import (
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// TestBursts: calls that follow each other quickly on one connection, from one line, in one scope.
func TestBursts(t *testing.T) {
	insert := &capture.Statement{Digest: 7, Fingerprint: "INSERT INTO t VALUES (?)", Changes: true}
	read := statement(1)
	line, other := &capture.Site{Line: 1}, &capture.Site{Line: 2}
	request := capture.NewScope()
	for _, c := range []struct {
		name            string
		change          func(i int, ev *capture.Event)
		outside, bursts uint64
	}{
		{"a loop", func(int, *capture.Event) {}, 10, 9},
		{"seldom", func(i int, ev *capture.Event) { ev.Start = capture.Instant(i) * capture.Instant(time.Second) }, 10, 0},
		{"in a transaction", func(_ int, ev *capture.Event) { ev.Tx = 3 }, 0, 0},
		{"reads between", func(i int, ev *capture.Event) {
			if i%2 == 1 {
				ev.Statement = read
			}
		}, 5, 4},
		{"from two lines", func(i int, ev *capture.Event) {
			if i%2 == 1 {
				ev.Site = other
			}
		}, 10, 0},
		{"of several requests", func(i int, ev *capture.Event) {
			if ev.Scope = request; i%2 == 1 {
				ev.Scope = capture.NewScope()
			}
		}, 10, 0},
		{"on two connections", func(i int, ev *capture.Event) { ev.Conn = uint32(i) }, 10, 0},
		{"that failed", func(_ int, ev *capture.Event) { ev.Error = capture.ErrorBusy }, 0, 0},
	} {
		table := NewTable(Config{})
		for i := range 10 {
			ev := capture.Event{Source: app, Statement: insert, Site: line, Conn: 1, Start: capture.Instant(i) * capture.Instant(time.Millisecond)}
			c.change(i, &ev)
			table.Add([]capture.Event{ev})
		}
		for _, s := range table.Take() {
			if s.Digest == insert.Digest && (s.Outside != c.outside || s.Bursts != c.bursts) {
				t.Errorf("%s: %d outside of transactions, %d in bursts", c.name, s.Outside, s.Bursts)
			}
		}
	}
}

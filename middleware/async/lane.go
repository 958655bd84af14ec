package async

import (
	"context"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// Priority says who goes first. The zero value is Normal.
type Priority uint8

// The priorities.
const (
	Normal Priority = iota
	High
	Low
)

var priorityNames = [...]string{"normal", "high", "low"}

// String is the priority in lower case.
func (p Priority) String() string { return priorityNames[min(p, Low)] }

// falling are the priorities from the first to be served to the last.
var falling = [...]Priority{High, Normal, Low}

// turns is who is asked first when: of thirteen tasks nine are of high priority, three normal and one low as long
// as there are such. So a task waits for twelve others at most for each one of its own priority before it.
var turns = [...]Priority{High, High, High, Normal, High, High, High, Normal, High, High, High, Normal, Low}

// queued is a task in a queue.
type queued struct {
	ctx  context.Context
	run  func(context.Context) error
	done func(error)
	at   capture.Instant
}

// lane is a first-in-first-out queue of one priority: a ring that grows as needed.
type lane struct {
	ring []queued // as many as a power of two
	head int
	n    int
}

func (l *lane) push(q queued) {
	if l.n == len(l.ring) {
		l.grow()
	}
	l.ring[(l.head+l.n)&(len(l.ring)-1)] = q
	l.n++
}

func (l *lane) pop() queued {
	place := &l.ring[l.head]
	q := *place
	*place = queued{} // what it refers to may be large
	l.head = (l.head + 1) & (len(l.ring) - 1)
	l.n--
	return q
}

func (l *lane) grow() {
	ring := make([]queued, max(16, 2*len(l.ring)))
	for i := range l.n {
		ring[i] = l.ring[(l.head+i)&(len(l.ring)-1)]
	}
	l.ring, l.head = ring, 0
}

// lanes are the tasks that wait, by priority.
type lanes struct {
	by   [len(falling)]lane
	n    int
	turn int
}

func (l *lanes) push(p Priority, q queued) {
	l.by[p].push(q)
	l.n++
}

// pop takes the task whose turn it is. There must be one.
func (l *lanes) pop() queued {
	l.n--
	first := turns[l.turn]
	if l.turn++; l.turn == len(turns) {
		l.turn = 0
	}
	if l.by[first].n > 0 {
		return l.by[first].pop()
	}
	for _, p := range falling {
		if l.by[p].n > 0 {
			return l.by[p].pop()
		}
	}
	panic("unreachable: the count of tasks is wrong")
}

// oldest takes the oldest task of the lowest priority, unless all are of a higher priority than p.
func (l *lanes) oldest(p Priority) (q queued, ok bool) {
	for i := len(falling) - 1; i >= 0; i-- {
		if lane := &l.by[falling[i]]; lane.n > 0 {
			l.n--
			return lane.pop(), true
		}
		if falling[i] == p {
			break
		}
	}
	return q, false
}

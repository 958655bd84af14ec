package capture

import "sync"

const (
	ringStart = 32            // first size of a ring's buffer: an idle connection costs 4 KiB
	ringLimit = 4096          // full size, twice 512 KiB for a connection that ever needed it
	ringWake  = ringLimit / 4 // events after which the drain is asked to come: it then has 6 ms of the
	// fastest connection measured (2 µs per prepared SELECT, BenchmarkPaired of driver)
)

// Sink takes events. Record is called on the goroutine that ran the statement, must return at once
// and be safe for concurrent use.
type Sink interface {
	Record(Event)
}

// Ring is a bounded buffer of events with one sender and one drain. The sender is a connection,
// used by one goroutine at a time, or a middleware shared by many: Record is safe for both.
type Ring struct {
	recorder *Recorder

	mu       sync.Mutex
	events   []Event
	spare    []Event // the buffer drained last, used again at the next swap
	recorded uint64
	dropped  uint64
	closed   bool

	next *Event // where the next event will be; the sender's, where there is one
}

// Expect has the processor fetch the memory of the next event while the sender does something else.
// The drain has had it on another processor: waiting for it in Add costs 50 ns. It is for a ring
// with one sender.
func (r *Ring) Expect() { prefetch(r.next) }

// Record adds ev, or counts it as dropped if the ring is full.
func (r *Ring) Record(ev Event) { r.Add(&ev) }

// Add is Record for those who have the event in place: it is copied once. ev is not kept.
func (r *Ring) Add(ev *Event) {
	r.mu.Lock()
	r.recorded++
	n := len(r.events)
	if n == ringLimit {
		r.dropped++
		r.mu.Unlock()
		return
	}
	r.events = append(r.events, *ev)
	if n+1 < cap(r.events) {
		r.next = &r.events[:n+2][n+1]
	}
	r.mu.Unlock()
	if n == ringWake {
		r.recorder.nudge()
	}
}

// Close tells the recorder to forget the ring once its last events are drained. Closing it again does
// nothing.
func (r *Ring) Close() {
	r.mu.Lock()
	again := r.closed
	r.closed = true
	r.mu.Unlock()
	if !again {
		r.recorder.ended(r)
	}
}

// swap takes what was recorded since the last swap. The result is valid until the next one.
func (r *Ring) swap() (events []Event, recorded, dropped uint64, closed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	events, recorded, dropped = r.events, r.recorded, r.dropped
	if room := 2 * max(ringStart, len(events)); cap(r.spare) > 8*room {
		r.spare = make([]Event, 0, room) // it was for a burst that is over
	}
	r.events, r.spare = r.spare[:0], r.events
	r.recorded, r.dropped = 0, 0
	return events, recorded, dropped, r.closed
}

// pending counts what was recorded and dropped since the last swap, and what waits.
func (r *Ring) pending() (recorded, dropped, waiting uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.recorded, r.dropped, uint64(len(r.events))
}

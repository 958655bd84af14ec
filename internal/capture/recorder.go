package capture

import (
	"errors"
	"slices"
	"sync"
)

// ErrAttached reports that another reader already drains the recorder.
var ErrAttached = errors.New("the recorder already has a reader")

// Default is the recorder of the process: the driver and the middleware send to it, and an
// advisor drains it.
var Default = NewRecorder()

// Recorder knows every ring and hands their events to one reader. All methods are safe for
// concurrent use.
type Recorder struct {
	wake chan struct{}

	mu       sync.Mutex
	rings    []*Ring
	waiting  int // rings closed while there is no reader
	attached bool
	counts   Counts
}

// Counts says what became of the events of a recorder: Recorded = Drained + Dropped + Pending.
type Counts struct {
	Recorded uint64 `json:"recorded"`
	Drained  uint64 `json:"drained"`
	Dropped  uint64 `json:"dropped"`
	Pending  uint64 `json:"pending"`
}

// NewRecorder returns a recorder without rings.
func NewRecorder() *Recorder { return &Recorder{wake: make(chan struct{}, 1)} }

// Ring adds a ring for one sender.
func (r *Recorder) Ring() *Ring {
	ring := &Ring{recorder: r, events: make([]Event, 0, ringStart)}
	r.mu.Lock()
	r.rings = append(r.rings, ring)
	r.mu.Unlock()
	return ring
}

// nudge asks the reader to drain soon, since a ring is a quarter full.
func (r *Recorder) nudge() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Counts sums up the rings as they are now.
func (r *Recorder) Counts() Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.counts
	for _, ring := range r.rings {
		recorded, dropped, waiting := ring.pending()
		c.Recorded += recorded
		c.Dropped += dropped
		c.Pending += waiting
	}
	return c
}

// Attach makes the caller the recorder's only reader, or fails with ErrAttached.
func (r *Recorder) Attach() (*Reader, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.attached {
		return nil, ErrAttached
	}
	r.attached = true
	return &Reader{recorder: r}, nil
}

// Reader drains a recorder. It belongs to one goroutine.
type Reader struct{ recorder *Recorder }

// Wake delivers a value when a ring is a quarter full and should be drained before the next tick.
func (d *Reader) Wake() <-chan struct{} { return d.recorder.wake }

// Drain hands every waiting event to f, ring by ring, in the order of recording within a ring.
// The slice is valid during the call only.
func (d *Reader) Drain(f func([]Event)) {
	r := d.recorder
	r.mu.Lock()
	rings := slices.Clone(r.rings)
	r.mu.Unlock()
	for _, ring := range rings {
		events, closed := r.take(ring)
		if len(events) > 0 {
			f(events)
		}
		clear(events) // the spare buffer must not keep statements and scopes alive
		if closed {
			r.forget(ring)
		}
	}
}

// Detach lets another reader attach.
func (d *Reader) Detach() {
	d.recorder.mu.Lock()
	d.recorder.attached, d.recorder.waiting = false, 0
	d.recorder.mu.Unlock()
}

// take swaps the ring's buffers and moves its counts to the recorder's in one step, so that
// Counts never goes back.
func (r *Recorder) take(ring *Ring) (events []Event, closed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	events, recorded, dropped, closed := ring.swap()
	r.counts.Recorded += recorded
	r.counts.Drained += uint64(len(events))
	r.counts.Dropped += dropped
	return events, closed
}

// closedKept is how many closed rings wait for a first reader, so that what happened before an
// advisor was opened is there. A process that never opens one keeps no more.
const closedKept = 64

// ended forgets a closed ring if nobody drains and enough of them wait. Its events are dropped.
func (r *Recorder) ended(ring *Ring) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.attached {
		return
	}
	if r.waiting++; r.waiting <= closedKept {
		return
	}
	recorded, dropped, waiting := ring.pending()
	r.counts.Recorded += recorded
	r.counts.Dropped += dropped + waiting
	r.rings = slices.DeleteFunc(r.rings, func(other *Ring) bool { return other == ring })
}

func (r *Recorder) forget(ring *Ring) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if recorded, _, _ := ring.pending(); recorded > 0 {
		return // sent between the last swap and now: drain it once more
	}
	r.rings = slices.DeleteFunc(r.rings, func(other *Ring) bool { return other == ring })
}

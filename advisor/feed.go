package advisor

import (
	"encoding/json"
	"slices"
	"sync"
)

const (
	feedKept   = 256 // events kept for subscribers that come back
	feedBuffer = 64  // events waiting for one subscriber; the oldest is dropped for a newer one
)

// Event is one piece of news, numbered from 1.
type Event struct {
	ID   uint64
	Name string // sample, queries, alert, recommendation, job, applied or gap
	Data []byte // JSON
}

// feed sends events to subscribers and never waits for one.
type feed struct {
	mu          sync.Mutex
	last        uint64
	kept        []Event
	subscribers map[*Subscription]struct{}
	closed      bool
}

func newFeed() *feed { return &feed{subscribers: map[*Subscription]struct{}{}} }

// Subscription receives events until it or the Advisor is closed, which closes C.
type Subscription struct {
	C    <-chan Event
	c    chan Event
	feed *feed
	once sync.Once
}

func (f *feed) publish(name string, data any) {
	body, err := json.Marshal(data)
	if err != nil {
		return // our own structs: cannot happen, and no news is worth a panic
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last++
	ev := Event{ID: f.last, Name: name, Data: body}
	if len(f.kept) == feedKept {
		f.kept = slices.Delete(f.kept, 0, feedKept/4)
	}
	f.kept = append(f.kept, ev)
	for s := range f.subscribers {
		s.offer(ev)
	}
}

// offer drops the oldest waiting event if there is no room. The feed's mutex is held, so no one
// else sends.
func (s *Subscription) offer(ev Event) {
	for {
		select {
		case s.c <- ev:
			return
		default:
		}
		select {
		case <-s.c:
		default:
		}
	}
}

// subscribe starts after the event numbered last: with those kept since, or with a gap if some are
// gone. Zero starts with the next event.
func (f *feed) subscribe(last uint64) *Subscription {
	c := make(chan Event, feedBuffer)
	s := &Subscription{C: c, c: c, feed: f}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		close(c)
		return s
	}
	f.subscribers[s] = struct{}{}
	if last == 0 {
		return s
	}
	if last > f.last || len(f.kept) > 0 && f.kept[0].ID > last+1 {
		s.offer(Event{ID: f.last, Name: "gap", Data: []byte("{}")})
		return s
	}
	for _, ev := range f.kept {
		if ev.ID > last {
			s.offer(ev)
		}
	}
	return s
}

// Close ends the subscription.
func (s *Subscription) Close() {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	delete(s.feed.subscribers, s)
	s.once.Do(func() { close(s.c) })
}

func (f *feed) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for s := range f.subscribers {
		delete(f.subscribers, s)
		s.once.Do(func() { close(s.c) })
	}
}

// Subscribe returns the news after event number last, as far as they are kept; zero means from
// now on. The caller closes the subscription.
func (a *Advisor) Subscribe(last uint64) *Subscription { return a.feed.subscribe(last) }

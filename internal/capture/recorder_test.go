package capture

import (
	"errors"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// attach makes the test the reader of r.
func attach(t testing.TB, r *Recorder) *Reader {
	t.Helper()
	reader, err := r.Attach()
	if err != nil {
		t.Fatal(err)
	}
	return reader
}

// drained is the numbers, kept in Rows, of the events a drain hands out.
func drained(d *Reader) (numbers []int64) {
	d.Drain(func(events []Event) {
		for _, ev := range events {
			numbers = append(numbers, ev.Rows)
		}
	})
	return numbers
}

// check holds counts to the law of the package.
func check(t rapid.TB, c Counts) {
	t.Helper()
	if c.Recorded != c.Drained+c.Dropped+c.Pending {
		t.Fatalf("recorded %d, but drained %d + dropped %d + pending %d", c.Recorded, c.Drained, c.Dropped, c.Pending)
	}
}

// TestEveryEventIsAccountedFor holds a recorder against a model: per ring a bounded queue.
func TestEveryEventIsAccountedFor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type modelled struct {
			ring   *Ring
			queue  []int64
			closed bool
		}
		r := NewRecorder()
		reader, _ := r.Attach()
		var rings []*modelled
		var want Counts
		var next int64
		one := func() *modelled { return rings[rapid.IntRange(0, len(rings)-1).Draw(t, "ring")] }
		t.Repeat(map[string]func(*rapid.T){
			"open": func(t *rapid.T) { rings = append(rings, &modelled{ring: r.Ring()}) },
			"record": func(t *rapid.T) {
				if len(rings) == 0 {
					t.Skip()
				}
				m := one()
				if m.closed {
					t.Skip()
				}
				for range rapid.SampledFrom([]int{1, 3, ringStart + 1, ringLimit - 1, ringLimit + 5}).Draw(t, "events") {
					next++
					want.Recorded++
					m.ring.Record(Event{Rows: next})
					if len(m.queue) == ringLimit {
						want.Dropped++
						continue
					}
					want.Pending++
					m.queue = append(m.queue, next)
				}
			},
			"close": func(t *rapid.T) {
				if len(rings) == 0 {
					t.Skip()
				}
				m := one()
				m.closed = true
				m.ring.Close()
			},
			"drain": func(t *rapid.T) {
				var queued []int64
				kept := rings[:0]
				for _, m := range rings {
					queued = append(queued, m.queue...)
					m.queue = nil
					if !m.closed {
						kept = append(kept, m)
					}
				}
				rings = kept
				want.Drained += uint64(len(queued))
				want.Pending = 0
				got := drained(reader)
				if len(got) != len(queued) {
					t.Fatalf("drained %d events, want %d", len(got), len(queued))
				}
				for i := range got {
					if got[i] != queued[i] {
						t.Fatalf("event %d drained is number %d, want %d", i, got[i], queued[i])
					}
				}
				if len(r.rings) != len(rings) {
					t.Fatalf("%d rings are known after a drain, want %d", len(r.rings), len(rings))
				}
			},
			"": func(t *rapid.T) {
				check(t, r.Counts())
				if got := r.Counts(); got != want {
					t.Fatalf("counts %+v, want %+v", got, want)
				}
			},
		})
	})
}

// TestSendersDoNotWaitForTheReader runs senders, some sharing a ring, against one reader.
func TestSendersDoNotWaitForTheReader(t *testing.T) {
	const senders, each = 8, 5 * ringLimit
	r := NewRecorder()
	reader := attach(t, r)
	shared := r.Ring()
	var sending sync.WaitGroup
	for i := range senders {
		sending.Go(func() {
			ring := shared
			if i%2 == 0 {
				ring = r.Ring()
				defer ring.Close()
			}
			for n := range each {
				ring.Record(Event{Conn: uint32(i), Rows: int64(n)})
			}
		})
	}
	finished := make(chan struct{})
	go func() { sending.Wait(); close(finished) }()

	var seen uint64
	var last Counts
	newest := map[uint32]int64{}
	drain := func() {
		reader.Drain(func(events []Event) {
			for _, ev := range events {
				if before, ok := newest[ev.Conn]; ok && ev.Rows <= before {
					t.Errorf("sender %d: event %d came after %d", ev.Conn, ev.Rows, before)
				}
				newest[ev.Conn] = ev.Rows
			}
			seen += uint64(len(events))
		})
		now := r.Counts()
		check(t, now)
		if now.Recorded < last.Recorded || now.Drained < last.Drained || now.Dropped < last.Dropped {
			t.Errorf("counts went back from %+v to %+v", last, now)
		}
		last = now
	}
	for running := true; running; {
		select {
		case <-finished:
			running = false
		case <-reader.Wake():
		}
		drain()
	}
	drain()
	if last.Recorded != senders*each || last.Pending != 0 || last.Drained != seen {
		t.Errorf("%+v after the last drain of %d events, want %d recorded and none pending", last, seen, senders*each)
	}
	if len(r.rings) != 1 {
		t.Errorf("%d rings are known, want the shared one", len(r.rings))
	}
}

func TestFullRingDropsTheNewest(t *testing.T) {
	r := NewRecorder()
	reader, ring := attach(t, r), r.Ring()
	for i := range int64(ringLimit + 3) {
		ring.Record(Event{Rows: i})
	}
	want := Counts{Recorded: ringLimit + 3, Dropped: 3, Pending: ringLimit}
	if got := r.Counts(); got != want {
		t.Errorf("counts %+v, want %+v", got, want)
	}
	got := drained(reader)
	if len(got) != ringLimit || got[0] != 0 || got[ringLimit-1] != ringLimit-1 {
		t.Errorf("drained %d events, want the first %d", len(got), ringLimit)
	}
	ring.Record(Event{Rows: 7})
	if got := drained(reader); len(got) != 1 || got[0] != 7 {
		t.Errorf("drained %v from the emptied ring, want [7]", got)
	}
}

func TestHalfFullRingWakesTheReader(t *testing.T) {
	r := NewRecorder()
	reader, ring := attach(t, r), r.Ring()
	for i := range ringLimit {
		select {
		case <-reader.Wake():
			if i != ringWake+1 {
				t.Errorf("woken after %d events, want %d", i, ringWake+1)
			}
		default:
			if i == ringWake+1 {
				t.Errorf("not woken after %d events", i)
			}
		}
		ring.Record(Event{})
	}
}

func TestClosedRingIsForgottenAfterItsLastEvents(t *testing.T) {
	r := NewRecorder()
	reader, ring := attach(t, r), r.Ring()
	ring.Record(Event{Rows: 1})
	ring.Close()
	if c := r.Counts(); len(r.rings) != 1 || c.Pending != 1 {
		t.Errorf("%d rings with %d events pending, want the closed one with its event", len(r.rings), c.Pending)
	}
	reader.Drain(func([]Event) { ring.Record(Event{Rows: 2}) })
	if len(r.rings) != 1 {
		t.Error("the ring was forgotten with an event in it")
	}
	if got := drained(reader); len(got) != 1 || got[0] != 2 {
		t.Errorf("drained %v, want [2]", got)
	}
	want := Counts{Recorded: 2, Drained: 2}
	if got := r.Counts(); got != want || len(r.rings) != 0 {
		t.Errorf("counts %+v and %d rings, want %+v and none", got, len(r.rings), want)
	}
}

func TestOneReaderAtATime(t *testing.T) {
	r := NewRecorder()
	reader := attach(t, r)
	if _, err := r.Attach(); !errors.Is(err, ErrAttached) {
		t.Errorf("second Attach: %v, want ErrAttached", err)
	}
	r.Ring().Record(Event{Rows: 5})
	reader.Detach()
	if got := drained(attach(t, r)); len(got) != 1 {
		t.Errorf("the next reader drained %v, want what was pending", got)
	}
}

func TestRecordAllocatesNothingOnceGrown(t *testing.T) {
	r := NewRecorder()
	reader, ring := attach(t, r), r.Ring()
	ev := Event{Statement: &Statement{}, Scope: NewScope()}
	cycle := func() {
		for range ringLimit + 1 {
			ring.Record(ev)
		}
		ring.swap()
	}
	cycle() // each of the two buffers grows once
	cycle()
	if n := testing.AllocsPerRun(10, cycle); n != 0 {
		t.Errorf("%d records allocate %v times, want 0", ringLimit+1, n)
	}
	ring.Record(ev)
	buffer := ring.events
	drained(reader)
	if buffer[0].Statement != nil || buffer[0].Scope != nil {
		t.Error("a drained buffer keeps a statement or scope alive")
	}
}

// BenchmarkRecord is one sender's cost with a reader that keeps up, as in real use.
func BenchmarkRecord(b *testing.B) {
	r := NewRecorder()
	reader, ring := attach(b, r), r.Ring()
	ev := Event{Statement: &Statement{}, Scope: NewScope()}
	b.ReportAllocs()
	for b.Loop() {
		ring.Record(ev)
		select {
		case <-reader.Wake():
			reader.Drain(func([]Event) {})
		default:
		}
	}
	if c := r.Counts(); c.Dropped != 0 {
		b.Errorf("%d events dropped, so the benchmark measured dropping", c.Dropped)
	}
}

func TestClosedRingsAreForgottenWithoutAReader(t *testing.T) {
	r := NewRecorder()
	for range 10 * closedKept {
		ring := r.Ring()
		ring.Record(Event{})
		ring.Close()
	}
	want := Counts{Recorded: 10 * closedKept, Dropped: 9 * closedKept, Pending: closedKept}
	if got := r.Counts(); got != want || len(r.rings) != closedKept {
		t.Errorf("%+v in %d rings, want %+v in %d", got, len(r.rings), want, closedKept)
	}
	reader := attach(t, r)
	reader.Drain(func([]Event) {})
	want.Drained, want.Pending = want.Pending, 0
	if got := r.Counts(); got != want || len(r.rings) != 0 {
		t.Errorf("%+v in %d rings after a drain, want %+v in none", got, len(r.rings), want)
	}
}

func TestRingsShrinkAfterABurst(t *testing.T) {
	r := NewRecorder()
	ring, reader := r.Ring(), attach(t, r)
	drain := func() { reader.Drain(func([]Event) {}) }
	for range 2 {
		for range ringLimit {
			ring.Record(Event{})
		}
		drain()
	}
	if cap(ring.events) < ringLimit || cap(ring.spare) < ringLimit {
		t.Fatalf("room for %d and %d events, want %d", cap(ring.events), cap(ring.spare), ringLimit)
	}
	for range 3 {
		ring.Record(Event{})
		drain()
	}
	if got := cap(ring.events) + cap(ring.spare); got > 4*ringStart {
		t.Errorf("room for %d events after the burst", got)
	}
	if c := r.Counts(); c.Dropped != 0 || c.Recorded != c.Drained {
		t.Errorf("%+v", c)
	}
}

func TestRingsClosedTwiceAreCountedOnce(t *testing.T) {
	r := NewRecorder()
	for range closedKept + 1 {
		ring := r.Ring()
		ring.Record(Event{})
		ring.Close()
		ring.Close()
	}
	if got, want := r.Counts(), (Counts{Recorded: closedKept + 1, Dropped: 1, Pending: closedKept}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestClosedRingsWaitForTheReaderThereIs(t *testing.T) {
	r := NewRecorder()
	closeSome := func(n int) {
		for range n {
			ring := r.Ring()
			ring.Record(Event{})
			ring.Close()
		}
	}
	closeSome(closedKept)
	reader, err := r.Attach()
	if err != nil {
		t.Fatal(err)
	}
	closeSome(closedKept)
	reader.Drain(func([]Event) {})
	reader.Detach()
	closeSome(closedKept)
	if got, want := r.Counts(), (Counts{Recorded: 3 * closedKept, Drained: 2 * closedKept, Pending: closedKept}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

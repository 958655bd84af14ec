package async

import (
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/sketch"
)

// outcome is how something ended.
type outcome uint8

const (
	succeeded outcome = iota
	failed
	cancelled // its context ended, or it never began
)

// noWait is the wait of what does not queue.
const noWait = time.Duration(-1)

// meter counts what ended. Many goroutines record at a time: each takes a shard that nobody else holds, so
// that a lock costs 10 ns and not a wait.
type meter struct {
	begun    capture.Instant
	arrivals int // arrivals kept per shard
	shards   [4]shard
}

type shard struct {
	began    atomic.Uint64
	mu       sync.Mutex
	counts   [3]uint64 // by outcome
	waits    series
	times    series
	rate     rate
	arrivals []Arrival
	oldest   int // index of the oldest arrival once all places are taken
	_        [64]byte
}

// newMeter returns an empty meter that keeps so many arrivals per shard.
func newMeter(arrivals int) *meter {
	m := &meter{begun: capture.Now(), arrivals: arrivals}
	second := int64(m.begun) / int64(time.Second) // below 0 within testing/synctest, whose clock begins in 2000
	for i := range m.shards {
		s := &m.shards[i]
		s.rate.second, s.times.minute, s.waits.minute = second, second/60, second/60
	}
	return m
}

// record counts one that waited, then took some time, and ended at end.
func (m *meter) record(end capture.Instant, wait, took time.Duration, o outcome) {
	s := m.shard()
	second := int64(end) / int64(time.Second)
	s.counts[o]++
	s.rate.add(second)
	minute := second / 60
	s.times.add(minute, took)
	if wait >= 0 {
		s.waits.add(minute, wait)
	}
	if m.arrivals > 0 {
		s.arrived(m.arrivals, Arrival{end - capture.Instant(wait+took), wait, took})
	}
	s.mu.Unlock()
}

// begin counts one that is to end.
func (m *meter) begin() { m.shards[lane4()].began.Add(1) }

// beginnings is how many there were of those.
func (m *meter) beginnings() (n uint64) {
	for i := range m.shards {
		n += m.shards[i].began.Load()
	}
	return n
}

// shard returns a locked shard: the goroutine's own, or one that is free.
func (m *meter) shard() *shard {
	own := lane4()
	for i := range uint(len(m.shards)) {
		if s := &m.shards[(own+i)%4]; s.mu.TryLock() {
			return s
		}
	}
	m.shards[own].mu.Lock()
	return &m.shards[own]
}

// lane4 is a number from 0 to 3 that is mostly the same on a goroutine and differs between goroutines, so that processors
// do not take the same memory from each other all the time: where the stack is tells it for 1 ns.
func lane4() uint {
	var here byte
	at := uintptr(unsafe.Pointer(&here))
	return uint(at>>11^at>>13^at>>17) % 4
}

// reading is what a meter counted.
type reading struct {
	counts       [3]uint64
	times, waits Times
	perSecond    float64
}

// read sums up the shards.
func (m *meter) read(now capture.Instant) (r reading) {
	var times, waits [2]sketch.Histogram
	var recent uint64
	second := int64(now) / int64(time.Second)
	for i := range m.shards {
		s := &m.shards[i]
		s.mu.Lock()
		for o, n := range s.counts {
			r.counts[o] += n
		}
		s.times.collect(second/60, &times)
		s.waits.collect(second/60, &waits)
		recent += s.rate.sum(second)
		s.mu.Unlock()
	}
	r.times, r.waits = timesOf(&times), timesOf(&waits)
	covered := (int64(now)%int64(time.Second)+int64(time.Second))%int64(time.Second) + (rateSeconds-1)*int64(time.Second)
	covered = max(min(covered, int64(now-m.begun)), int64(time.Millisecond))
	r.perSecond = float64(recent) / time.Duration(covered).Seconds()
	return r
}

// total is how many ended.
func (r *reading) total() uint64 { return r.counts[succeeded] + r.counts[failed] + r.counts[cancelled] }

// errorRate is the share of failures, from 0 to 1, among what ran to its end.
func (r *reading) errorRate() float64 {
	return finite(float64(r.counts[failed]) / float64(r.counts[failed]+r.counts[succeeded]))
}

// rateSeconds is the window of a throughput: this second and the nine before it.
const rateSeconds = 10

// rate counts events per second of the last sixteen.
type rate struct {
	second int64
	slots  [16]uint32
}

func (r *rate) add(second int64) {
	if second != r.second {
		r.advance(second)
	}
	r.slots[second&15]++
}

// advance empties the slots between the last second and this one.
func (r *rate) advance(second int64) {
	for s := max(r.second+1, second-15); s <= second; s++ {
		r.slots[s&15] = 0
	}
	r.second = max(r.second, second)
}

// sum is how many there were in the last ten seconds, this one among them.
func (r *rate) sum(second int64) (n uint64) {
	r.advance(second)
	for s := second; s > second-rateSeconds; s-- {
		n += uint64(r.slots[s&15])
	}
	return n
}

// series are durations since the beginning, of which those of this minute and the one before are kept apart.
type series struct {
	minute            int64
	all, before, this sketch.Histogram
}

func (s *series) add(minute int64, d time.Duration) {
	if minute > s.minute {
		s.rotate(minute)
	}
	s.this.Add(int64(d))
}

// rotate begins a minute.
func (s *series) rotate(minute int64) {
	s.all.Merge(&s.before)
	s.before, s.this = s.this, s.before
	s.this.Reset()
	if minute > s.minute+1 {
		s.all.Merge(&s.before)
		s.before.Reset()
	}
	s.minute = minute
}

// collect adds the durations since the beginning to the first histogram and the recent ones to the second.
func (s *series) collect(minute int64, into *[2]sketch.Histogram) {
	if minute > s.minute {
		s.rotate(minute)
	}
	for _, h := range []*sketch.Histogram{&s.before, &s.this} {
		into[0].Merge(h)
		into[1].Merge(h)
	}
	into[0].Merge(&s.all)
}

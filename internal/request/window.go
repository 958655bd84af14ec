package request

import (
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/sketch"
)

// slots is in how many parts a window slides.
const slots = 10

// sliding counts within a window that slides by a tenth of it.
type sliding struct {
	at int64 // the slot counted last
	n  [slots]uint64
}

func (s *sliding) turn(now capture.Instant, window time.Duration) {
	at := int64(now) / max(int64(window)/slots, 1)
	for ; s.at < at; s.at++ {
		if at-s.at > slots {
			s.at = at - slots
		}
		s.n[(s.at+1)%slots] = 0
	}
}

func (s *sliding) add(now capture.Instant, window time.Duration, n uint64) {
	s.turn(now, window)
	s.n[s.at%slots] += n
}

func (s *sliding) sum(now capture.Instant, window time.Duration) (sum uint64) {
	s.turn(now, window)
	for _, n := range s.n {
		sum += n
	}
	return sum
}

// rolling is a histogram of the last half to whole window.
type rolling struct {
	half          int64
	now, previous sketch.Histogram
}

func (r *rolling) add(at capture.Instant, window time.Duration, v int64) {
	r.turn(at, window)
	r.now.Add(v)
}

func (r *rolling) turn(at capture.Instant, window time.Duration) {
	half := int64(at) / max(int64(window)/2, 1)
	switch {
	case half == r.half:
		return
	case half == r.half+1:
		r.now, r.previous = r.previous, r.now
	default:
		r.previous.Reset()
	}
	r.now.Reset()
	r.half = half
}

// all is what the window holds.
func (r *rolling) all() sketch.Histogram {
	h := r.now.Clone()
	h.Merge(&r.previous)
	return h
}

// quantile reads the window; n is how many values it rests on.
func (r *rolling) quantile(q float64) (v int64, n uint64) {
	h := r.all()
	v, _ = h.Quantile(q)
	return v, h.Count()
}

const (
	baselineSlots  = 12
	baselineCoarse = 2 // levels of down-scaling: ±4.4 %, at a quarter of the memory
)

// baseline is how long requests took in the last 24 hours, in parts of two hours; the part under way does not count.
type baseline struct {
	slot  int64
	parts [baselineSlots]sketch.Histogram
	p95   time.Duration
	n     uint64
}

const baselinePart = 24 * time.Hour / baselineSlots

func (b *baseline) add(at capture.Instant, took time.Duration) {
	slot := int64(at) / int64(baselinePart)
	if slot > b.slot {
		b.turn(slot)
	}
	h := &b.parts[slot%baselineSlots]
	h.Add(int64(took))
}

// turn closes the part under way and forgets those of yesterday.
func (b *baseline) turn(slot int64) {
	b.parts[b.slot%baselineSlots].Downscale(baselineCoarse)
	var all sketch.Histogram
	for s := b.slot - baselineSlots + 1; s <= b.slot; s++ {
		if s > slot-baselineSlots && s >= 0 {
			all.Merge(&b.parts[s%baselineSlots])
		}
	}
	p95, _ := all.Quantile(0.95)
	b.p95, b.n = time.Duration(p95), all.Count()
	for s := max(b.slot+1, slot-baselineSlots+1); s <= slot; s++ {
		b.parts[s%baselineSlots] = sketch.Histogram{}
	}
	b.slot = slot
}

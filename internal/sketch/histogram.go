// Package sketch counts durations so that any percentile can be read later, for any union of parts.
//
// A Histogram is OpenTelemetry's base-2 exponential histogram at scale 5: each bucket is
// 2^(1/32) times as wide as the one before, so a quantile is within 1.1 % of a true value. It
// holds the span between the smallest and the largest value seen, at most 2,017 buckets: 4 KiB,
// or 16 KiB once one of them counts more than 65,535. Merging adds buckets and loses nothing: the
// parts give the same bits as the whole, in any order. A Histogram belongs to one goroutine at a
// time.
//
// https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram
package sketch

import "math"

// Scale is the scale of a Histogram that was not downscaled: bucket bounds are powers of 2^(1/32).
const Scale = 5

// MaxBuckets is how many buckets non-negative int64 values need at most: 32 for each of 63 powers
// of two, and one for the value 1, which is the upper bound of bucket -1.
const MaxBuckets = lastIndex - firstIndex + 1

// minScale is the coarsest scale of OpenTelemetry; from -6 on all values share two buckets.
const minScale = -10

// Histogram counts non-negative int64 values, by convention nanoseconds. The zero value is empty
// and ready to use. Copying the struct shares its buckets: use Clone. Counts and the sum stop at
// their largest value instead of wrapping.
type Histogram struct {
	buckets buckets
	down    uint8 // levels coarser than Scale
	zero    uint64
	count   uint64
	sum     int64
	min     int64 // with max, valid if count > 0
	max     int64
}

// Add counts v; a negative v counts as 0. It does not allocate once the buckets span v.
func (h *Histogram) Add(v int64) {
	v = max(v, 0)
	if h.count == 0 {
		h.min, h.max = v, v
	} else {
		h.min, h.max = min(h.min, v), max(h.max, v)
	}
	h.count = plus(h.count, 1)
	h.sum = plusSum(h.sum, v)
	if v == 0 {
		h.zero = plus(h.zero, 1)
		return
	}
	h.buckets.add(indexOf(uint64(v))>>h.down, 1)
}

// Merge adds what o counted, at the coarser of both scales. o is left as it was.
func (h *Histogram) Merge(o *Histogram) {
	if o.down > h.down {
		h.Downscale(int(o.down - h.down))
	}
	if o.count == 0 {
		return
	}
	if h.count == 0 {
		h.min, h.max = o.min, o.max
	}
	h.min, h.max = min(h.min, o.min), max(h.max, o.max)
	h.count, h.zero = plus(h.count, o.count), plus(h.zero, o.zero)
	h.sum = plusSum(h.sum, o.sum)
	h.buckets.merge(&o.buckets, h.down-o.down)
}

// Downscale makes the buckets coarser by n levels, down to scale -10: each level joins two
// neighbours into one, exactly. n below 1 changes nothing.
func (h *Histogram) Downscale(n int) {
	n = min(n, h.Scale()-minScale)
	if n < 1 {
		return
	}
	var joined buckets
	joined.merge(&h.buckets, uint8(n))
	h.buckets = joined
	h.down += uint8(n)
}

// Reset empties h and returns it to scale 5. It keeps the storage for the values to come.
func (h *Histogram) Reset() {
	*h = Histogram{buckets: buckets{narrow: h.buckets.narrow[:0]}}
}

// Clone returns a copy that shares nothing with h.
func (h *Histogram) Clone() Histogram {
	c := *h
	c.buckets = h.buckets.clone()
	return c
}

// Count is how many values were added.
func (h *Histogram) Count() uint64 { return h.count }

// Sum adds up all values, or is math.MaxInt64 if they exceed it.
func (h *Histogram) Sum() int64 { return h.sum }

// Min is the smallest value added, 0 if there is none.
func (h *Histogram) Min() int64 { return h.min }

// Max is the largest value added, 0 if there is none.
func (h *Histogram) Max() int64 { return h.max }

// Scale is the current scale: 5, less what Downscale took.
func (h *Histogram) Scale() int { return Scale - int(h.down) }

// Zero is how many of the values were 0. They are in no bucket.
func (h *Histogram) Zero() uint64 { return h.zero }

// Buckets copies the buckets as OTLP sends them: counts[i] values v had
// base^(offset+i) < v <= base^(offset+i+1), where base is 2^(2^-Scale).
func (h *Histogram) Buckets() (offset int32, counts []uint64) {
	counts = make([]uint64, h.buckets.len())
	for i := range counts {
		counts[i] = h.buckets.at(i)
	}
	return h.buckets.offset, counts
}

// plus adds counts, stopping at the largest.
func plus(a, b uint64) uint64 {
	if a > math.MaxUint64-b {
		return math.MaxUint64
	}
	return a + b
}

// plusSum adds two non-negative sums, stopping at the largest.
func plusSum(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

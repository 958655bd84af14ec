package gate

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// Buckets of latencies relative to their target: 8 to the octave, from 1/16 of it to 16 times, so that a
// quantile is within 12 % and "above the target" is exact.
const (
	perOctave = 8
	octaves   = 8
	buckets   = perOctave * octaves
	atTarget  = buckets / 2 // the first bucket above the target
)

// window is what completed since the last decision. Whoever releases a permit adds to it; the Gate's
// goroutine takes it.
type window struct {
	completions atomic.Uint64
	targets     atomic.Int64 // sum over the samples, in microseconds
	buckets     [buckets]atomic.Uint32
}

// add counts a sample.
func (w *window) add(took, target int64) {
	w.targets.Add(target >> 10)
	w.buckets[bucketOf(took, target)].Add(1)
}

// bucketOf is the bucket of took relative to target.
func bucketOf(took, target int64) int {
	if took <= target>>4 {
		return 0
	}
	if took >= target<<4 {
		return buckets - 1
	}
	ratio := uint64(took) << 16 / uint64(target) // 1<<16 is the target
	if took > target {
		ratio = max(ratio, 1<<16+1)
	}
	ratio-- // upper bounds are inclusive
	octave := bits.Len64(ratio) - 1
	within := ratio >> (octave - 3) & (perOctave - 1)
	return min(max((octave-16)*perOctave+int(within)+atTarget, 0), buckets-1)
}

// upper is the upper bound of a bucket in targets.
func upper(bucket int) float64 {
	octave, within := bucket/perOctave-octaves/2, bucket%perOctave
	base := 1 + float64(within+1)/perOctave
	if octave < 0 {
		return base / float64(int(1)<<-octave)
	}
	return base * float64(int(1)<<octave)
}

// reading is one window, counted.
type reading struct {
	elapsed     time.Duration
	completions uint64
	samples     uint64
	slow        uint64        // samples above their target
	p50, p90    float64       // in targets
	target      time.Duration // mean over the samples
	inFlight    float64       // mean over the ticks
	peak        int64         // most in flight at a tick
	rejected    uint64
	standing    float64 // share of the time in which the process stood still, which is in no window
}

// take empties the window and counts it.
func (w *window) take() reading {
	var counts [buckets]uint64
	r := reading{completions: w.completions.Swap(0)}
	for i := range w.buckets {
		counts[i] = uint64(w.buckets[i].Swap(0))
		r.samples += counts[i]
		if i >= atTarget {
			r.slow += counts[i]
		}
	}
	if targets := w.targets.Swap(0); r.samples > 0 {
		r.target = time.Duration(targets<<10) / time.Duration(r.samples)
	}
	r.p50, r.p90 = quantile(&counts, r.samples, 0.5), quantile(&counts, r.samples, 0.9)
	return r
}

// count is how many samples there are so far.
func (w *window) count() (n uint64) {
	for i := range w.buckets {
		n += uint64(w.buckets[i].Load())
	}
	return n
}

// quantile is the upper bound of the bucket that the fraction q of n ends in.
func quantile(counts *[buckets]uint64, n uint64, q float64) float64 {
	rank, seen := q*float64(n), uint64(0)
	for i, c := range counts {
		if seen += c; c > 0 && float64(seen) >= rank {
			return upper(i)
		}
	}
	return 0
}

// throughput is completions per second.
func (r reading) throughput() float64 { return float64(r.completions) / r.elapsed.Seconds() }

package gate

import (
	"math/bits"
	"sync/atomic"
)

// latencies counts durations in quarters of octaves from 16µs on, up to some 4 hours.
type latencies [latencyBuckets]atomic.Uint32

const (
	latencyShift   = 14 // 1<<14 ns
	latencyBuckets = 30 * 4
)

func (l *latencies) add(took int64) {
	v := uint64(took) >> (latencyShift - 2) // 4 is 16µs
	if v < 4 {
		l[0].Add(1)
		return
	}
	octave := bits.Len64(v) - 3
	l[min(octave*4+int(v>>octave&3)+1, latencyBuckets-1)].Add(1)
}

func (l *latencies) total() (n uint64) {
	for i := range l {
		n += uint64(l[i].Load())
	}
	return n
}

func (l *latencies) reset() {
	for i := range l {
		l[i].Store(0)
	}
}

// median is the middle of the bucket that half of the durations end in, within 13 %.
func (l *latencies) median() int64 {
	n, seen := l.total(), uint64(0)
	for i := range l {
		if seen += uint64(l[i].Load()); seen > 0 && 2*seen >= n {
			return middle(i)
		}
	}
	return 0
}

// middle of a bucket in nanoseconds.
func middle(bucket int) int64 {
	if bucket == 0 {
		return 1 << (latencyShift - 1)
	}
	octave, within := (bucket-1)/4, (bucket-1)%4
	return (int64(4+within)*2 + 1) << octave << (latencyShift - 3)
}

package sketch

import (
	"math"
	"slices"
)

// buckets are contiguous counters, the first and the last of which are not zero. Counters have 16
// bits until one of them needs more; then all have 64, since most histograms live for one
// interval and count little.
type buckets struct {
	offset int32 // index of the first bucket
	narrow []uint16
	wide   []uint64 // in place of narrow once a counter exceeded it
}

func (b *buckets) len() int { return max(len(b.narrow), len(b.wide)) }

// at is the counter at position i, which belongs to the bucket offset+i.
func (b *buckets) at(i int) uint64 {
	if b.wide != nil {
		return b.wide[i]
	}
	return uint64(b.narrow[i])
}

// add counts n > 0 values in the bucket of index.
func (b *buckets) add(index int32, n uint64) {
	i := int(index - b.offset)
	if uint(i) < uint(len(b.narrow)) && uint64(b.narrow[i])+n <= math.MaxUint16 && n <= math.MaxUint16 {
		b.narrow[i] += uint16(n)
		return
	}
	b.addSlow(index, n)
}

// addSlow is add for a bucket not spanned yet and for wide counters.
func (b *buckets) addSlow(index int32, n uint64) {
	b.span(index, index)
	i := int(index - b.offset)
	if b.wide == nil && plus(uint64(b.narrow[i]), n) > math.MaxUint16 {
		b.widen()
	}
	if b.wide == nil {
		b.narrow[i] += uint16(n)
		return
	}
	b.wide[i] = plus(b.wide[i], n)
}

// merge adds the buckets of o, 2^down of which make one of b.
func (b *buckets) merge(o *buckets, down uint8) {
	n := o.len()
	if n == 0 {
		return
	}
	b.span(o.offset>>down, (o.offset+int32(n)-1)>>down)
	for i := range n {
		if c := o.at(i); c > 0 {
			b.add((o.offset+int32(i))>>down, c)
		}
	}
}

// span makes room for the buckets first to last, which are about to be counted in.
func (b *buckets) span(first, last int32) {
	n := b.len()
	if n == 0 {
		b.offset = first
	}
	front := int(max(0, b.offset-first))
	back := int(max(0, last-b.offset+1-int32(n)))
	if front+back == 0 {
		return
	}
	b.offset -= int32(front)
	if b.wide != nil {
		b.wide = grow(b.wide, front, back)
	} else {
		b.narrow = grow(b.narrow, front, back)
	}
}

// grow adds zeros on both sides of s. Room is made for whole octaves, not by doubling: there are
// few of them and many histograms.
func grow[T uint16 | uint64](s []T, front, back int) []T {
	const octave = 1 << Scale
	n := front + len(s) + back
	grown := s
	if n > cap(s) {
		grown = make([]T, n, (n+octave-1)/octave*octave)
	}
	grown = grown[:n]
	copy(grown[front:], s)
	clear(grown[:front])
	clear(grown[front+len(s):])
	return grown
}

// widen makes the counters 64 bits wide.
func (b *buckets) widen() {
	b.wide = make([]uint64, len(b.narrow))
	for i, c := range b.narrow {
		b.wide[i] = uint64(c)
	}
	b.narrow = nil
}

func (b *buckets) clone() buckets {
	return buckets{offset: b.offset, narrow: slices.Clone(b.narrow), wide: slices.Clone(b.wide)}
}

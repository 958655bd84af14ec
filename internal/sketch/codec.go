package sketch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// The binary form, all numbers as shortest unsigned varints:
//
//	version 1 in the upper half of one byte, levels below scale 5 in the lower
//	number of zero values, number of buckets; both 0 and nothing else if empty
//	sum, min, max
//	offset+1, counts, if there are buckets; zeros in between as 0 and their number less one
//
// A histogram has one form only, so equal bytes mean equal histograms.
const codecVersion = 1

// ErrFormat reports bytes that no Histogram was written as.
var ErrFormat = errors.New("not a histogram")

// AppendBinary appends the binary form to dst: about one byte per bucket in use. The error is
// always nil. It implements encoding.BinaryAppender.
func (h *Histogram) AppendBinary(dst []byte) ([]byte, error) {
	n := h.buckets.len()
	dst = append(dst, codecVersion<<4|h.down)
	dst = binary.AppendUvarint(dst, h.zero)
	dst = binary.AppendUvarint(dst, uint64(n))
	if h.count == 0 {
		return dst, nil
	}
	for _, v := range [...]int64{h.sum, h.min, h.max} {
		dst = binary.AppendUvarint(dst, uint64(v))
	}
	if n == 0 {
		return dst, nil
	}
	dst = binary.AppendUvarint(dst, uint64(h.buckets.offset-firstIndex))
	return h.buckets.append(dst), nil
}

// append appends the counters, runs of zeros as a pair.
func (b *buckets) append(dst []byte) []byte {
	for i := 0; i < b.len(); i++ {
		c := b.at(i)
		dst = binary.AppendUvarint(dst, c)
		if c > 0 {
			continue
		}
		first := i
		for b.at(i+1) == 0 { // the last counter is not zero
			i++
		}
		dst = binary.AppendUvarint(dst, uint64(i-first))
	}
	return dst
}

// UnmarshalBinary replaces h by the histogram written in data, all of it. Anything else, however
// made, gives an error that is ErrFormat, costs no more than a full histogram, and leaves h as
// it was. It implements encoding.BinaryUnmarshaler.
func (h *Histogram) UnmarshalBinary(data []byte) error {
	r := reader{data: data}
	read := r.histogram()
	if r.problem == "" && len(r.data) > 0 {
		r.problem = "trailing bytes"
	}
	if r.problem == "" {
		r.problem = read.inconsistency()
	}
	if r.problem != "" {
		return fmt.Errorf("%w: %s", ErrFormat, r.problem)
	}
	*h = read
	return nil
}

// reader takes numbers off data until the first problem.
type reader struct {
	data    []byte
	problem string
}

// fail notes the first problem and ends the reading.
func (r *reader) fail(problem string) {
	if r.problem == "" {
		r.problem = problem
	}
	r.data = nil
}

// uint takes a varint of at most limit.
func (r *reader) uint(limit uint64) uint64 {
	if len(r.data) > 0 && r.data[0] < 0x80 && uint64(r.data[0]) <= limit { // most counters
		v := uint64(r.data[0])
		r.data = r.data[1:]
		return v
	}
	v, n := binary.Uvarint(r.data)
	switch {
	case n <= 0:
		r.fail("cut short or number too long")
	case n > 1 && r.data[n-1] == 0:
		r.fail("number longer than needed")
	case v > limit:
		r.fail("number out of range")
	default:
		r.data = r.data[n:]
		return v
	}
	return 0
}

func (r *reader) histogram() (h Histogram) {
	head := r.uint(math.MaxUint8)
	if head>>4 != codecVersion {
		r.fail("unknown version")
	}
	h.down = uint8(head & 15)
	h.zero = r.uint(math.MaxUint64)
	n := r.uint(MaxBuckets)
	h.count = h.zero
	if h.zero == 0 && n == 0 {
		return h
	}
	h.sum, h.min, h.max = r.int(), r.int(), r.int()
	if n > 0 {
		h.buckets.offset = int32(r.uint(MaxBuckets)) + firstIndex
		h.count = plus(h.count, r.counters(&h.buckets, int(n)))
	}
	return h
}

func (r *reader) int() int64 { return int64(r.uint(math.MaxInt64)) }

// counters reads n counters into b and returns their sum.
func (r *reader) counters(b *buckets, n int) (sum uint64) {
	first, gap := b.offset, true
	b.span(first, first+int32(n)-1)
	for i := 0; i < n && r.problem == ""; i++ {
		c := r.uint(math.MaxUint64)
		if c == 0 {
			i += int(r.uint(MaxBuckets))
			if gap || i >= n-1 {
				r.fail("zeros out of place")
			}
			gap = true
			continue
		}
		b.add(first+int32(i), c)
		sum, gap = plus(sum, c), false
	}
	return sum
}

package sketch

import "math"

// Quantile is a value that the fraction q of all values does not exceed, by the nearest-rank
// rule: it stands for the ceil(q*Count())-th smallest. It is within 1.1 % of that value at scale 5,
// besides the rounding to a whole number, and between Min and Max. ok is false if h is empty or q
// is not in [0,1].
func (h *Histogram) Quantile(q float64) (v int64, ok bool) {
	if h.count == 0 || !(q >= 0 && q <= 1) {
		return 0, false
	}
	rank := rankOf(q, h.count)
	if rank == 1 {
		return h.min, true
	}
	if rank == h.count {
		return h.max, true
	}
	seen := h.zero
	if rank <= seen {
		return 0, true
	}
	for i := range h.buckets.len() {
		if seen = plus(seen, h.buckets.at(i)); rank <= seen {
			return h.middle(h.buckets.offset + int32(i)), true
		}
	}
	return h.max, true
}

// rankOf is ceil(q*count) from 1 to count. A product that only rounding lifted above a whole
// number, such as 0.07*100, counts as that number.
func rankOf(q float64, count uint64) uint64 {
	rank := math.Ceil(q * float64(count) * (1 - 4*0x1p-52))
	if rank >= float64(count) {
		return count
	}
	return max(1, uint64(rank))
}

// middle is the geometric mean of the bounds of a bucket, from which no value in it is further
// than 2^(1/64)-1 = 1.09 % at scale 5.
func (h *Histogram) middle(index int32) int64 {
	m := math.Round(math.Exp2((float64(index) + 0.5) * math.Ldexp(1, -h.Scale())))
	if m >= float64(h.max) {
		return h.max
	}
	return max(int64(m), h.min)
}

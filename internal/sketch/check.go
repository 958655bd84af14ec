package sketch

import "math/bits"

// inconsistency says in which way the parts of a histogram that was read contradict each other,
// "" if they could have come about by adding values.
func (h *Histogram) inconsistency() string {
	switch {
	case h.count == 0:
		return ""
	case h.min > h.max:
		return "min above max"
	case (h.min == 0) != (h.zero > 0):
		return "min contradicts the zeros"
	case h.count == 1 && h.min != h.max:
		return "one value, but min is not max"
	case !h.spansMinMax():
		return "buckets contradict min or max"
	case !h.sumFits():
		return "sum contradicts min or max"
	}
	return ""
}

// spansMinMax says whether the first and last buckets are those of the smallest value above zero
// and of the largest value.
func (h *Histogram) spansMinMax() bool {
	n := h.buckets.len()
	if n == 0 {
		return h.max == 0
	}
	if h.max == 0 || h.buckets.offset+int32(n)-1 != indexOf(uint64(h.max))>>h.down {
		return false
	}
	return h.zero > 0 && h.buckets.offset >= firstIndex ||
		h.zero == 0 && h.buckets.offset == indexOf(uint64(h.min))>>h.down
}

// sumFits says whether count values from min to max, both among them, can have the sum.
func (h *Histogram) sumFits() bool {
	if h.count == 1 {
		return h.sum == h.max
	}
	high := product(h.count-1, h.max)
	low := product(h.count-1, h.min)
	return h.sum >= plusSum(low, h.max) && h.sum <= plusSum(high, h.min)
}

// product is count*v, stopping at the largest sum.
func product(count uint64, v int64) int64 {
	over, p := bits.Mul64(count, uint64(v))
	if over > 0 || int64(p) < 0 {
		return 1<<63 - 1
	}
	return int64(p)
}

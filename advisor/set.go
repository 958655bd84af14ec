package advisor

import "math/bits"

// set is a set of candidates by number. It is a value, so that it can be a key.
type set [setSize / 64]uint64

// setSize is how many candidates one search can hold.
const setSize = 512

func setOf(numbers ...int) (s set) {
	for _, n := range numbers {
		s[n/64] |= 1 << (n % 64)
	}
	return s
}

func (s set) has(n int) bool    { return s[n/64]&(1<<(n%64)) != 0 }
func (s set) with(n int) set    { return s.or(setOf(n)) }
func (s set) without(n int) set { return s.minus(setOf(n)) }
func (s set) empty() bool       { return s == set{} }

func (s set) or(other set) set {
	for i := range s {
		s[i] |= other[i]
	}
	return s
}

func (s set) and(other set) set {
	for i := range s {
		s[i] &= other[i]
	}
	return s
}

func (s set) minus(other set) set {
	for i := range s {
		s[i] &^= other[i]
	}
	return s
}

// list is the members in rising order.
func (s set) list() []int {
	var list []int
	for i, word := range s {
		for ; word != 0; word &= word - 1 {
			list = append(list, i*64+bits.TrailingZeros64(word))
		}
	}
	return list
}

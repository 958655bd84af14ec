package advisor

import (
	"cmp"
	"math"
	"slices"
)

// mannWhitney is the probability that values as much above those of before as the ones of after, or
// more, come from the same distribution: one-sided, by the normal approximation with correction for
// ties and continuity, which is within 0.001 from eight values on each side. Values that come one after
// the other in time resemble each other: the deviation grows by inflation, see serial.
// https://doi.org/10.1214/aoms/1177730491
func mannWhitney(before, after []float64, inflation float64) float64 {
	n, m := float64(len(before)), float64(len(after))
	if n == 0 || m == 0 {
		return 1
	}
	ranks, ties := rankSum(before, after)
	u := ranks - m*(m+1)/2 // pairs in which after is the greater
	total := n + m
	deviation := math.Sqrt(n * m / 12 * (total + 1 - ties/(total*(total-1))))
	if deviation == 0 {
		return 1 // all values are the same
	}
	return math.Erfc((u-n*m/2-0.5)/(deviation*inflation)/math.Sqrt2) / 2
}

// mostSerial bounds the correlation of neighbours that is reckoned with: with more there is hardly one
// observation in forty slots.
const mostSerial = 0.95

// serial is by how much the deviation of a mean grows because neighbouring values resemble each other:
// the root of (1+r)/(1-r), with r the correlation of neighbours within each side, corrected for the bias
// of short series. https://doi.org/10.1093/biomet/41.3-4.403
func serial(before, after []float64) float64 {
	var product, square float64
	for _, side := range [][]float64{before, after} {
		middle := medianOf(slices.Clone(side))
		for i, v := range side {
			square += (v - middle) * (v - middle)
			if i > 0 {
				product += (v - middle) * (side[i-1] - middle)
			}
		}
	}
	n := float64(len(before)+len(after)) / 2
	if square == 0 || n <= 4 {
		return 1
	}
	r := min(max((n*product/square+1)/(n-4), 0), mostSerial)
	return math.Sqrt((1 + r) / (1 - r))
}

// rankSum is the sum of the ranks of after among all, equal values sharing theirs, and the sum of
// t³-t over the groups of t equal ones.
func rankSum(before, after []float64) (sum, ties float64) {
	type value struct {
		v     float64
		after bool
	}
	var all []value
	for _, v := range before {
		all = append(all, value{v, false})
	}
	for _, v := range after {
		all = append(all, value{v, true})
	}
	slices.SortFunc(all, func(a, b value) int { return cmp.Compare(a.v, b.v) })
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j].v == all[i].v {
			j++
		}
		t := float64(j - i)
		ties += t*t*t - t
		for k := i; k < j; k++ {
			if all[k].after {
				sum += float64(i+j+1) / 2
			}
		}
		i = j
	}
	return sum, ties
}

// shift is the median of all differences between a value after and one before: the Hodges–Lehmann
// estimate, which no outlier moves. https://doi.org/10.1214/aoms/1177704172
func shift(before, after []float64) float64 {
	differences := make([]float64, 0, len(before)*len(after))
	for _, a := range after {
		for _, b := range before {
			differences = append(differences, a-b)
		}
	}
	return medianOf(differences)
}

// medianOf sorts values, and is 0 without any.
func medianOf(values []float64) float64 {
	n := len(values)
	if n == 0 {
		return 0
	}
	slices.Sort(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

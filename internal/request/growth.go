package request

import (
	"cmp"
	"math"
	"slices"
)

// samplesKept is how many requests of an issue are compared: a rank correlation over 64 has a standard error of 0.13.
const samplesKept = 64

// samples are the rows of the source and the executions of the repeated statement in the last requests that ran both. They are
// N1g: a loop over rows runs as often as there are rows, and a fixed fan-out always as often.
type samples struct {
	n    int
	rows [samplesKept]int64
	runs [samplesKept]int64
}

func (s *samples) add(rows, runs int64) {
	s.rows[s.n%samplesKept], s.runs[s.n%samplesKept] = rows, runs
	s.n++
}

func (s *samples) kept() int { return min(s.n, samplesKept) }

// grows says whether the executions follow the rows, or vary with something else that has no bound in the code.
func (s *samples) grows(c *Config) (correlation float64, grows bool) {
	n := s.kept()
	if n < c.NPlusOne.Samples {
		return 0, false
	}
	correlation = rankCorrelation(s.rows[:n], s.runs[:n])
	median, most := s.spread()
	return correlation, correlation >= c.NPlusOne.Correlation || float64(most) >= c.NPlusOne.Spread*float64(median)
}

// spread is the median and the largest number of executions.
func (s *samples) spread() (median, most int) {
	runs := slices.Clone(s.runs[:s.kept()])
	if len(runs) == 0 {
		return 0, 0
	}
	slices.Sort(runs)
	return int(runs[len(runs)/2]), int(runs[len(runs)-1])
}

// rankCorrelation is Spearman's, with equal values sharing their rank; 0 where one side does not vary.
// https://en.wikipedia.org/wiki/Spearman%27s_rank_correlation_coefficient
func rankCorrelation(a, b []int64) float64 {
	x, y := ranks(a), ranks(b)
	mean := float64(len(a)+1) / 2
	var xy, xx, yy float64
	for i := range x {
		dx, dy := x[i]-mean, y[i]-mean
		xy, xx, yy = xy+dx*dy, xx+dx*dx, yy+dy*dy
	}
	if xx == 0 || yy == 0 {
		return 0
	}
	return xy / math.Sqrt(xx*yy)
}

// ranks are the places from 1 of values among each other.
func ranks(values []int64) []float64 {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(values[a], values[b]) })
	list := make([]float64, len(values))
	for from := 0; from < len(order); {
		to := from
		for to < len(order) && values[order[to]] == values[order[from]] {
			to++
		}
		for _, i := range order[from:to] {
			list[i] = float64(from+to+1) / 2
		}
		from = to
	}
	return list
}

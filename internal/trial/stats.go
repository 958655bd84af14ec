package trial

import (
	"math"
	"math/rand/v2"
	"slices"
)

// resamples is how often the bootstrap draws: 1,000 fix the ends of a 95 % interval well enough to
// show two digits (Efron and Tibshirani 1993, chapter 13).
const resamples = 1000

// bootstrap estimates the q-quantile of values and its 95 % interval by the percentile method.
func bootstrap(values []float64, q float64, random *rand.Rand) Interval {
	sorted := slices.Sorted(slices.Values(values))
	draws := make([]float64, resamples)
	sample := make([]float64, len(sorted))
	for i := range draws {
		for j := range sample {
			sample[j] = sorted[random.IntN(len(sorted))]
		}
		slices.Sort(sample)
		draws[i] = quantile(sample, q)
	}
	slices.Sort(draws)
	return Interval{Value: quantile(sorted, q), Low: quantile(draws, 0.025), High: quantile(draws, 0.975)}
}

// quantile is the nearest-rank quantile of sorted values.
func quantile(sorted []float64, q float64) float64 {
	rank := int(math.Ceil(q*float64(len(sorted)))) - 1
	return sorted[min(max(rank, 0), len(sorted)-1)]
}

func latency(outcomes []Outcome, random *rand.Rand) Latency {
	walls := make([]float64, len(outcomes))
	for i, o := range outcomes {
		walls[i] = float64(o.Wall)
	}
	return Latency{P50: bootstrap(walls, 0.5, random), P95: bootstrap(walls, 0.95, random)}
}

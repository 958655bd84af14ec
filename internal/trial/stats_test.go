package trial

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// TestBootstrapCovers draws samples of a skewed distribution, as times are, whose median is known:
// about 95 of 100 intervals hold it.
func TestBootstrapCovers(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	const trials = 300
	for _, n := range []int{24, 40} {
		covered := 0
		for range trials {
			values := make([]float64, n)
			for i := range values {
				values[i] = math.Exp(random.NormFloat64()) // median 1
			}
			in := bootstrap(values, 0.5, random)
			if in.Low <= 1 && 1 <= in.High {
				covered++
			}
			if in.Low > in.Value || in.Value > in.High {
				t.Fatalf("interval %+v", in)
			}
		}
		if share := float64(covered) / trials; share < 0.92 || share > 0.985 {
			t.Errorf("%.3f of the intervals over %d values hold the median", share, n)
		}
	}
}

func TestQuantile(t *testing.T) {
	values := []float64{1, 2, 3, 4}
	for q, want := range map[float64]float64{0: 1, 0.25: 1, 0.26: 2, 0.5: 2, 0.51: 3, 0.95: 4, 1: 4} {
		if got := quantile(values, q); got != want {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
}

func TestBootstrapOfOne(t *testing.T) {
	if got := bootstrap([]float64{5}, 0.95, random()); got != (Interval{5, 5, 5}) {
		t.Errorf("got %+v", got)
	}
}

func TestLatency(t *testing.T) {
	outcomes := make([]Outcome, 100)
	for i := range outcomes {
		outcomes[len(outcomes)-1-i].Wall = time.Duration(i + 1)
	}
	l := latency(outcomes, random())
	if l.P50.Value != 50 || l.P95.Value != 95 || l.P50.Low < 35 || l.P50.High > 65 || l.P95.Low < 85 {
		t.Errorf("got %+v", l)
	}
}

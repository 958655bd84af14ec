package advisor

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestMannWhitney(t *testing.T) {
	eight := []float64{1, 2, 3, 4, 5, 6, 7, 8}
	above := []float64{11, 12, 13, 14, 15, 16, 17, 18}
	for _, c := range []struct {
		name          string
		before, after []float64
		want          float64 // of R: wilcox.test(after, before, alternative = "greater", exact = FALSE)
	}{
		{"all above", eight, above, 0.00047},
		{"all below", above, eight, 0.9997},
		{"the same", eight, eight, 0.5209},
		{"nothing", nil, eight, 1},
		{"all equal", []float64{1, 1}, []float64{1, 1, 1}, 1},
	} {
		if got := mannWhitney(c.before, c.after, 1); math.Abs(got-c.want) > 0.0005 {
			t.Errorf("%s: %.5f, want %.5f", c.name, got, c.want)
		}
	}
	if got := shift(eight, above); got != 10 {
		t.Errorf("a shift of 10 is %v", got)
	}
	if got := shift([]float64{1, 2, 3}, []float64{2, 3, 1e9}); got != 1 {
		t.Errorf("an outlier moves the shift to %v", got)
	}
}

// TestMannWhitneyLevel: without an effect, p is below a level about as often as the level says.
func TestMannWhitneyLevel(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	below := 0
	const runs, level = 4000, 0.01
	for range runs {
		var before, after []float64
		for range 15 {
			before, after = append(before, math.Exp(random.NormFloat64())), append(after, math.Exp(random.NormFloat64()))
		}
		if mannWhitney(before, after, 1) < level {
			below++
		}
	}
	if share := float64(below) / runs; share > 1.5*level {
		t.Errorf("%.4f of the runs are below %v", share, level)
	}
}

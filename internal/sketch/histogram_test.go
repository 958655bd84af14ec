package sketch

import (
	"math"
	"math/big"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// value draws a duration: any size is as likely as any other, zero and the powers of two included.
func value(t *rapid.T) int64 {
	power := int64(1) << rapid.IntRange(0, 62).Draw(t, "power")
	near := power + rapid.Int64Range(-2, 2).Draw(t, "near")
	return max(0, rapid.SampledFrom([]int64{0, near, power + rapid.Int64Range(0, power-1).Draw(t, "inside"), math.MaxInt64}).Draw(t, "value"))
}

func values(t *rapid.T) []int64 {
	return rapid.SliceOfN(rapid.Custom(value), 0, 200).Draw(t, "values")
}

func of(values ...int64) *Histogram {
	var h Histogram
	for _, v := range values {
		h.Add(v)
	}
	return &h
}

// same compares every bit but the capacity of the buckets.
func same(a, b *Histogram) bool {
	ca, cb := a.Clone(), b.Clone()
	return reflect.DeepEqual(ca, cb)
}

func TestBounds(t *testing.T) {
	for j := range 32 {
		x := new(big.Int).Lsh(big.NewInt(1), uint(63*32+j))
		for range 5 {
			x.Sqrt(x)
		}
		if x.Uint64() != bounds[j] {
			t.Errorf("bounds[%d] = %#x, want %#x", j, bounds[j], x)
		}
	}
	for j := 1; j < 32; j++ {
		slot, next := bounds[j]>>57, bounds[j+1]>>57
		if j < 31 && slot == next {
			t.Errorf("bounds %d and %d are in the same 64th of the octave", j, j+1)
		}
	}
}

func TestIndexAtPowersOfTwo(t *testing.T) {
	for k := range 63 {
		v := uint64(1) << k
		if got, want := indexOf(v), int32(32*k-1); got != want {
			t.Errorf("indexOf(1<<%d) = %d, want %d: the upper bound belongs to the bucket", k, got, want)
		}
		if got, want := indexOf(v+1), int32(32*k); k > 5 && got != want {
			t.Errorf("indexOf(1<<%d + 1) = %d, want %d", k, got, want)
		}
	}
	if got := indexOf(math.MaxInt64); got != lastIndex {
		t.Errorf("indexOf(MaxInt64) = %d, want %d", got, lastIndex)
	}
}

// TestIndexByLogarithm compares with the definition, ceil(log2(v)*32)-1, away from bounds.
func TestIndexByLogarithm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := max(1, value(t))
		exact := math.Log2(float64(v)) * 32
		if math.Abs(exact-math.Round(exact)) < 1e-9 {
			return
		}
		if got, want := indexOf(uint64(v)), int32(math.Ceil(exact))-1; got != want {
			t.Fatalf("indexOf(%d) = %d, want %d", v, got, want)
		}
	})
}

func TestPartsMergeToTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := values(t)
		var parts [4]Histogram
		for _, v := range all {
			parts[rapid.IntRange(0, 3).Draw(t, "part")].Add(v)
		}
		var merged Histogram
		for _, i := range rapid.Permutation([]int{0, 1, 2, 3}).Draw(t, "order") {
			merged.Merge(&parts[i])
		}
		if whole := of(all...); !same(&merged, whole) {
			t.Fatalf("merged %+v\nwhole  %+v", merged, whole)
		}
	})
}

func TestDownscaleCommutesWithMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := values(t), values(t)
		n := rapid.IntRange(0, 15).Draw(t, "levels")
		whole := of(slices.Concat(a, b)...)
		whole.Downscale(n)

		merged, coarse := of(a...), of(b...)
		coarse.Downscale(n)
		merged.Merge(coarse)
		if !same(merged, whole) {
			t.Fatalf("merged %+v\nwhole  %+v", merged, whole)
		}

		var added Histogram
		added.Downscale(n)
		for _, v := range slices.Concat(a, b) {
			added.Add(v)
		}
		if !same(&added, whole) {
			t.Fatalf("added %+v\nwhole %+v", added, whole)
		}
	})
}

func TestDownscaleBounds(t *testing.T) {
	h := of(1, 2, 1000, math.MaxInt64)
	h.Downscale(-3)
	if h.Scale() != Scale {
		t.Errorf("Downscale(-3) left scale %d, want %d", h.Scale(), Scale)
	}
	h.Downscale(100)
	if offset, counts := h.Buckets(); h.Scale() != -10 || offset != -1 || !slices.Equal(counts, []uint64{1, 3}) {
		t.Errorf("at scale %d: buckets from %d: %v, want from -1: [1 3] at -10", h.Scale(), offset, counts)
	}
}

func TestQuantileIsNearTheNearestRank(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := append(values(t), value(t))
		q := rapid.Float64Range(0, 1).Draw(t, "q")
		got, ok := of(all...).Quantile(q)
		slices.Sort(all)
		want := all[max(1, int(math.Ceil(q*float64(len(all)))))-1]
		if !ok || math.Abs(float64(got-want)) > 0.011*float64(want)+0.5 {
			t.Fatalf("Quantile(%v) = %d, %v, want %d", q, got, ok, want)
		}
		if got < all[0] || got > all[len(all)-1] {
			t.Fatalf("Quantile(%v) = %d is outside [%d, %d]", q, got, all[0], all[len(all)-1])
		}
	})
}

func TestQuantileOfFew(t *testing.T) {
	hundred := make([]int64, 100)
	for i := range hundred {
		hundred[i] = int64(i % 50) // buckets below 45 hold one integer each
	}
	tests := []struct {
		name   string
		values []int64
		q      float64
		want   int64
		ok     bool
	}{
		{"empty", nil, 0.5, 0, false},
		{"below zero", []int64{1}, -0.1, 0, false},
		{"not a number", []int64{1}, math.NaN(), 0, false},
		{"one", []int64{7_654_321}, 0.99, 7_654_321, true},
		{"first", []int64{3, 1, 2}, 0, 1, true},
		{"last", []int64{3, 1, 2}, 1, 3, true},
		{"median", []int64{3, 1, 2}, 0.5, 2, true},
		{"zeros", []int64{0, 0, 0, 9}, 0.5, 0, true},
		{"rounded product", hundred, 0.07, 3, true},
		{"negative counts as zero", []int64{-5, -7, 4}, 0.5, 0, true},
	}
	for _, tt := range tests {
		if got, ok := of(tt.values...).Quantile(tt.q); got != tt.want || ok != tt.ok {
			t.Errorf("%s: Quantile(%v) = %d, %v, want %d, %v", tt.name, tt.q, got, ok, tt.want, tt.ok)
		}
	}
}

func TestSumsStopInsteadOfWrapping(t *testing.T) {
	h := of(math.MaxInt64, math.MaxInt64, 5)
	if h.Sum() != math.MaxInt64 || h.Count() != 3 || h.Min() != 5 || h.Max() != math.MaxInt64 {
		t.Errorf("sum %d, count %d, min %d, max %d", h.Sum(), h.Count(), h.Min(), h.Max())
	}
	one := of(8)
	for range 70 {
		one.Merge(one)
	}
	if one.Count() != math.MaxUint64 {
		t.Errorf("count %d after 70 doublings, want %d", one.Count(), uint64(math.MaxUint64))
	}
}

func TestCountersWiden(t *testing.T) {
	var h Histogram
	for range 70_000 {
		h.Add(1000)
	}
	h.Add(1)
	if _, counts := h.Buckets(); counts[len(counts)-1] != 70_000 || counts[0] != 1 {
		t.Errorf("counts %v, want 70000 in the last bucket", counts)
	}
}

func TestResetAndClone(t *testing.T) {
	h := of(0, 1, 5, 1<<40)
	c := h.Clone()
	h.Reset()
	if !same(&c, of(0, 1, 5, 1<<40)) {
		t.Errorf("clone changed by Reset: %+v", c)
	}
	for _, v := range []int64{7, 1 << 30, 3} {
		h.Add(v)
	}
	if !same(h, of(7, 1<<30, 3)) {
		t.Errorf("after Reset: %+v", h)
	}
}

func TestAddDoesNotAllocate(t *testing.T) {
	h := of(1, 1<<40)
	v := int64(1)
	if n := testing.AllocsPerRun(1000, func() { h.Add(v); v = v*3%(1<<40) + 1 }); n != 0 {
		t.Errorf("Add allocates %v times, want 0", n)
	}
}

func BenchmarkAdd(b *testing.B) {
	draws := make([]int64, 1024)
	for i := range draws {
		draws[i] = int64(math.Exp(rand.NormFloat64()*2 + 11))
	}
	var h Histogram
	for i := 0; b.Loop(); i++ {
		h.Add(draws[i&1023])
	}
}

func BenchmarkMerge(b *testing.B) {
	var h, part Histogram
	for range 10_000 {
		part.Add(int64(math.Exp(rand.NormFloat64() + 11)))
	}
	for b.Loop() {
		h.Merge(&part)
	}
}

func BenchmarkQuantile(b *testing.B) {
	var h Histogram
	for range 10_000 {
		h.Add(int64(math.Exp(rand.NormFloat64()*2 + 11)))
	}
	for b.Loop() {
		h.Quantile(0.99)
	}
}

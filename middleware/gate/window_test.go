package gate

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestBuckets holds buckets to their bounds, and "above the target" to be exact.
func TestBuckets(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		target := int64(leastObjective/2) + r.Int64N(int64(time.Second))
		if r.IntN(100) == 0 {
			target = int64(mostObjective)
		}
		took := 1 + r.Int64N(20*target)
		if r.IntN(3) == 0 {
			took = max(1, target+r.Int64N(5)-2)
		}
		b := bucketOf(took, target)
		if b < 0 || b >= buckets || (b >= atTarget) != (took > target) {
			t.Fatalf("%d of %d is in bucket %d", took, target, b)
		}
		if ratio := float64(took) / float64(target); b < buckets-1 && ratio > upper(b)*1.0001 || b > 0 && ratio < upper(b-1)*0.9999 {
			t.Fatalf("%v is in bucket %d up to %v", ratio, b, upper(b))
		}
	}
}

func TestReadingsCountEverySampleOnce(t *testing.T) {
	var w window
	for i := range 100 {
		w.completions.Add(1)
		w.add(int64(i+1), 50)
	}
	r := w.take()
	if r.samples != 100 || r.completions != 100 || r.slow != 50 || r.p50 < 1 || r.p50 > 1.13 || r.p90 < 1.8 || r.p90 > 2.03 {
		t.Errorf("%+v", r)
	}
	if r = w.take(); r != (reading{}) {
		t.Errorf("then %+v", r)
	}
}

func TestMedians(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		var l latencies
		all := []int64{}
		scale := float64(time.Millisecond) * (0.1 + r.ExpFloat64()*100)
		for range 501 {
			took := int64(scale*r.ExpFloat64()) + 20_000
			l.add(took)
			all = append(all, took)
		}
		slices.Sort(all)
		if got, want := l.median(), all[250]; float64(got) < 0.87*float64(want) || float64(got) > 1.13*float64(want) {
			t.Fatalf("median %d, want about %d", got, want)
		}
		if l.reset(); l.total() != 0 || l.median() != 0 {
			t.Fatal("reset leaves something")
		}
	}
	var l latencies
	l.add(0)
	l.add(1 << 62)
	if l.total() != 2 {
		t.Error("the ends are not counted")
	}
}

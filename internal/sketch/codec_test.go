package sketch

import (
	"bytes"
	"encoding"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

var (
	_ encoding.BinaryAppender    = (*Histogram)(nil)
	_ encoding.BinaryUnmarshaler = (*Histogram)(nil)
)

func encode(t testing.TB, h *Histogram) []byte {
	t.Helper()
	data, err := h.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestBinaryRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := of(values(rt)...)
		for range rapid.IntRange(0, 20).Draw(rt, "doublings") {
			h.Merge(h)
		}
		h.Downscale(rapid.IntRange(0, 15).Draw(rt, "levels"))
		read := *of(1, 2, 3)
		if err := read.UnmarshalBinary(encode(t, h)); err != nil {
			rt.Fatalf("read back %+v: %v", h, err)
		}
		if !same(&read, h) {
			rt.Fatalf("read %+v\nwrote %+v", read, h)
		}
	})
}

func TestUnmarshalRefuses(t *testing.T) {
	good := encode(t, of(0, 5, 9, 1_000_000))
	form := func(numbers ...uint64) (data []byte) {
		for _, n := range numbers {
			data = binary.AppendUvarint(data, n)
		}
		return data
	}
	tests := []struct {
		name string
		data []byte
	}{
		{"nothing", nil},
		{"cut short", good[:len(good)-1]},
		{"trailing byte", append(bytes.Clone(good), 0)},
		{"other version", append([]byte{2 << 4}, good[1:]...)},
		{"number longer than needed", []byte{1 << 4, 0x80, 0, 0}},
		{"too many buckets", form(1<<4, 0, MaxBuckets+1, 1, 1, 1, 0, 1)},
		{"first counter zero", form(1<<4, 0, 3, 2, 1, 1, 0, 0, 1, 1)},
		{"last counter zero", form(1<<4, 0, 3, 2, 1, 1, 0, 1, 0, 1)},
		{"split run of zeros", form(1<<4, 0, 65, 5, 1, 4, 0, 1, 0, 30, 0, 31, 1)},
		{"max in no bucket", form(1<<4, 0, 1, 9, 9, 9, 0, 1)},
		{"min above max", form(1<<4, 0, 1, 9, 9, 8, 96, 1)},
		{"zeros but min", form(1<<4, 1, 0, 1, 1, 1)},
		{"sum too small", form(1<<4, 0, 1, 1, 1, 1, 0, 2)},
		{"sum too large", form(1<<4, 0, 1, 3, 1, 1, 0, 2)},
		{"index past the last", form(1<<4, 0, 1, math.MaxInt64, math.MaxInt64, math.MaxInt64, MaxBuckets, 1)},
	}
	for _, tt := range tests {
		h := of(42)
		if err := h.UnmarshalBinary(tt.data); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: error %v, want ErrFormat", tt.name, err)
		}
		if !same(h, of(42)) {
			t.Errorf("%s: the histogram changed", tt.name)
		}
	}
}

// FuzzUnmarshalBinary holds that bytes are refused or are the one form of a sound histogram.
func FuzzUnmarshalBinary(f *testing.F) {
	big := of(1, math.MaxInt64)
	for range 65 {
		big.Merge(big)
	}
	coarse := of(0, 3, 1<<20, 1<<50)
	coarse.Downscale(7)
	for _, h := range []*Histogram{{}, of(0), of(1), of(0, 5, 9, 1_000_000), big, coarse} {
		f.Add(encode(f, h))
	}
	f.Add([]byte{1 << 4, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		var h Histogram
		if h.UnmarshalBinary(data) != nil {
			return
		}
		if again := encode(t, &h); !bytes.Equal(again, data) {
			t.Fatalf("read %x, wrote %x", data, again)
		}
		if h.buckets.len() > MaxBuckets {
			t.Fatalf("%d buckets", h.buckets.len())
		}
		if v, ok := h.Quantile(0.5); ok != (h.Count() > 0) || v < h.Min() || v > h.Max() {
			t.Fatalf("median %d, %v of [%d, %d]", v, ok, h.Min(), h.Max())
		}
		c := h.Clone()
		c.Merge(&h)
		c.Add(17)
		c.Downscale(3)
	})
}

func BenchmarkUnmarshal(b *testing.B) {
	var h, read Histogram
	for range 1000 {
		h.Add(int64(math.Exp(rand.NormFloat64()/2 + 11)))
	}
	data := encode(b, &h)
	b.ReportMetric(float64(len(data)), "bytes")
	for b.Loop() {
		if err := read.UnmarshalBinary(data); err != nil {
			b.Fatal(err)
		}
	}
}

package sketch

import "math/bits"

// The bucket indexes of 1 and of math.MaxInt64 at scale 5.
const (
	firstIndex = -1
	lastIndex  = 63<<Scale - 1
)

// indexOf is the bucket of v > 0 at scale 5: the i for which 2^(i/32) < v <= 2^((i+1)/32). Upper
// bounds are inclusive, so that 2^k falls into bucket 32k-1, exactly.
//
// v is shifted until its leading bit is bit 63 and compared with the 31 inner bounds of an
// octave. Those are irrational, so comparing with their whole part decides each integer rightly.
// https://opentelemetry.io/docs/specs/otel/metrics/data-model/#all-scales-use-the-logarithm-function
func indexOf(v uint64) int32 {
	lead := bits.LeadingZeros64(v)
	octave := int32(63-lead) << Scale
	v <<= lead
	if v == 1<<63 {
		return octave - 1
	}
	j := guess[v>>57&63]
	if v > bounds[j+1] {
		j++
	}
	return octave + int32(j)
}

// guess is the bucket in which each 64th of an octave begins. A 64th holds one bound at most,
// for the narrowest bucket is a 45th of an octave's width.
var guess = func() (g [64]uint8) {
	for slot := range g {
		low := uint64(64+slot) << 57
		for low > bounds[g[slot]+1] {
			g[slot]++
		}
	}
	return g
}()

// bounds[j] is the whole part of 2^(63+j/32), below which bucket j begins; the last is never
// exceeded. TestBounds computes them anew.
var bounds = [33]uint64{
	0x8000000000000000, 0x82cd8698ac2ba1d7, 0x85aac367cc487b14, 0x88980e8092da8527,
	0x8b95c1e3ea8bd6e6, 0x8ea4398b45cd53c0, 0x91c3d373ab11c336, 0x94f4efa8fef70961,
	0x9837f0518db8a96f, 0x9b8d39b9d54e5538, 0x9ef5326091a111ad, 0xa27043030c496818,
	0xa5fed6a9b15138ea, 0xa9a15ab4ea7c0ef8, 0xad583eea42a14ac6, 0xb123f581d2ac258f,
	0xb504f333f9de6484, 0xb8fbaf4762fb9ee9, 0xbd08a39f580c36be, 0xc12c4cca66709456,
	0xc5672a115506dadd, 0xc9b9bd866e2f27a2, 0xce248c151f8480e3, 0xd2a81d91f12ae45a,
	0xd744fccad69d6af4, 0xdbfbb797daf23755, 0xe0ccdeec2a94e111, 0xe5b906e77c8348a8,
	0xeac0c6e7dd24392e, 0xefe4b99bdcdaf5cb, 0xf5257d152486cc2c, 0xfa83b2db722a033a,
	0xffffffffffffffff,
}

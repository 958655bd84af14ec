package advisor

import (
	"testing"

	"github.com/sqliteperf/sqliteperf/internal/predicate"
	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// TestSpare: of the indexes that a slower statement uses one answers for it, the one that gains least, and none where
// little is lost beside what is saved.
func TestSpare(t *testing.T) {
	for _, c := range []struct {
		name          string
		gains         [2]float64 // milliseconds
		before, after float64    // of the slower statement, in milliseconds
		uses          [2]bool
		want          [2]State
	}{
		{"much is lost", [2]float64{100, 50}, 10, 60, [2]bool{true, true}, [2]State{Proved, Rejected}},
		{"little is lost", [2]float64{100, 50}, 10, 15, [2]bool{true, true}, [2]State{Proved, Proved}},
		{"little is lost, and it takes thrice as long", [2]float64{100, 50}, 1, 3, [2]bool{true, true}, [2]State{Proved, Rejected}},
		{"the better one is used", [2]float64{100, 50}, 10, 60, [2]bool{true, false}, [2]State{Rejected, Proved}},
	} {
		t.Run(c.name, func(t *testing.T) {
			slow := &query{Query: Query{Digest: 1, ReadOnly: true, Calls: 1, Fingerprint: "slow"}, read: &predicate.Statement{}}
			s := &setProof{pass: &pass{queries: []*query{slow}}, proofs: map[*Recommendation]*proof{}}
			m := Measured{Digest: slow.hex(), Role: "target", SameRows: true, Verdict: string(trial.Slower)}
			m.Before.P50, m.After.P50 = c.before, c.after
			for i, gain := range c.gains {
				r := &Recommendation{gain: gain * 1e6, Type: "index"}
				p := &proof{pass: s.pass, rec: r, saved: gain, evidence: &Evidence{Queries: []Measured{{Digest: "fast", Role: "target", SameRows: true, Verdict: string(trial.Faster)}}}}
				if c.uses[i] {
					p.targets, p.evidence.Queries = []*query{slow}, append(p.evidence.Queries, m)
				}
				s.recs, s.proofs[r] = append(s.recs, r), p
			}
			s.spare()
			for i, r := range s.recs {
				if s.proofs[r].judge(nil); s.proofs[r].evidence.Verdict != c.want[i] {
					t.Errorf("index %d is %s: %v", i, s.proofs[r].evidence.Verdict, s.proofs[r].evidence.Reasons)
				}
			}
		})
	}
}

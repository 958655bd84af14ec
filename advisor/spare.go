package advisor

import (
	"cmp"
	"slices"

	"github.com/sqliteperf/sqliteperf/internal/trial"
)

const (
	// sparedLoss is the share of what an index saves that statements may lose which get slower with it.
	sparedLoss = 0.1

	// sparedTimes is how many times slower a statement may get at most.
	sparedTimes = 2
)

// spare decides which indexes answer for statements that got slower: where little is lost beside what is saved, none;
// else, of those that the statement uses, the one that gains least. Without it the others are replayed again.
func (s *setProof) spare() {
	gone := map[*Recommendation]bool{}
	for _, m := range s.slower() {
		used, touched := s.concerned(m.query)
		if len(used) == 0 {
			used = touched
		}
		var gain float64
		for _, r := range used {
			gain += r.gain
		}
		least := slices.MinFunc(used, func(a, b *Recommendation) int {
			switch { // what goes anyway may be all that was wrong
			case gone[a] && !gone[b]:
				return -1
			case gone[b] && !gone[a]:
				return 1
			}
			return cmp.Compare(a.gain, b.gain)
		})
		tolerable := m.loss <= sparedLoss*gain && m.times < sparedTimes
		for _, r := range append(used, touched...) {
			if r != least || tolerable {
				s.proofs[r].spare(m.hex())
			}
		}
		gone[least] = gone[least] || !tolerable
	}
}

// slowdown is a statement that only reads and got slower.
type slowdown struct {
	*query
	loss  float64 // nanoseconds per unit of traffic
	times float64
}

// slower lists them, each once.
func (s *setProof) slower() (list []slowdown) {
	seen := map[string]bool{}
	for _, r := range s.recs {
		for _, m := range s.proofs[r].evidence.Queries {
			if m.Verdict != string(trial.Slower) || seen[m.Digest] {
				continue
			}
			seen[m.Digest] = true
			for _, q := range s.queries {
				if q.hex() == m.Digest && q.ReadOnly {
					list = append(list, slowdown{q, max(q.Calls, 1) * (m.After.P50 - m.Before.P50) * 1e6, m.After.P50 / max(m.Before.P50, 1e-6)})
				}
			}
		}
	}
	return list
}

// spare notes that a statement's slowdown is not held against the change.
func (t *proof) spare(digest string) {
	if t.spared == nil {
		t.spared = map[string]bool{}
	}
	t.spared[digest] = true
}

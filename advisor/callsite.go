package advisor

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
)

// sitesShown bounds the call sites among the facts.
const sitesShown = 3

// callSites are the lines that made most of the calls.
func callSites(summaries ...*digest.Summary) []Fact {
	sum := &digest.Summary{}
	for _, s := range summaries {
		if s != nil {
			digest.Merge(sum, s)
		}
	}
	callers := slices.Clone(sum.Callers)
	slices.SortFunc(callers, func(a, b digest.Caller) int {
		return cmp.Or(cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.Site.String(), b.Site.String()))
	})
	var facts []Fact
	for _, c := range callers[:min(len(callers), sitesShown)] {
		facts = append(facts, Fact{Name: "called from", Value: float64(c.Calls), Unit: "calls", Text: fmt.Sprintf("%s %s", c.Site, c.Site.Function)})
	}
	return facts
}

// ended finds the summary of commits or rollbacks; it is empty where there were none.
func (t *traffic) ended(digests ...uint64) *digest.Summary {
	sum := &digest.Summary{}
	for _, s := range t.transactions {
		if slices.Contains(digests, s.Digest) {
			digest.Merge(sum, s)
		}
	}
	return sum
}

// busy counts the calls of statements that write which failed for a lock, and how long they and the transactions waited.
func (t *traffic) locked() (failed uint64, work digest.Work) {
	for _, s := range slices.Concat(t.statements, t.transactions) {
		if s.Kind == capture.KindStatement && s.Statement != nil && !s.Statement.ReadOnly {
			failed += s.Busy
		}
		work.LockWait += s.Work.LockWait
		work.Retries += s.Work.Retries
	}
	return failed, work
}

// share is a part of a whole, 0 of nothing.
func share(part, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

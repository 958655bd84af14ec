package prom

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sqliteperf/sqliteperf/internal/digest"
)

// digestKey is what one statement's series are told apart by.
type digestKey struct {
	database string
	digest   uint64
}

// digestTotals are what one statement cost so far.
type digestTotals struct {
	digestKey
	summary       string
	calls, errors uint64
	rows          int64
	time          time.Duration
}

// digestsKept bounds the statements that are added up, as a multiple of those that have series: one that
// grows costly should have been counted from its first call.
const digestsKept = 20

// addDigests adds up an interval. The cheapest statements beyond the bound are forgotten; should one
// come back, its counters begin anew, which Prometheus takes for a restart. The drain holds c.mu.
func (c *Collector) addDigests(summaries []*digest.Summary) {
	for _, s := range summaries {
		if s.Statement == nil {
			continue
		}
		key := digestKey{c.totalsOf(s.Database).database, s.Digest}
		t := c.digests[key]
		if t == nil {
			t = &digestTotals{digestKey: key, summary: text(s.Statement.Summary)}
			c.digests[key] = t
		}
		t.calls += s.Calls
		t.errors += s.Errors
		t.rows += s.Rows
		t.time += s.Total
	}
	if bound := digestsKept * c.config.Digests; len(c.digests) > bound {
		for _, t := range c.costliest()[bound:] {
			delete(c.digests, t.digestKey)
		}
	}
}

// costliest are the statements, the costliest first.
func (c *Collector) costliest() []*digestTotals {
	return slices.SortedFunc(maps.Values(c.digests), func(a, b *digestTotals) int {
		return cmp.Or(cmp.Compare(b.time, a.time), cmp.Compare(a.digest, b.digest), cmp.Compare(a.database, b.database))
	})
}

// digestMetrics adds the series of the costliest statements to list.
func (c *Collector) digestMetrics(list []prometheus.Metric) []prometheus.Metric {
	all := c.costliest()
	for _, t := range all[:min(c.config.Digests, len(all))] {
		labels := []string{t.database, fmt.Sprintf("%016x", t.digest), t.summary}
		list = append(list, counter(digestCallsTotal, t.calls, labels...), counter(digestErrorsTotal, t.errors, labels...),
			counter(digestTimeTotal, t.time.Seconds(), labels...), counter(digestRowsTotal, t.rows, labels...))
	}
	return list
}

package async

import (
	"cmp"
	"slices"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/sketch"
)

// Times are durations, in JSON in nanoseconds. Percentiles are within 1.1 %.
type Times struct {
	Latency
	Recent Latency `json:"recent"` // of this minute and the one before
}

// Latency sums up durations.
type Latency struct {
	Count uint64        `json:"count"`
	Mean  time.Duration `json:"mean_ns"`
	P50   time.Duration `json:"p50_ns"`
	P95   time.Duration `json:"p95_ns"`
	P99   time.Duration `json:"p99_ns"`
	Max   time.Duration `json:"max_ns"`
}

// timesOf reads the histograms since the beginning and of late.
func timesOf(h *[2]sketch.Histogram) Times { return Times{latencyOf(&h[0]), latencyOf(&h[1])} }

func latencyOf(h *sketch.Histogram) Latency {
	at := func(q float64) time.Duration {
		v, _ := h.Quantile(q)
		return time.Duration(v)
	}
	return Latency{
		Count: h.Count(), Mean: time.Duration(h.Sum() / int64(max(1, h.Count()))),
		P50: at(0.50), P95: at(0.95), P99: at(0.99), Max: time.Duration(h.Max()),
	}
}

// OperationStats is what the operations of one name did so far.
type OperationStats struct {
	Name       string  `json:"name"`
	InFlight   int     `json:"in_flight"`
	Completed  uint64  `json:"completed"` // without an error
	Failed     uint64  `json:"failed"`
	Cancelled  uint64  `json:"cancelled"`
	ErrorRate  float64 `json:"error_rate"` // of those that were not cancelled, 0 to 1
	Throughput float64 `json:"throughput"` // per second, in the last ten
	Times      Times   `json:"times"`
}

// Stats is an Optimizer at one moment. It does not change, and shares nothing with the Optimizer.
type Stats struct {
	At         time.Time        `json:"at"`
	Uptime     time.Duration    `json:"uptime_ns"`
	Operations []OperationStats `json:"operations"` // by name; those beyond Config.Names are "(other)"
	Pools      []PoolStats      `json:"pools"`      // the Optimizer's own first
	Batchers   []BatcherStats   `json:"batchers"`
	Composed   []ComposedStats  `json:"composed"` // of Operation[T]
	Limiters   []LimiterStats   `json:"limiters"`
	Breakers   []BreakerStats   `json:"breakers"`
	Bulkheads  []BulkheadStats  `json:"bulkheads"`
	Resources  []ResourceStats  `json:"resources"`
	Components []ComponentStats `json:"components"` // of Supervisors
	Runs       int              `json:"runs"`       // Runs and Gos that have begun and not ended
}

// Stats reads all parts, one after the other, while they work.
func (o *Optimizer) Stats() Stats {
	now := capture.Now()
	s := Stats{
		At: now.Time(), Uptime: time.Duration(now - o.began), Operations: o.names.stats(now), Runs: o.runs.count(),
		Pools: []PoolStats{}, Batchers: []BatcherStats{}, Composed: []ComposedStats{}, Limiters: []LimiterStats{},
		Breakers: []BreakerStats{}, Bulkheads: []BulkheadStats{}, Resources: []ResourceStats{}, Components: []ComponentStats{},
	}
	for _, p := range o.list() {
		p.report(&s)
	}
	return s
}

func (n *names) stats(now capture.Instant) []OperationStats {
	known := *n.known.Load()
	list := make([]OperationStats, 0, len(known))
	for _, op := range known {
		if s := op.stats(now); s.InFlight > 0 || s.Times.Count > 0 {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b OperationStats) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

func (op *named) stats(now capture.Instant) OperationStats {
	r := op.meter.read(now)
	began := op.meter.beginnings() // after the ends, so that none of those is missing
	return OperationStats{
		Name: op.name, InFlight: max(0, int(began)-int(r.total())), Completed: r.counts[succeeded], Failed: r.counts[failed],
		Cancelled: r.counts[cancelled], ErrorRate: r.errorRate(), Throughput: r.perSecond, Times: r.times,
	}
}

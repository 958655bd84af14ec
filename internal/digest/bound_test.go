package digest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// workload is 1000 events of n statements, a few of which run most, with log-normal times around
// 30 µs and a tail up to a second.
func workload(n int) []capture.Event {
	random := rand.New(rand.NewPCG(1, 2))
	statements := make([]*capture.Statement, n)
	for i := range statements {
		statements[i] = statement(i)
	}
	routes := make([]*capture.Scope, 20)
	for i := range routes {
		routes[i] = scope(fmt.Sprintf("GET /orders/%d/:id", i))
	}
	events := make([]capture.Event, 1000)
	for i := range events {
		total := time.Duration(30e3 * math.Exp(random.NormFloat64()*1.5))
		at := int(math.Pow(random.Float64(), 2) * float64(n))
		events[i] = capture.Event{Source: app, Statement: statements[at], Scope: routes[at%len(routes)], First: total / 2, Total: total}
	}
	return events
}

// heap is how much is reachable after a collection.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestMemoryIsBounded offers 10,000 fingerprints, each with times over six powers of ten, and
// holds the table with the statements it keeps to 32 MiB.
func TestMemoryIsBounded(t *testing.T) {
	const offered, bound = 10_000, 32 << 20
	random := rand.New(rand.NewPCG(1, 2))
	before := heap()
	table := NewTable(Config{})
	for n := range offered {
		st := statement(n)
		for range 100 {
			total := time.Duration(math.Pow(10, 3+6*random.Float64()))
			table.Add([]capture.Event{{Source: app, Statement: st, First: total / 2, Total: total}})
		}
	}
	used := heap() - before
	t.Logf("%d fingerprints offered, %d live: %.1f MiB", offered, len(table.live), float64(used)/(1<<20))
	if int64(used) > bound {
		t.Errorf("%d bytes used, want at most %d", used, bound)
	}
	var calls uint64
	for _, s := range table.Take() {
		calls += s.Calls
	}
	if calls != offered*100 {
		t.Errorf("%d calls summed up, want %d", calls, offered*100)
	}
}

func TestManySourcesFoldIntoOne(t *testing.T) {
	table := NewTable(Config{Digests: 64})
	for n := range 5000 {
		source := &capture.Source{ID: uint32(n + 1)}
		table.Add([]capture.Event{{Source: source, Statement: statement(1), Total: 5}, {Source: source, Kind: capture.KindTransaction, Total: 1}})
		if len(table.live) > 65 {
			t.Fatalf("%d summaries live after %d sources", len(table.live), n)
		}
	}
	for _, s := range table.Take() {
		if s.Key == (Key{Kind: capture.KindStatement}) && s.Name == OtherName && s.Database == nil && s.Calls > 4000 {
			return
		}
	}
	t.Error("no summary of other statements of all sources")
}

func BenchmarkAdd(b *testing.B) {
	for _, digests := range []int{1, 200} {
		b.Run(fmt.Sprint("digests=", digests), func(b *testing.B) {
			events := workload(digests)
			table := NewTable(Config{})
			b.ReportAllocs()
			for b.Loop() {
				table.Add(events)
			}
			b.ReportMetric(float64(b.N*len(events))/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkNewDigests is the worst case: no event's statement was seen before.
func BenchmarkNewDigests(b *testing.B) {
	statements := make([]*capture.Statement, 100_000)
	for i := range statements {
		statements[i] = statement(i)
	}
	table := NewTable(Config{})
	for i := 0; b.Loop(); i++ {
		table.Add([]capture.Event{{Source: app, Statement: statements[i%len(statements)], Total: time.Duration(i % 1000)}})
	}
}

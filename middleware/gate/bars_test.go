package gate

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"
)

// tuning are the seeds that the law was made with, others those that it had not seen.
var (
	tuning = []uint64{1, 2, 3, 4, 5}
	others = []uint64{101, 102, 103, 104, 105}
)

var report = flag.Bool("report", false, "print the table of all controls in TestReport")

var (
	step      = scenario{name: "step to 3×", load: 3}
	stalling  = scenario{name: "step to 3×, process stalls", load: 3, stalls: true}
	quarter   = scenario{name: "capacity falls to ¼: 1 of 4 workers", load: 0.8, workers: 1}
	slower    = scenario{name: "capacity falls to ¼: work takes 40 ms", load: 0.8, service: 4 * service}
	steady    = scenario{name: "steady 0.8×", load: 0.8}
	bursty    = scenario{name: "0.5× and bursts of 30 each second", load: 0.5, burst: 30}
	dependent = scenario{name: "dependency 10 → 80 ms, no queue", load: 0.8, workers: -1, service: 8 * service}
	mixed     = scenario{name: "10 % high priority at 3×", load: 3, high: 0.1}
	depStalls = scenario{name: "dependency 10 → 80 ms, process stalls", load: 0.8, workers: -1, service: 8 * service, stalls: true}
)

// TestBars holds the Gate to what it is for, with each seed.
func TestBars(t *testing.T) {
	for _, bar := range []struct {
		scenario
		check func(t *testing.T, s score)
	}{
		{step, func(t *testing.T, s score) {
			least(t, "goodput", s.goodput(capacity), 0.98)
			least(t, "worst second", s.worst(capacity), 0.75)
			most(t, "p99 in objectives", s.p99(), 1)
		}},
		{quarter, func(t *testing.T, s score) { least(t, "goodput", s.goodput(capacity/4), 0.93) }},
		{steady, func(t *testing.T, s score) { most(t, "rejected", s.rejectedShare(), 0.006) }},
		{bursty, func(t *testing.T, s score) { most(t, "rejected", s.rejectedShare(), 0.065) }},
		{dependent, func(t *testing.T, s score) { least(t, "served", s.servedShare(), 0.90) }},
		{mixed, func(t *testing.T, s score) {
			least(t, "high in time", float64(s.inTime[High])/float64(s.offered[High]), 0.97)
			least(t, "goodput", s.goodput(capacity), 0.98)
		}},
	} {
		for name, seeds := range map[string][]uint64{"tuning": tuning, "others": others} {
			t.Run(bar.name+"/"+name, func(t *testing.T) {
				for _, s := range scores(t, bar.scenario, seeds, makeGate) {
					bar.check(t, s)
				}
			})
		}
	}
}

// TestBarWithStalls compares with the best of all bulkheads, which nobody would know beforehand.
func TestBarWithStalls(t *testing.T) {
	for name, seeds := range map[string][]uint64{"tuning": tuning, "others": others} {
		t.Run(name, func(t *testing.T) {
			ours := scores(t, stalling, seeds, makeGate)
			_, best := bestBulkhead(t, stalling, seeds, capacity)
			for i, s := range ours {
				least(t, "goodput of the best bulkhead's", s.goodput(capacity)/best[i].goodput(capacity), 0.95)
			}
		})
	}
}

// bestBulkhead is the size with the highest mean goodput.
func bestBulkhead(t *testing.T, sc scenario, seeds []uint64, c float64) (size int, best []score) {
	t.Helper()
	highest := -1.0
	for _, n := range []int{4, 5, 6, 8, 10, 12, 14, 16, 20, 26} {
		all := scores(t, sc, seeds, makeBulkhead(n))
		total := 0.0
		for _, s := range all {
			total += s.goodput(c)
		}
		if total > highest {
			size, best, highest = n, all, total
		}
	}
	return size, best
}

func least(t *testing.T, what string, got, want float64) {
	t.Helper()
	if got < want {
		t.Errorf("%s is %.4f, want at least %.4f", what, got, want)
	}
}

func most(t *testing.T, what string, got, want float64) {
	t.Helper()
	if got > want {
		t.Errorf("%s is %.4f, want at most %.4f", what, got, want)
	}
}

// TestReport prints how the Gate compares: go test -run Report -v -report. It only checks that something was measured.
func TestReport(t *testing.T) {
	if !*report {
		t.Skip("-report is not set")
	}
	fmt.Println("| scenario | seeds | control | goodput min (mean) | worst second | p99 / objective | rejected | served | high in time |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|")
	for _, sc := range []scenario{step, stalling, quarter, slower, steady, bursty, dependent, depStalls, mixed} {
		for _, seeds := range [][]uint64{tuning, others} {
			c := possible(sc)
			size, _ := bestBulkhead(t, sc, seeds, c)
			for _, row := range []struct {
				name string
				make maker
			}{
				{"gate", makeGate}, {"none", makeOpen}, {fmt.Sprintf("bulkhead %d, the best", size), makeBulkhead(size)}, {"failsafe-go", makeFailsafe},
			} {
				print(t, sc, seeds, row.name, c, scores(t, sc, seeds, row.make))
			}
		}
	}
}

// possible is what could be answered per second.
func possible(sc scenario) float64 {
	switch {
	case sc.workers < 0:
		return sc.load * capacity
	case sc.workers == 1 || sc.service == 4*service:
		return capacity / 4
	}
	return min(sc.load, 1) * capacity
}

// print is one row: the worst of the seeds.
func print(t *testing.T, sc scenario, seeds []uint64, control string, c float64, all []score) {
	good, mean, worst, p99, rejected, served, high := 99.0, 0.0, 99.0, 0.0, 0.0, 1.0, 1.0
	for _, s := range all {
		if sum(s.offered) == 0 {
			t.Fatal("nothing was offered")
		}
		mean += s.goodput(c) / float64(len(all))
		good, worst, p99 = min(good, s.goodput(c)), min(worst, s.worst(c)), max(p99, s.p99())
		rejected, served = max(rejected, s.rejectedShare()), min(served, s.servedShare())
		if s.offered[High] > 0 {
			high = min(high, float64(s.inTime[High])/float64(s.offered[High]))
		}
	}
	highs := fmt.Sprintf("%.1f %%", 100*high)
	if sc.high == 0 {
		highs = "–"
	}
	set := strings.Trim(fmt.Sprint(seeds[0], "–", seeds[len(seeds)-1]), "[]")
	fmt.Printf("| %s | %s | %s | %.1f %% (%.1f %%) | %.0f %% | %.2f | %.2f %% | %.1f %% | %s |\n",
		sc.name, set, control, 100*good, 100*mean, 100*worst, p99, 100*rejected, 100*served, highs)
}

// TestSimulationIsFair: without control and overload all is answered, and a queue cannot do more than its workers.
func TestSimulationIsFair(t *testing.T) {
	for _, s := range scores(t, steady, tuning, makeOpen) {
		least(t, "served", s.servedShare(), 1)
	}
	for _, s := range scores(t, step, tuning, makeBulkhead(64)) {
		most(t, "served per second", float64(sum(s.served))/(loaded+patience).Seconds(), 1.03*capacity)
		if s.offered[Ordinary] < int(2.8*capacity*loaded.Seconds()) {
			t.Errorf("only %d offered", s.offered[Ordinary])
		}
	}
	if objective != 100*time.Millisecond {
		t.Error("the bars are for 100ms")
	}
}

package request

import (
	"cmp"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// RepeatedConfig has the thresholds of what a request does again and again: N2, N3, N9.
type RepeatedConfig struct {
	CycleLongest   int           // statements of one round; default 8
	CycleRounds    int           // back to back; default 3: two may be chance
	CycleSum       time.Duration // of all rounds; default 50ms, half of what is felt as immediate
	Duplicates     int           // executions with the same arguments; default 3: one may be unaware of another
	DuplicatesMany int           // that are worth a warning; default 10
	DuplicatesSum  time.Duration // or this long; default 50ms
	Calls          int           // of the same outgoing name in a request; default 5, as of N1
}

func (c RepeatedConfig) withDefaults() RepeatedConfig {
	c.CycleLongest, c.CycleRounds, c.CycleSum = cmp.Or(c.CycleLongest, 8), cmp.Or(c.CycleRounds, 3), cmp.Or(c.CycleSum, 50*time.Millisecond)
	c.Duplicates, c.DuplicatesMany = cmp.Or(c.Duplicates, 3), cmp.Or(c.DuplicatesMany, 10)
	c.DuplicatesSum, c.Calls = cmp.Or(c.DuplicatesSum, 50*time.Millisecond), cmp.Or(c.Calls, 5)
	return c
}

// cycle is N2: two to eight statements that come back to back, round after round, which is the body of a loop: each can be one statement
// for all rounds. Below 50 ms in all nobody gains by it. A round that failed for a lock is being tried again, and begins a new count.
// Where all statements of the round are loops over rows by themselves, N1 has said more.
type cycle struct{}

func (cycle) detect(w *watching) {
	c := &w.config.Repeated
	for from := 0; from < len(w.steps); {
		period, length := w.longestCycle(from)
		if length == 0 {
			from++
			continue
		}
		var sum time.Duration
		for _, s := range w.steps[from : from+length] {
			sum += s.took()
		}
		if sum >= c.CycleSum && !w.explained(from, period) {
			w.sayCycle(from, period, length, sum)
		}
		from += length
	}
}

// longestCycle is the shortest round that begins at a step and is repeated often enough, with the length of all rounds; 0 if there is none.
func (w *watching) longestCycle(from int) (period, length int) {
	c := &w.config.Repeated
	for period = 2; period <= c.CycleLongest && from+period*c.CycleRounds <= len(w.steps); period++ {
		n := period
		for from+n < len(w.steps) && w.same(from+n, from+n-period) {
			n++
		}
		if rounds := n / period; rounds >= c.CycleRounds && w.several(from, period) && w.sound(from, rounds*period) {
			return period, rounds * period
		}
	}
	return 0, 0
}

// same says whether two steps ran the same fingerprint, the later one not beside the one before it.
func (w *watching) same(i, j int) bool {
	return w.steps[i].group == w.steps[j].group && w.steps[i].start >= w.steps[i-1].end && w.groups[w.steps[i].group].statement != nil
}

// several says whether a round has two fingerprints: of one, N1 and N3 tell.
func (w *watching) several(from, period int) bool {
	for _, s := range w.steps[from+1 : from+period] {
		if s.group != w.steps[from].group {
			return true
		}
	}
	return false
}

// sound says whether no step of them failed for a lock.
func (w *watching) sound(from, length int) bool {
	for _, s := range w.steps[from : from+length] {
		if s.failed {
			return false
		}
	}
	return true
}

// explained says whether N1 has spoken of all queries of a round.
func (w *watching) explained(from, period int) bool {
	for _, s := range w.steps[from : from+period] {
		if !w.said(NPlusOne, &w.groups[s.group]) {
			return false
		}
	}
	return true
}

func (w *watching) sayCycle(from, period, length int, sum time.Duration) {
	var list []*capture.Statement
	var about uint64
	for _, s := range w.steps[from : from+period] {
		statement := w.groups[s.group].statement
		list = append(list, statement)
		about = about*31 + statement.Digest
	}
	first := &w.groups[w.steps[from].group]
	w.say(signal{code: Cycle, level: Warning, about: about, Evidence: Evidence{
		Statements: list, Repeated: first.statement, Site: first.site, database: first.source, Count: length / period, Sum: sum,
		Value: float64(sum.Microseconds()) / 1000, Threshold: float64(w.config.Repeated.CycleSum.Microseconds()) / 1000, Unit: "ms",
	}})
}

package advisor

import (
	"math"
	"time"
)

// What statements have to do with a change.
const (
	roleTarget  = "target"  // the change is for it
	roleOther   = "other"   // reads what was changed
	roleWrite   = "write"   // writes it
	roleControl = "control" // does neither: tells how the machine was
)

// slot is what one statement cost in one span of time.
type slot struct {
	at       int // number of the slot within its window
	calls    uint64
	p50, p95 float64 // nanoseconds
}

// series is one statement's traffic in the window before a change and in the one after.
type series struct {
	digest, fingerprint string
	role                string
	before, after       []slot
	total               time.Duration // of the calls after
}

// comparison is what live traffic says about a change at one moment.
type comparison struct {
	statements []*series
	controls   int
	absent     int // touched statements of the day before that are in neither window
	baseline   string
	slot       time.Duration
}

func p50Of(s slot) (float64, bool) { return s.p50, s.calls >= p50Calls && s.p50 > 0 }
func p95Of(s slot) (float64, bool) { return s.p95, s.calls >= p95Calls && s.p95 > 0 }

// control is by how much the statements that the change does not touch were off their usual time in
// each slot, the median of them, as a logarithm. controlled says whether half of the slots have one.
func (c *comparison) control(get func(slot) (float64, bool)) (before, after map[int]float64, controlled bool) {
	offBefore, offAfter := map[int][]float64{}, map[int][]float64{}
	all := [2]map[int]bool{{}, {}}
	for _, s := range c.statements {
		for i, side := range [][]slot{s.before, s.after} {
			for _, sl := range side {
				all[i][sl.at] = true
			}
		}
		values := logs(s.before, get, nil)
		if s.role != roleControl || len(values) < leastSlots {
			continue
		}
		usual := medianOf(values)
		addOff(offBefore, s.before, get, usual)
		addOff(offAfter, s.after, get, usual)
	}
	controlled = 2*len(offBefore) >= len(all[0]) && 2*len(offAfter) >= len(all[1]) && len(offAfter) >= leastSlots
	if !controlled {
		return nil, nil, false
	}
	return medians(offBefore), medians(offAfter), true
}

func addOff(off map[int][]float64, side []slot, get func(slot) (float64, bool), usual float64) {
	for _, s := range side {
		if v, ok := get(s); ok {
			off[s.at] = append(off[s.at], math.Log(v)-usual)
		}
	}
}

func medians(off map[int][]float64) map[int]float64 {
	out := map[int]float64{}
	for at, values := range off {
		out[at] = medianOf(values)
	}
	return out
}

// logs are the values of the slots, less the control's. Where there are controls, a slot without is
// left out.
func logs(side []slot, get func(slot) (float64, bool), control map[int]float64) []float64 {
	var values []float64
	for _, s := range side {
		off, known := control[s.at]
		if v, ok := get(s); ok && (known || control == nil) {
			values = append(values, math.Log(v)-off)
		}
	}
	return values
}

func callsIn(side []slot) (n uint64) {
	for _, s := range side {
		n += s.calls
	}
	return n
}

// middleOf is the median over the slots, in milliseconds.
func middleOf(side []slot, get func(slot) (float64, bool)) float64 {
	var values []float64
	for _, s := range side {
		if v, ok := get(s); ok {
			values = append(values, v/1e6)
		}
	}
	return medianOf(values)
}

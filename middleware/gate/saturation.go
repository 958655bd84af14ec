package gate

import (
	"math"
	"time"
)

// saturation finds out whether latency depends on how much is in flight. A queue in front of something
// busy does: with less in flight, as much is completed, only sooner. A dependency that answers slowly,
// however few ask, does not: with less in flight, less is completed, and shedding only does harm.
type saturation struct {
	levels  [levels]level
	before  level         // the last before probation
	during  []level       // readings of probation
	last    level         // the last reading noted
	useless int           // readings in a row that shedding did not help
	since   time.Duration // the probation began
	longest time.Duration // latency met in probation
	good    int           // readings in time, in a row
	slower  int           // readings in a row, of a slow dependency
	refusal time.Duration // the last
	refused int64         // no probation before that; nanoseconds of Gate.now
	slow    float64       // seconds that a slow dependency takes; 0 if there is none
}

// level is what was completed with about so much in flight.
type level struct {
	inFlight, throughput float64 // averaged
	readings             float64
	at                   int64 // of the last reading
}

const (
	levels         = 44               // half octaves of what is in flight, from a half on
	levelAge       = 10 * time.Second // what was longer ago was another time
	smoothing      = 0.3              // of the readings of a level: a single one is some 16 % off
	memory         = 3 * time.Second  // of what could be done
	mostWeight     = 2                // readings of a level that count
	leastReadings  = 3                // of a level that is known
	leastWeight    = 4                // two levels twice
	leastSpread    = 0.35             // standard deviation of ln(in flight): a factor of 2 between the ends
	elasticFrom    = 0.6              // 1 is a slow dependency, 0 a saturated one
	futileFrom     = 2.5              // p90 in targets: what Little's law leaves is rarely above 2
	futileReadings = 5                // in a row
	clearly        = 1.5              // less in flight: an octave or so of levels
	grownFrom      = 0.5              // of the growth in flight must show in completions for probation to be passed
	probeFactor    = 3                // times the limit in probation: enough to see, and for load too little to harm
	probeWindows   = 4                // of which the first still shows what was before
	probeMost      = 20               // then what did not grow in flight did no harm either
	leastGrowth    = 0.3              // of ln(in flight): less shows nothing
	refuseFirst    = 2 * time.Second  // after a probation was revoked, twice as long each time
	refuseMost     = 20 * time.Second
	slowerReadings = 3  // in a row, for one alone may be chance
	recoverWindows = 10 // in time, in a row, until a slow dependency counts as recovered
	slowFactor     = 2  // what a slow dependency may take of what it took in probation
)

// note adds a reading whose load was up to the Gate.
func (s *saturation) note(at int64, r reading) {
	p := pointOf(r)
	l := &s.levels[min(max(int(math.Round(2*math.Log2(p.inFlight)))+2, 0), levels-1)]
	if at-l.at > int64(levelAge) {
		*l = level{}
	}
	l.readings++
	weight := max(smoothing, 1/l.readings)
	l.inFlight += (p.inFlight - l.inFlight) * weight
	l.throughput += (p.throughput - l.throughput) * weight
	l.at = at
	s.last = p
}

func pointOf(r reading) level {
	return level{inFlight: max(r.inFlight, 0.1), throughput: max(r.throughput(), 0.1)}
}

// refuse allows no probation for a while.
func (s *saturation) refuse(at int64) {
	s.refusal = min(max(2*s.refusal, refuseFirst), refuseMost)
	s.refused = at + int64(s.refusal)
}

// takes is how many seconds work takes on average, by Little's law.
func (l level) takes() float64 { return l.inFlight / l.throughput }

// recover forgets, for work is in time.
func (s *saturation) recover() { s.levels, s.useless = [levels]level{}, 0 }

// elastic says that completions follow what is in flight.
func (s *saturation) elastic(at int64) bool {
	var fit fit
	for _, l := range s.levels {
		if l.readings > 0 && at-l.at <= int64(levelAge) {
			fit.add(math.Log(l.inFlight), math.Log(l.throughput), min(l.readings, mostWeight))
		}
	}
	slope, spread := fit.slope()
	return fit.n >= leastWeight && spread >= leastSpread && slope >= elasticFrom
}

// futile says that work stayed far too late although what was cut has left.
func (s *saturation) futile() bool { return s.useless >= futileReadings }

// helped counts how often shedding did not help. bound is the limit it was done by.
func (s *saturation) helped(r reading, bound float64) {
	if r.p90 >= futileFrom && r.inFlight <= 1.2*bound {
		s.useless++
	} else {
		s.useless = 0
	}
}

// unqueued says that work takes no longer than it does with clearly less in flight: there is nothing to cut.
func (s *saturation) unqueued(at int64) bool {
	least := math.Inf(1)
	for _, l := range s.levels {
		if l.readings >= 2 && at-l.at <= int64(levelAge) && l.inFlight*clearly <= s.last.inFlight {
			least = min(least, l.takes())
		}
	}
	return s.last.takes() <= clearly/1.15*least && !math.IsInf(least, 1)
}

// fit is a line by weighted least squares.
type fit struct{ n, x, y, xx, xy float64 }

func (f *fit) add(x, y, weight float64) {
	f.n += weight
	f.x, f.y = f.x+weight*x, f.y+weight*y
	f.xx, f.xy = f.xx+weight*x*x, f.xy+weight*x*y
}

// slope is dy/dx, and the standard deviation of x.
func (f *fit) slope() (slope, spread float64) {
	variance := f.xx/f.n - f.x/f.n*f.x/f.n
	if f.n < 2 || !(variance > 1e-9) {
		return 0, 0
	}
	return (f.xy/f.n - f.x/f.n*f.y/f.n) / variance, math.Sqrt(variance)
}

// most is the highest throughput of the last reading and of levels that are known: what could be done a
// moment ago. A limit made of the last
// reading alone would strangle itself, for fewer in flight complete less and allow still fewer.
func (s *saturation) most(at int64) (m float64) {
	m = s.last.throughput
	for _, l := range s.levels {
		if l.inFlight > s.last.inFlight && at-l.at <= int64(memory) && l.readings >= leastReadings {
			m = max(m, l.throughput)
		}
	}
	return m
}

// begin begins a probation.
func (s *saturation) begin() {
	s.before = s.last
	s.during, s.since, s.longest = s.during[:0], 0, 0
	s.recover()
}

func mean(points []level) (m level) {
	for _, p := range points {
		m.inFlight += p.inFlight / float64(len(points))
		m.throughput += p.throughput / float64(len(points))
	}
	return m
}

// probe watches the limit lifted, and judges when enough was seen: four readings, and twice as long as
// work takes, for what was admitted must have been able to complete.
func (l *law) probe(at int64, r reading, late bool) Reason {
	s := &l.test
	s.during = append(s.during, pointOf(r))
	s.since += r.elapsed
	s.longest = max(s.longest, time.Duration(r.p90*float64(r.target)))
	if len(s.during) < probeWindows || s.since < 2*s.longest && len(s.during) < probeMost {
		return Probing
	}
	after := mean(s.during[1:])
	grown := math.Log(after.inFlight / s.before.inFlight)
	if grown < leastGrowth && len(s.during) < probeMost {
		return Probing
	}
	if !late {
		l.state = Normal
		return l.grow(at, r)
	}
	if grown >= leastGrowth && math.Log(after.throughput/s.before.throughput) < grownFrom*grown {
		l.state = Shedding
		s.refuse(at)
		l.limit = l.little(after.throughput, r.target)
		return Revoked
	}
	l.state, s.good, s.slower, s.refusal = Normal, 0, 0, 0
	s.slow = min(s.before.takes(), after.takes())
	l.limit = l.ceiling()
	return SlowDependency
}

// accept lets a slow dependency be, as long as it gets no slower. Twice as slow is overload again.
func (l *law) accept(at int64, r reading, late bool) Reason {
	s := &l.test
	if late {
		s.good = 0
	} else if s.good++; s.good >= recoverWindows {
		return l.withdraw()
	}
	if pointOf(r).takes() <= slowFactor*s.slow {
		s.slower = 0
	} else if s.slower++; s.slower >= slowerReadings {
		l.withdraw()
		return l.shed(at, r)
	}
	l.state = Normal
	l.limit = min(l.limit*1.1+1, l.ceiling())
	return Tolerated
}

// withdraw ends what was made of a slow dependency.
func (l *law) withdraw() Reason {
	l.state, l.test.slow = Normal, 0
	l.test.recover()
	return Recovered
}

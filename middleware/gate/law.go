package gate

import (
	"math"
	"time"
)

// State says what the Gate is doing.
type State uint8

// The states.
const (
	Normal    State = iota // the limit is, or grows to, all there may be
	Shedding               // work takes too long: the limit follows Little's law
	Probation              // shedding seems not to help: the limit is lifted to see
)

var stateNames = [...]string{"normal", "shedding", "probation"}

// String is the state's name.
func (s State) String() string { return stateNames[min(int(s), len(stateNames)-1)] }

// MarshalText is the state's name, also in JSON.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// law moves the limit, one reading after the other. It knows no clock and no traffic.
type law struct {
	config Config
	limit  float64
	usual  float64 // in flight while all is well, averaged
	state  State
	late   bool // the last reading
	test   saturation
}

func newLaw(c Config) law {
	l := law{config: c}
	l.limit = l.ceiling()
	return l
}

// leastCeiling lets bursts pass that usual traffic says nothing about.
const leastCeiling = 64

// ceiling is what the limit may grow to.
func (l *law) ceiling() float64 {
	if l.config.Max > 0 {
		return float64(l.config.Max)
	}
	return min(max(leastCeiling, 10*l.usual), mostLimit)
}

// judge moves the limit by a reading and says why.
func (l *law) judge(at int64, r reading) Reason {
	late := r.slow*10 > r.samples
	switch {
	case l.state == Probation:
		return l.probe(at, r, late)
	case l.test.slow > 0:
		return l.accept(at, r, late)
	case late:
		return l.shed(at, r)
	}
	return l.grow(at, r)
}

// grow gives room again.
func (l *law) grow(at int64, r reading) Reason {
	l.late = false
	if r.rejected > 0 {
		l.test.note(at, r)
	} else {
		l.state = Normal
		l.usual += (r.inFlight - l.usual) * min(r.elapsed.Seconds()/usualOver, 1)
	}
	l.limit = min(l.limit*1.1+1, l.ceiling())
	return InTime
}

// usualOver is how many seconds "usual" averages: longer than a burst, shorter than a morning.
const usualOver = 30.0

// shed takes what Little's law says can be done in time, unless shedding does not help.
func (l *law) shed(at int64, r reading) Reason {
	first := !l.late
	l.late = true
	l.state = Shedding
	l.test.note(at, r)
	l.test.helped(r, l.limit)
	if (l.test.elastic(at) || l.test.futile()) && at >= l.test.refused {
		l.state = Probation
		l.test.begin()
		l.limit = min(probeFactor*l.limit, l.ceiling())
		return Elastic
	}
	if l.test.unqueued(at) {
		l.limit = min(l.limit*1.1+1, l.ceiling())
		return Elastic
	}
	limit := l.little(l.test.most(at)*(1-r.standing), r.target) // the client's clock goes on meanwhile
	if first && r.p90 <= mild && float64(r.peak) <= mildPeak*limit {
		return Late
	}
	l.limit = limit
	return Late
}

// What may be chance is only cut for if the next reading is late too: a p90 of so many targets, while never
// more was in flight than so many times the limit that would be. Twice that takes as long as the objective. Without
// it, a steady load of 0.8 has 0.8 % rejected; without its bound, the first second of an overload is lost.
const (
	mild     = 1.5
	mildPeak = 2.0
)

// little is how much may be in flight for work to take as long as target, never more than before.
func (l *law) little(throughput float64, target time.Duration) float64 {
	return math.Max(1, math.Min(throughput*target.Seconds(), l.limit))
}

// idle gives room when there is too little traffic to judge by.
func (l *law) idle(at int64, r reading) Reason {
	if l.state == Probation {
		return l.withdraw()
	}
	if l.test.slow > 0 {
		l.limit = l.ceiling()
		return Idle
	}
	l.grow(at, r)
	return Idle
}

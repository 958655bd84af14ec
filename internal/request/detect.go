package request

import "time"

// detector looks at one finished request, or at its route, and says what it sees by watching.say.
type detector interface{ detect(w *watching) }

// detectors look at each request. The order matters where one leaves to another what that has said.
var detectors = []detector{
	nPlusOne{}, cycle{}, duplicate{}, parallelizable{}, slowQuery{}, bigResult{}, nPlusOneAPI{}, consecutiveHTTP{}, largePayload{}, txHeld{},
}

// routeDetectors look at what a route's requests have in common.
var routeDetectors = []detector{chatty{}, dbShare{}, slowRoute{}}

// watching is a request while detectors look at it.
type watching struct {
	*observation
	route   *route
	config  *Config
	usage   *usage
	signals []signal
	median  time.Duration // of the route, once it was asked for
}

// signal is what a detector saw in one request.
type signal struct {
	code    Code
	level   Level
	about   uint64 // what of the route it is about, such as a digest
	settled bool   // it rests on many requests already
	suspect bool   // it opens only once the count is known to follow the data
	Evidence
}

func (w *watching) say(s signal) { w.signals = append(w.signals, s) }

// p50 is the median of the route.
func (w *watching) p50() time.Duration {
	if w.median == 0 {
		w.median = w.route.p50()
	}
	return w.median
}

// said tells whether a detector has spoken of a group as a loop over rows.
func (w *watching) said(code Code, g *group) bool {
	for i := range w.signals {
		if s := &w.signals[i]; s.code == code && s.Linked && g.statement != nil && s.about == g.statement.Digest {
			return true
		}
	}
	return false
}

// share is a part of a whole, 0 of nothing.
func share[T time.Duration | int64 | uint64 | int](part, whole T) float64 {
	if whole <= 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

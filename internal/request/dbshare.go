package request

import "time"

// dbShare is N7: most of a slow route's time is that of its statements, overlaps counted once. It says where to look: nothing outside
// of the database can make the route much faster.
type dbShare struct{}

func (dbShare) detect(w *watching) {
	c, window := &w.config.Volume, w.config.Window
	n := w.route.requests.sum(w.route.last, window)
	busy, total := w.route.busy.sum(w.route.last, window), w.route.total.sum(w.route.last, window)
	part := share(busy, total)
	if n < c.ShareOver || part < c.Share || w.p50() < c.ShareP50 {
		return
	}
	w.say(signal{code: DBShare, settled: true, Evidence: Evidence{
		Sum: time.Duration(busy / max(n, 1)), Value: part, Threshold: c.Share, Unit: "of the time",
	}})
}

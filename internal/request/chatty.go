package request

import (
	"cmp"
	"time"
)

// VolumeConfig has the thresholds of how much a request does or moves: N6, N7, N8, N11.
type VolumeConfig struct {
	Requests   uint64        // that a route's median of statements rests on; default 20
	Chatty     int64         // statements of the median request; default 50: at 20 µs on their way, a millisecond
	VeryChatty int64         // that are worth a warning; default 100
	Share      float64       // of the requests' time in statements; default 0.6: below, there is more to gain elsewhere
	ShareOver  uint64        // requests; default 100
	ShareP50   time.Duration // of the route; default 100ms: what is felt as immediate (Nielsen 1993)
	Rows       int64         // of one statement; default 1000: no page shows more
	Small      int64         // bytes of an answer that is small beside them; default 10 kB
	Large      int64         // bytes of an answer before compression; default 300 kB: a second at 2.4 Mbit/s
	VeryLarge  int64         // that are worth a warning; default 1 MB
	LargeTook  time.Duration // that it took at least; default 100ms
}

func (c VolumeConfig) withDefaults() VolumeConfig {
	c.Requests, c.Chatty, c.VeryChatty = cmp.Or(c.Requests, 20), cmp.Or(c.Chatty, 50), cmp.Or(c.VeryChatty, 100)
	c.Share, c.ShareOver, c.ShareP50 = cmp.Or(c.Share, 0.6), cmp.Or(c.ShareOver, 100), cmp.Or(c.ShareP50, 100*time.Millisecond)
	c.Rows, c.Small = cmp.Or(c.Rows, 1000), cmp.Or(c.Small, 10_000)
	c.Large, c.VeryLarge, c.LargeTook = cmp.Or(c.Large, 300_000), cmp.Or(c.VeryLarge, 1_000_000), cmp.Or(c.LargeTook, 100*time.Millisecond)
	return c
}

// chatty is N6: the median request of a route runs more than 50 statements. Each costs its way through database/sql, and each is one
// more chance to wait for a connection. The median, so that a rare long request is no matter.
type chatty struct{}

func (chatty) detect(w *watching) {
	c := &w.config.Volume
	p50, n := w.route.queries.quantile(0.5)
	if n < c.Requests || p50 <= c.Chatty {
		return
	}
	level := Info
	if p50 > c.VeryChatty {
		level = Warning
	}
	w.say(signal{code: Chatty, level: level, settled: true, Evidence: Evidence{
		Count: int(w.Statements), Median: int(p50), Value: float64(p50), Threshold: float64(c.Chatty), Unit: "statements",
	}})
}

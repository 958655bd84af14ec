package request

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// LifecycleConfig has the thresholds of what outlives or escapes its request: N13 to N16.
type LifecycleConfig struct {
	Wait       time.Duration // for a connection, on average of those who wait; default 50ms
	WaitShare  float64       // of the requests' time, or of the checkouts that wait; default 0.1
	WaitOften  float64       // checkouts that wait for Wait to count; default 0.05: then it is the 95th percentile
	Held       time.Duration // transaction without a statement; default 200ms: half of SQLite's first ten tries for a lock are over
	Lost       float64       // share of the database's time that belongs to no request; default 0.05
	LostAfter  uint64        // requests in the window; default 20
	LateShare  float64       // requests with a statement after their end; default 0.01
	SitesShown int           // lines of lost statements; default 3, of at most 64 counted
}

func (c LifecycleConfig) withDefaults() LifecycleConfig {
	c.Wait, c.WaitShare, c.WaitOften = cmp.Or(c.Wait, 50*time.Millisecond), cmp.Or(c.WaitShare, 0.1), cmp.Or(c.WaitOften, 0.05)
	c.Held, c.Lost, c.LostAfter = cmp.Or(c.Held, 200*time.Millisecond), cmp.Or(c.Lost, 0.05), cmp.Or(c.LostAfter, 20)
	c.LateShare, c.SitesShown = cmp.Or(c.LateShare, 0.01), cmp.Or(c.SitesShown, 3)
	return c
}

// sitesKept bounds the lines counted whose statements belong to no request.
const sitesKept = 64

// lost counts statements that belong to no request. It is N15: where they are a twentieth of the database's time, figures per route miss
// that much, and a request that is cancelled does not cancel them. Work in the background belongs to no request rightly: the lines tell.
type lost struct {
	config  Config
	in, out sliding // nanoseconds
	half    int64
	now     map[*capture.Site]SiteTime
	before  map[*capture.Site]SiteTime
}

func newLost(c Config) lost {
	return lost{config: c, now: map[*capture.Site]SiteTime{}, before: map[*capture.Site]SiteTime{}}
}

func (l *lost) attributed(ev *capture.Event, now capture.Instant) {
	l.in.add(now, l.config.Window, uint64(max(ev.Total, 0)))
}

func (l *lost) add(ev *capture.Event, now capture.Instant) {
	l.out.add(now, l.config.Window, uint64(max(ev.Total, 0)))
	if half := int64(now) / int64(l.config.Window); half != l.half {
		l.now, l.before, l.half = map[*capture.Site]SiteTime{}, l.now, half
	}
	st, known := l.now[ev.Site]
	if ev.Site == nil || !known && len(l.now) >= sitesKept {
		return
	}
	l.now[ev.Site] = SiteTime{Site: ev.Site, Calls: st.Calls + 1, Time: st.Time + ev.Total}
}

// sites are the lines that lose most.
func (l *lost) sites(n int) []SiteTime {
	sum := maps.Clone(l.now)
	for site, st := range l.before {
		have := sum[site]
		sum[site] = SiteTime{Site: site, Calls: have.Calls + st.Calls, Time: have.Time + st.Time}
	}
	list := slices.SortedFunc(maps.Values(sum), func(a, b SiteTime) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(a.Site.String(), b.Site.String()))
	})
	return list[:min(n, len(list))]
}

// lostCtx looks at the share of what belongs to no request, where there are requests.
func (t *Tracker) lostCtx() {
	c := &t.config.Lifecycle
	var requests uint64
	for _, r := range t.routes {
		requests += r.requests.sum(t.clock, t.config.Window)
	}
	in, out := t.lost.in.sum(t.clock, t.config.Window), t.lost.out.sum(t.clock, t.config.Window)
	part := share(out, in+out)
	if requests < c.LostAfter || part < c.Lost {
		return
	}
	s := signal{code: LostCtx, settled: true, Evidence: Evidence{
		Sites: t.lost.sites(c.SitesShown), Sum: time.Duration(out), Value: part, Threshold: c.Lost, Unit: "of the database's time",
	}}
	if len(s.Sites) > 0 {
		s.Site = s.Sites[0].Site
	}
	t.signal(t.process, &s, Example{})
}

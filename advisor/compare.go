package advisor

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/digest"
	"github.com/sqliteperf/sqliteperf/internal/sketch"
)

// compare reads the traffic since the change and the same time of traffic before it: that of the day
// before, or the same day of the week before, if the history reaches back and enough time has
// passed for slots of a quarter of an hour, which is what the history keeps of yesterday; else that
// directly before.
func (a *Advisor) compare(ctx context.Context, r *Recommendation, now time.Time) (*comparison, error) {
	g := &gathering{recommendation: r, tables: a.touchedNames(ctx, r), series: map[string]*series{}}
	elapsed := min(now.Sub(r.Live.AppliedAt), a.config.Watch.Most)
	g.slot = slotOf(elapsed, a.config.Watch.Least, a.config.Interval)
	g.from = r.Live.AppliedAt
	if err := a.scan(ctx, g.from, g.from.Add(elapsed), g.after); err != nil {
		return nil, err
	}
	g.flush(func(s *series) *[]slot { return &s.after })
	baseline, from, err := a.baseline(ctx, r.Live, elapsed)
	if err != nil {
		return nil, err
	}
	g.from = from
	if err := a.scan(ctx, from, from.Add(elapsed), g.before); err != nil {
		return nil, err
	}
	g.flush(func(s *series) *[]slot { return &s.before })
	c := g.comparison(baseline)
	c.absent, err = a.absent(ctx, g)
	return c, err
}

// absent counts the touched statements that were called often in the day before and are in neither
// window, such as those of a nightly job.
func (a *Advisor) absent(ctx context.Context, g *gathering) (n int, err error) {
	calls := map[string]uint64{}
	began := g.recommendation.Live.Began
	err = a.scan(ctx, began.Add(-day), began, func(_, _ time.Time, summaries []*digest.Summary) {
		for _, s := range summaries {
			key := fmt.Sprintf("%016x", s.Digest)
			if on(g.recommendation.File, s) && s.Statement != nil && g.series[key] == nil && g.role(key, s) != roleControl {
				calls[key] += s.Calls
			}
		}
	})
	for _, c := range calls {
		if c >= leastCalls {
			n++
		}
	}
	return n, err
}

const day = 24 * time.Hour

// dailyFrom is how long a window must be for its time of day to matter more than the days in between,
// and to have leastSlots of a quarter of an hour.
const dailyFrom = leastSlots * 15 * time.Minute

// baseline is where the window to compare with begins.
func (a *Advisor) baseline(ctx context.Context, l *Live, elapsed time.Duration) (name string, from time.Time, err error) {
	for _, c := range []struct {
		name string
		ago  time.Duration
	}{{"a day before", day}, {"a week before", 7 * day}} {
		from = l.AppliedAt.Add(-c.ago)
		var known time.Duration
		if elapsed < dailyFrom {
			break
		}
		if err := a.scan(ctx, from, from.Add(elapsed), func(start, end time.Time, _ []*digest.Summary) { known += end.Sub(start) }); err != nil {
			return "", from, err
		}
		if known >= elapsed/5*4 {
			return c.name, from, nil
		}
	}
	return "directly before", l.Began.Add(-elapsed), nil
}

// slotOf is how long the slots of a window are: thirty in the shortest, a hundred at most, and never
// shorter than the history's own intervals of that age.
func slotOf(elapsed, least, interval time.Duration) time.Duration {
	unit := interval
	switch {
	case elapsed >= dailyFrom:
		unit = 15 * time.Minute
	case elapsed > 30*time.Minute:
		unit = time.Minute
	}
	want := max(least/30, elapsed/96)
	return (want + unit - 1) / unit * unit
}

// gathering sorts traffic into slots.
type gathering struct {
	recommendation *Recommendation
	tables         map[string]bool
	slot           time.Duration
	from           time.Time // of the window being read
	series         map[string]*series
	at             int
	merged         map[string]*sketch.Histogram // of the slot being read
	slots          map[string][]slot
}

func (g *gathering) after(start, end time.Time, summaries []*digest.Summary) {
	g.add(start, summaries, func(s *series, total time.Duration) { s.total += total })
}

// before leaves out an interval in which the change was already being made.
func (g *gathering) before(start, end time.Time, summaries []*digest.Summary) {
	if l := g.recommendation.Live; end.After(l.Began) && start.Before(l.AppliedAt) {
		return
	}
	g.add(start, summaries, func(*series, time.Duration) {})
}

func (g *gathering) add(start time.Time, summaries []*digest.Summary, count func(*series, time.Duration)) {
	if at := int(start.Sub(g.from) / g.slot); at != g.at || g.merged == nil {
		g.close()
		g.at = at
	}
	for _, s := range summaries {
		if !on(g.recommendation.File, s) || s.Statement == nil {
			continue
		}
		key := fmt.Sprintf("%016x", s.Digest)
		if g.series[key] == nil {
			g.series[key] = &series{digest: key, fingerprint: s.Statement.Fingerprint, role: g.role(key, s)}
		}
		count(g.series[key], s.Total)
		h := g.merged[key]
		if h == nil {
			h = &sketch.Histogram{}
			g.merged[key] = h
		}
		h.Merge(&s.Time)
	}
}

// close ends a slot.
func (g *gathering) close() {
	if g.slots == nil {
		g.slots = map[string][]slot{}
	}
	for key, h := range g.merged {
		p50, _ := h.Quantile(0.50)
		p95, _ := h.Quantile(0.95)
		g.slots[key] = append(g.slots[key], slot{at: g.at, calls: h.Count(), p50: float64(p50), p95: float64(p95)})
	}
	g.merged = map[string]*sketch.Histogram{}
}

// flush ends a window.
func (g *gathering) flush(side func(*series) *[]slot) {
	g.close()
	for key, slots := range g.slots {
		*side(g.series[key]) = slots
	}
	g.slots, g.merged = nil, nil
}

func (g *gathering) comparison(baseline string) *comparison {
	c := &comparison{baseline: baseline, slot: g.slot}
	for _, s := range g.series {
		c.statements = append(c.statements, s)
		if s.role == roleControl {
			c.controls++
		}
	}
	slices.SortFunc(c.statements, func(a, b *series) int { return cmp.Compare(a.digest, b.digest) })
	return c
}

// role says what a statement has to do with the change.
func (g *gathering) role(key string, s *digest.Summary) string {
	switch {
	case slices.Contains(g.recommendation.Digests, key):
		return roleTarget
	case g.recommendation.Table != "" && !namesAny(s.Statement.Fingerprint, g.tables):
		return roleControl
	case s.Statement.ReadOnly:
		return roleOther
	}
	return roleWrite
}

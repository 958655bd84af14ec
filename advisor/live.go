package advisor

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
	"github.com/sqliteperf/sqliteperf/internal/history"
	"github.com/sqliteperf/sqliteperf/internal/sketch"
)

// compared is how much traffic before a change, and how much after it, live figures rest on.
const compared = 15 * time.Minute

// liveBefore reads what the statements of r cost until now.
func (a *Advisor) liveBefore(ctx context.Context, r *Recommendation) (*Live, error) {
	now := time.Now()
	h, err := a.measured(ctx, r, now.Add(-compared), now)
	if err != nil {
		return nil, err
	}
	p95, _ := h.Quantile(0.95)
	return &Live{AppliedAt: now.UTC(), BeforeP95MS: float64(p95) / 1e6, BeforeCalls: h.Count()}, nil
}

// liveAfter adds what they cost since r was applied. An interval that began before counts as before.
func (a *Advisor) liveAfter(ctx context.Context, r *Recommendation) (*Live, error) {
	live := *r.Live
	h, err := a.measured(ctx, r, live.AppliedAt, live.AppliedAt.Add(compared))
	if err != nil {
		return nil, err
	}
	p95, _ := h.Quantile(0.95)
	live.AfterP95MS, live.AfterCalls = float64(p95)/1e6, h.Count()
	return &live, nil
}

// measured merges the times of r's statements over the intervals that began in [from, to).
func (a *Advisor) measured(ctx context.Context, r *Recommendation, from, to time.Time) (*sketch.Histogram, error) {
	var h sketch.Histogram
	add := func(summaries []*digest.Summary) {
		for _, s := range summaries {
			if s.Kind == capture.KindStatement && s.Database != nil && s.Database.Path == r.File && slices.Contains(r.Digests, fmt.Sprintf("%016x", s.Digest)) {
				h.Merge(&s.Time)
			}
		}
	}
	open := a.open.Load()
	until := to
	if bound := open.bound(); bound.Before(to) {
		until = bound
	}
	err := a.store.Scan(ctx, from, until, func(record history.Record) error {
		add(record.Summaries)
		return nil
	})
	open.each(time.Now(), func(start, _ time.Time, summaries []*digest.Summary) {
		if !start.Before(from) && start.Before(to) {
			add(summaries)
		}
	})
	return &h, err
}

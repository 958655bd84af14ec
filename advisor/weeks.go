package advisor

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
	"github.com/sqliteperf/sqliteperf/internal/history"
)

// weeks is what a database was seen doing over a longer time than advice usually rests on: what runs weekly is
// in it too.
type weeks struct {
	statements []*digest.Summary
	first      time.Time // when the first of them ran
	whole      bool      // nothing is known as a sum only, and no event was dropped
	read       time.Time // when it was read
}

// weeksBack is how far weeks reaches: twice the time that an index must be idle, so that what runs monthly counts
// in most months.
const weeksBack = 2 * unusedWindow

func (w *weeks) seen() time.Duration { return time.Since(w.first) }

// weeks are those of the history, or the window where there is none.
func (t *traffic) weeks(ctx context.Context) (*weeks, error) {
	if t.long != nil {
		return t.long(ctx)
	}
	w := &weeks{whole: true, first: time.Now()}
	w.add(t.statements)
	if start := time.Now().Add(-t.window); w.first.Before(start) {
		w.first = start
	}
	return w, nil
}

// add takes in the summaries of statements.
func (w *weeks) add(summaries []*digest.Summary) {
	for _, s := range summaries {
		w.whole = w.whole && s.Digest != digest.Other && s.Statement != nil
		if at := s.FirstSeen.Time(); s.Calls > 0 && at.Before(w.first) {
			w.first = at
		}
	}
	w.statements = append(w.statements, summaries...)
}

// weeksOf reads the history of a database, at most once an hour: that is a second's work, and weeks do not change
// within the hour. What was folded into no source may be this database's.
func (a *Advisor) weeksOf(ctx context.Context, w *watched) (*weeks, error) {
	if w.weeks != nil && time.Since(w.weeks.read) < stale {
		return w.weeks, nil
	}
	now := time.Now()
	read := &weeks{whole: true, first: now, read: now}
	totals := digest.Totals{}
	err := a.store.Scan(ctx, now.Add(-weeksBack), now, func(r history.Record) error {
		read.whole = read.whole && r.Counts.Dropped == 0
		totals.Add(slices.DeleteFunc(r.Summaries, func(s *digest.Summary) bool {
			return s.Kind != capture.KindStatement || s.Database != w.source && s.Key.Source != 0
		}))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read weeks of history: %w", err)
	}
	read.add(totals.Sorted())
	w.weeks = read
	return read, nil
}

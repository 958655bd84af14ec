package advisor

import (
	"context"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/digest"
	"github.com/sqliteperf/sqliteperf/internal/history"
)

// scan calls f for the intervals that began in [from, to), in order: those of the history, then those that
// it does not hold yet.
func (a *Advisor) scan(ctx context.Context, from, to time.Time, f func(start, end time.Time, summaries []*digest.Summary)) error {
	open := a.open.Load()
	until := to
	if bound := open.bound(); bound.Before(to) {
		until = bound
	}
	err := a.store.Scan(ctx, from, until, func(record history.Record) error {
		f(record.Start, record.End, record.Summaries)
		return nil
	})
	open.each(time.Now(), func(start, end time.Time, summaries []*digest.Summary) {
		if !start.Before(from) && start.Before(to) {
			f(start, end, summaries)
		}
	})
	return err
}

package durable

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/sqliteperf/sqliteperf/middleware/async"
)

// Stats is a moment of a Queue. The first fields are of the file, whoever enqueued and runs; the others of this Queue
// since Open.
type Stats struct {
	Queued    int           `json:"queued"`    // wait for a worker, their time or another attempt
	Retrying  int           `json:"retrying"`  // of Queued, those that failed before
	Running   int           `json:"running"`   //
	Discarded int           `json:"discarded"` // used up their attempts, or were cancelled; kept for 7 days, or one
	Oldest    time.Duration `json:"oldest"`    // how long the oldest of Queued could have run already

	Completed uint64 `json:"completed"` // runs that succeeded
	Failed    uint64 `json:"failed"`    // runs that ended with an error or panic
	Panics    uint64 `json:"panics"`    // of Failed
	Retried   uint64 `json:"retried"`   // runs that were not the task's first
	Released  uint64 `json:"released"`  // tasks of dead processes that were given back
}

type counts struct{ completed, failed, panics, retried, released atomic.Uint64 }

func (c *counts) began(attempt int) {
	if attempt > 1 {
		c.retried.Add(1)
	}
}

func (c *counts) ended(err error) {
	if err == nil {
		c.completed.Add(1)
		return
	}
	c.failed.Add(1)
	if _, ok := errors.AsType[*async.PanicError](err); ok {
		c.panics.Add(1)
	}
}

// tally reads no finished task but the discarded ones, by the index on state.
const tally = `SELECT
	count(*) FILTER (WHERE state IN ('available', 'scheduled', 'retryable', 'pending')),
	count(*) FILTER (WHERE state IN ('available', 'scheduled', 'retryable', 'pending') AND attempt > 0),
	count(*) FILTER (WHERE state = 'running'),
	count(*) FILTER (WHERE state IN ('discarded', 'cancelled')),
	max(unixepoch('subsec') - unixepoch(scheduled_at, 'subsec')) FILTER (WHERE state IN ('available', 'scheduled', 'retryable', 'pending'))
FROM river_job WHERE queue = 'default' AND state IN ('available', 'scheduled', 'retryable', 'pending', 'running', 'discarded', 'cancelled')`

// Stats reads the file.
func (q *Queue) Stats(ctx context.Context) (Stats, error) {
	s := Stats{
		Completed: q.counts.completed.Load(), Failed: q.counts.failed.Load(), Panics: q.counts.panics.Load(),
		Retried: q.counts.retried.Load(), Released: q.counts.released.Load(),
	}
	var oldest sql.NullFloat64
	if err := q.db.QueryRowContext(ctx, tally).Scan(&s.Queued, &s.Retrying, &s.Running, &s.Discarded, &oldest); err != nil {
		return s, fmt.Errorf("durable: stats: %w", err)
	}
	s.Oldest = max(0, time.Duration(oldest.Float64*float64(time.Second)))
	return s, nil
}

package durable

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sqliteperf/sqliteperf/middleware/async"
)

// hardStop is how long Close waits for handlers whose context it ended. A handler that does not heed it is left running.
const hardStop = 5 * time.Second

// Close takes no more tasks, begins no more runs and waits for those that run; tasks that wait stay in the file. When
// ctx ends first, the contexts of runs end, their tasks run again at the next start without a lost attempt, and
// Close returns the context's error.
func (q *Queue) Close(ctx context.Context) error {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return fmt.Errorf("durable: close: %w", async.ErrClosed)
	}
	q.closed = true
	q.finish()
	q.mu.Unlock()
	err := q.drain(ctx)
	select {
	case <-q.idle:
	default:
		select {
		case <-q.idle:
		case <-ctx.Done():
			err = errors.Join(err, ctx.Err())
		}
	}
	if q.config.Optimizer == nil {
		err = errors.Join(err, q.opt.Close(ctx))
	}
	if err != nil {
		return fmt.Errorf("durable: close: %w", err)
	}
	return nil
}

// drain stops the runs, then the beat. Whose handlers go on keeps the lease it has.
func (q *Queue) drain(ctx context.Context) error {
	if q.work == nil {
		return nil
	}
	stopped := q.work.Stop(ctx)
	left := stopped
	if stopped != nil {
		q.hard.Store(true)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), hardStop)
		defer cancel()
		left = q.work.StopAndCancel(grace)
	}
	q.stop()
	q.beating.Wait()
	if left != nil {
		return fmt.Errorf("handlers go on: %w", errors.Join(stopped, left))
	}
	if _, err := q.db.ExecContext(context.WithoutCancel(ctx), leave, q.id); err != nil {
		return errors.Join(stopped, err)
	}
	return stopped
}

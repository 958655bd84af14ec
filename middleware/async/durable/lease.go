package durable

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// ownerTable has a row for each Queue that runs tasks. Times are those of the machine in seconds since 1970: all processes that
// open one SQLite file are on one machine.
const ownerTable = `CREATE TABLE IF NOT EXISTS durable_owner(id TEXT PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID`

const (
	renew = `INSERT INTO durable_owner(id, until) VALUES (?1, unixepoch('subsec') + ?2) ON CONFLICT DO UPDATE SET until = excluded.until`
	leave = `DELETE FROM durable_owner WHERE id = ?1`
	bury  = `DELETE FROM durable_owner WHERE until < unixepoch('subsec')`

	// release gives back what nobody alive runs. The attempt that was cut off counts, so that a task that kills its process does not
	// do so for ever. The time is written as river writes it.
	release = `UPDATE river_job SET
	state = iif(attempt < max_attempts, 'available', 'discarded'),
	finalized_at = iif(attempt < max_attempts, NULL, strftime('%Y-%m-%d %H:%M:%f', 'now')),
	scheduled_at = strftime('%Y-%m-%d %H:%M:%f', 'now'),
	errors = jsonb_insert(coalesce(errors, jsonb('[]')), '$[#]', json_object('at', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'),
		'attempt', attempt, 'error', 'the process that ran the task died', 'trace', ''))
WHERE state = 'running' AND queue = 'default'
	AND attempted_by ->> '$[#-1]' NOT IN (SELECT id FROM durable_owner)`
)

// beat says that this Queue is alive, and releases what dead ones were running.
func (q *Queue) beat(ctx context.Context) error {
	tx, err := q.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("lease: %w", err)
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, renew, q.id, q.config.Lease.Seconds()); err != nil { // a write first: it waits for the lock
		return fmt.Errorf("lease: %w", err)
	}
	if _, err := tx.ExecContext(ctx, bury); err != nil {
		return fmt.Errorf("lease: %w", err)
	}
	released, err := tx.ExecContext(ctx, release)
	if err != nil {
		return fmt.Errorf("release tasks of dead processes: %w", err)
	}
	n, err := released.RowsAffected()
	if err != nil {
		return fmt.Errorf("release tasks of dead processes: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("lease: %w", err)
	}
	q.counts.released.Add(uint64(n))
	return nil
}

// beats goes on until ctx ends. A beat that fails is made up for by the next: there are three in a Lease.
func (q *Queue) beats(ctx context.Context) {
	tick := time.NewTicker(q.config.Lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := q.beat(ctx); err != nil && ctx.Err() == nil {
				q.config.Logger.LogAttrs(ctx, slog.LevelWarn, "durable: beat", slog.Any("error", err))
			}
		}
	}
}

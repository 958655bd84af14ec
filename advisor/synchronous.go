package advisor

import (
	"context"

	"github.com/sqliteperf/sqliteperf/internal/sqlite"
	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// synchronous is PR02: in WAL mode NORMAL is consistent after a crash and syncs at checkpoints
// only; FULL syncs at every commit. BenchmarkAutocommitInsert: 0.2–0.6 ms with FULL, 0.016 ms with
// NORMAL. https://sqlite.org/pragma.html#pragma_synchronous
//
// Where the workload writes, commits are timed on the disk of the copies, and if they are no faster
// there is no advice: some disks answer a sync from memory that survives a power failure.
type synchronous struct{}

func (synchronous) code() string { return "PR02" }

func (rule synchronous) check(ctx context.Context, p *pass) ([]*Recommendation, error) {
	if !p.live || !p.wal() || p.pragmas["synchronous"] != "2" {
		return nil, nil
	}
	r := pragmaAdvice(p, rule.code(), "synchronous", "normal")
	r.Why = "In WAL mode FULL waits for the disk at every commit. NORMAL does so at checkpoints and is as consistent."
	r.Risk = "After a power failure, not after a crash of the process, the last commits may be missing."
	c, err := p.commits(ctx, rule.code(), sqlite.Durability{Journal: "wal", Synchronous: "full"}, sqlite.Durability{Journal: "wal", Synchronous: "normal"})
	switch {
	case err != nil:
		return nil, err
	case c == nil:
	case c.Difference != trial.Faster:
		return nil, nil
	default:
		r.rely(p, c, "synchronous full", "synchronous normal")
	}
	return []*Recommendation{r}, nil
}

package durable

import (
	"cmp"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"github.com/sqliteperf/sqliteperf/middleware/async"
)

// Config configures a Queue. The zero value works.
type Config struct {
	Workers  int           // most tasks that run at a time in this process. Default 4: SQLite has one writer
	Poll     time.Duration // how often the queue is read besides when an insert is noticed, in some 50 ms. Default 1s
	Attempts int           // runs of a task before it is discarded. Default 25
	Backoff  time.Duration // wait after the first failed run, doubled for each. Default 1s
	MaxDelay time.Duration // longest wait after a failed run. Default 1h
	// Timeout is how long a run may take before its context ends. A handler must heed that: its worker stays taken
	// until it returns. Default 1m
	Timeout time.Duration
	// Lease is how long a process is believed to be alive after its last sign of life, of which it gives three in
	// that time, each a write of one row. Then others run again what it was running. Default 15s
	Lease time.Duration
	// Optimizer has each run among its operations, by kind. It must be closed after the Queue. Default one of the Queue's own
	Optimizer *async.Optimizer
	Logger    *slog.Logger // what river has to say, failed runs among it. Default slog.Default
}

// The largest values that make sense. Beyond them a slip is likelier than a wish.
const (
	maxWorkers  = 10_000 // river's own
	maxAttempts = 1_000
	maxSpan     = 24 * time.Hour
	minPoll     = time.Millisecond // river's own
	minLease    = 300 * time.Millisecond
)

func (c Config) withDefaults() (Config, error) {
	var err error
	c.Workers = within(&err, "Workers", c.Workers, 4, 1, maxWorkers)
	c.Poll = within(&err, "Poll", c.Poll, time.Second, minPoll, maxSpan)
	c.Attempts = within(&err, "Attempts", c.Attempts, 25, 1, maxAttempts)
	c.Backoff = within(&err, "Backoff", c.Backoff, time.Second, time.Millisecond, maxSpan)
	c.MaxDelay = within(&err, "MaxDelay", c.MaxDelay, max(time.Hour, c.Backoff), time.Millisecond, maxSpan)
	c.Timeout = within(&err, "Timeout", c.Timeout, time.Minute, time.Millisecond, maxSpan)
	c.Lease = within(&err, "Lease", c.Lease, 15*time.Second, minLease, maxSpan)
	if c.MaxDelay < c.Backoff && err == nil {
		err = fmt.Errorf("%w: MaxDelay %v is less than Backoff %v", errConfig, c.MaxDelay, c.Backoff)
	}
	c.Logger = cmp.Or(c.Logger, slog.Default())
	return c, err
}

// within is v, or def if v is 0. problem gets the first value out of least to most.
func within[N int | time.Duration](problem *error, what string, v, def, least, most N) N {
	v = cmp.Or(v, def)
	if (v < least || v > most) && *problem == nil {
		*problem = fmt.Errorf("%w: %s is %v, want %v to %v, or 0 for %v", errConfig, what, v, least, most, def)
	}
	return v
}

// river is what a client that works is told.
func (c Config) river(id string, workers *river.Workers) *river.Config {
	return &river.Config{
		ID: id, Logger: c.Logger, Workers: workers, FetchOnlyKnownKinds: true,
		Queues:      map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: c.Workers}},
		MaxAttempts: c.Attempts, JobTimeout: c.Timeout, RetryPolicy: backoff{c.Backoff, c.MaxDelay},
		FetchPollInterval: c.Poll, FetchCooldown: min(c.Poll, fetchPause),
	}
}

// fetchPause is the shortest time between two reads of the queue, so that tasks per second are Workers/fetchPause at most.
const fetchPause = 10 * time.Millisecond

// backoff is when a failed run is tried again.
type backoff struct{ first, longest time.Duration }

// NextRetry is called after a run failed.
func (b backoff) NextRetry(job *rivertype.JobRow) time.Time {
	return time.Now().Add(b.delay(job.Attempt))
}

// delay is the wait after a task's nth run.
func (b backoff) delay(n int) time.Duration {
	d := b.first
	for ; n > 1 && d < b.longest; n-- {
		d *= 2 // at most 48 hours
	}
	return min(d, b.longest)
}

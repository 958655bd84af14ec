package async

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// SetSize changes the size from the next batch on. A batch that has as many already runs at once.
func (b *Batcher[T, R]) SetSize(n int) error {
	if n < 1 || n > b.config.Pending {
		return fmt.Errorf("batcher %s: %w: size %d, want 1 to %d", b.config.Name, errConfig, n, b.config.Pending)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.size = n
	if b.open != nil && len(b.open.entries) >= n {
		b.flush()
	}
	return nil
}

// SetDelay changes the delay from the next batch on.
func (b *Batcher[T, R]) SetDelay(d time.Duration) error {
	if d < 1 || d > maxWait {
		return fmt.Errorf("batcher %s: %w: delay %v", b.config.Name, errConfig, d)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.delay = d
	return nil
}

// finish closes done if nothing is left after Close. The lock is held.
func (b *Batcher[T, R]) finish() {
	if !b.closed || b.running > 0 || len(b.ready) > 0 || b.telling > 0 {
		return
	}
	select {
	case <-b.done:
	default:
		close(b.done)
	}
}

// Close takes no more items, runs those that wait and waits for their results. When ctx ends first, items that have
// not begun are told ErrClosed, the contexts of batches that run end, and a *CloseError counts both.
func (b *Batcher[T, R]) Close(ctx context.Context) error {
	ctx = contextOf(ctx)
	b.config.Owner.remove(b)
	return closeError(ctx, b.stop(ctx))
}

func (b *Batcher[T, R]) stop(ctx context.Context) Left {
	b.mu.Lock()
	b.closed = true
	b.flush()
	b.room.Broadcast()
	b.finish()
	b.mu.Unlock()
	defer b.cancel()
	select {
	case <-b.done:
		return Left{}
	default:
	}
	select {
	case <-b.done:
		return Left{}
	case <-ctx.Done():
		return b.abandon()
	}
}

// abandon tells the items that wait that they will not run.
func (b *Batcher[T, R]) abandon() Left {
	b.mu.Lock()
	ready := b.ready
	b.ready, b.pending = nil, 0
	left := Left{"batcher", b.config.Name, 0, b.working}
	b.telling++
	b.mu.Unlock()
	now := capture.Now()
	for _, of := range ready {
		for i := range of.entries {
			if e := &of.entries[i]; e.state.CompareAndSwap(entryWaiting, entryTaken) {
				left.Queued++
			}
		}
		b.distribute(of, nil, fmt.Errorf("batcher %s: %w", b.config.Name, ErrClosed), now, now)
	}
	b.mu.Lock()
	b.telling--
	b.finish()
	b.mu.Unlock()
	return left
}

// BatcherStats is a Batcher as it is, and what it did so far.
type BatcherStats struct {
	Name       string        `json:"name"`
	Size       int           `json:"size"`
	Delay      time.Duration `json:"delay_ns"`
	Pending    int           `json:"pending"`   // items that wait now
	Running    int           `json:"running"`   // items that are worked on now
	Blocked    int           `json:"blocked"`   // callers that wait for room now
	Batches    uint64        `json:"batches"`   // that ran
	MeanSize   float64       `json:"mean_size"` // items per batch
	Completed  uint64        `json:"completed"` // items without an error
	Failed     uint64        `json:"failed"`
	Cancelled  uint64        `json:"cancelled"`
	Extra      uint64        `json:"extra"` // results for which there was no item
	ErrorRate  float64       `json:"error_rate"`
	Throughput float64       `json:"throughput"`  // items per second, in the last ten
	Waits      Times         `json:"batch_waits"` // of items for their batch to run
	Times      Times         `json:"times"`       // of the function, by item
}

// Stats returns the batcher as it is, and what it did so far.
func (b *Batcher[T, R]) Stats() BatcherStats {
	r := b.meter.read(capture.Now())
	b.mu.Lock()
	defer b.mu.Unlock()
	s := BatcherStats{
		Name: b.config.Name, Size: b.size, Delay: b.delay, Pending: b.pending, Running: b.working, Blocked: b.waiting,
		Batches: b.batches.Load(), Completed: r.counts[succeeded], Failed: r.counts[failed], Cancelled: r.counts[cancelled],
		Extra: b.extra.Load(), ErrorRate: r.errorRate(), Throughput: r.perSecond, Waits: r.waits, Times: r.times,
	}
	s.MeanSize = float64(r.total()) / float64(cmp.Or(s.Batches, 1))
	return s
}

func (b *Batcher[T, R]) report(s *Stats) { s.Batchers = append(s.Batchers, b.Stats()) }

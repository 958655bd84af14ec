package async

import (
	"context"
	"fmt"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// work runs batches until none is ready.
func (b *Batcher[T, R]) work() {
	for of := b.take(); of != nil; of = b.take() {
		b.run(of)
	}
}

// take returns the next batch, or nil for the worker to end.
func (b *Batcher[T, R]) take() *batch[T, R] {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.ready) == 0 {
		b.running--
		b.finish()
		return nil
	}
	of := b.ready[0]
	b.ready[0] = nil
	b.ready = b.ready[1:]
	b.pending -= len(of.entries)
	b.working += len(of.entries)
	if b.waiting > 0 {
		b.room.Broadcast()
	}
	return of
}

// ran ends a batch, and keeps it for the next if no Do looks at it.
func (b *Batcher[T, R]) ran(of *batch[T, R]) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.working -= len(of.entries)
	if of.asked || b.spare != nil {
		return
	}
	clear(of.items)
	for i := range of.entries {
		of.entries[i] = entry[T, R]{}
	}
	of.entries, of.items = of.entries[:0], of.items[:0]
	b.spare = of
}

// run runs one batch and tells each item its outcome. If the function calls runtime.Goexit, which nothing stops, another
// goroutine goes on.
func (b *Batcher[T, R]) run(of *batch[T, R]) {
	start := capture.Now()
	returned := false
	defer func() {
		if !returned {
			b.distribute(of, nil, ErrGoexit, start, capture.Now())
			b.ran(of)
			go b.work()
		}
	}()
	b.collect(of)
	results, err := b.call(of.items)
	returned = true
	b.batches.Add(1)
	if over := len(results) - len(of.items); over > 0 {
		b.extra.Add(uint64(over))
	}
	b.distribute(of, results, err, start, capture.Now())
	b.ran(of)
}

// collect takes the items whose callers still wait.
func (b *Batcher[T, R]) collect(of *batch[T, R]) {
	for i := range of.entries {
		e := &of.entries[i]
		if err := e.ctx.Err(); err != nil && e.state.CompareAndSwap(entryWaiting, entryGone) {
			e.result.Err = err
		} else if e.state.CompareAndSwap(entryWaiting, entryTaken) {
			of.items = append(of.items, e.item)
		}
	}
}

// call calls the function, unless nobody is left.
func (b *Batcher[T, R]) call(items []T) (results []Result[R], err error) {
	if len(items) == 0 {
		return nil, nil
	}
	ctx, cancel := b.ctx, context.CancelFunc(func() {})
	if b.config.Timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, b.config.Timeout)
	}
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			results, err = nil, newPanic(v)
		}
	}()
	return b.fn(ctx, items)
}

// distribute gives each item that was worked on its result, by its place.
func (b *Batcher[T, R]) distribute(of *batch[T, R], results []Result[R], err error, start, end capture.Instant) {
	next := 0
	for i := range of.entries {
		e := &of.entries[i]
		if e.state.Load() == entryTaken {
			e.result = b.result(results, next, len(of.items), err)
			next++
		}
		b.meter.record(end, time.Duration(start-e.at), time.Duration(end-start), e.outcome())
		if e.tell != nil {
			_ = safely(func() error { e.tell(e.result.Value, e.result.Err); return nil })
		}
	}
	if of.asked {
		close(of.done)
	}
}

func (e *entry[T, R]) outcome() outcome {
	if e.state.Load() == entryGone {
		return cancelled
	}
	return outcomeOf(e.result.Err)
}

func (b *Batcher[T, R]) result(results []Result[R], i, items int, err error) Result[R] {
	switch {
	case i < len(results):
		return results[i]
	case err != nil:
		return Result[R]{Err: err}
	}
	return Result[R]{Err: fmt.Errorf("batcher %s: %w: item %d of %d, and %d results", b.config.Name, ErrNoResult, i+1, items, len(results))}
}

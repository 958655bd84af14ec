package otel

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"sync"
	"time"

	global "go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// errStopped reports spans that Shutdown had no time to send.
var errStopped = errors.New("shut down")

// queue sends spans. The SDK's batch processor does so too, but does not count what became of them.
type queue struct {
	builder
	exporter sdktrace.SpanExporter
	batch    int
	delay    time.Duration
	within   time.Duration

	spans   chan span
	flushes chan chan error

	ctx    context.Context // ends when nothing more is sent
	cancel context.CancelFunc
	ended  chan struct{}

	mu    sync.Mutex
	stats Stats
}

// start makes the goroutine that shutdown waits for.
func (q *queue) start(env environment) {
	q.batch, q.delay, q.within = env.batch, env.delay, env.exportWithin
	q.spans, q.flushes, q.ended = make(chan span, env.queue), make(chan chan error), make(chan struct{})
	q.ctx, q.cancel = context.WithCancel(context.Background())
	go q.run()
}

// add puts a span into the queue, or counts it as dropped. It never waits for the collector.
func (q *queue) add(s span) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stats.Ended++
	select {
	case q.spans <- s:
		q.stats.Pending++
		return true
	default:
		q.stats.Dropped++
		return false
	}
}

// Stats says what became of the spans so far.
func (q *queue) Stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.stats
}

// run sends spans until the queue is closed and empty.
func (q *queue) run() {
	defer close(q.ended)
	ticker := time.NewTicker(q.delay)
	defer ticker.Stop()
	for {
		select {
		case s, open := <-q.spans:
			if !open {
				q.report(q.send())
				return
			}
			q.report(q.take(s))
		case <-ticker.C:
			q.report(q.send())
		case flushed := <-q.flushes:
			flushed <- q.sendAll()
		}
	}
}

// take builds a span and sends the batch once it is full.
func (q *queue) take(s span) error {
	if q.build(s); len(q.built) < q.batch {
		return nil
	}
	return q.send()
}

// sendAll sends what is in the queue now.
func (q *queue) sendAll() error {
	var errs []error
	for range len(q.spans) {
		if s, open := <-q.spans; open {
			errs = append(errs, q.take(s))
		}
	}
	return errors.Join(append(errs, q.send())...)
}

// send sends the batch and counts what became of it. Trying again is the exporter's job.
func (q *queue) send() error {
	if len(q.built) == 0 {
		return nil
	}
	err := errStopped
	if q.ctx.Err() == nil {
		ctx, cancel := context.WithTimeout(q.ctx, q.within)
		err = q.exporter.ExportSpans(ctx, q.built)
		cancel()
	}
	q.count(uint64(len(q.built)), err)
	clear(q.built) // the buffer must not keep spans alive
	q.built = q.built[:0]
	return err
}

func (q *queue) count(n uint64, err error) {
	failed := refused(n, err)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stats.Pending -= n
	q.stats.Failed += failed
	q.stats.Exported += n - failed
}

// partly matches what the exporter says of a batch that the collector took in part. Its type is
// internal to the exporter.
var partly = regexp.MustCompile(`OTLP partial success: .*\((\d+) spans rejected\)`)

// refused is how many of n spans an error means. A warning of the collector's refuses none.
func refused(n uint64, err error) uint64 {
	if err == nil {
		return 0
	}
	if m := partly.FindStringSubmatch(err.Error()); m != nil {
		if some, err := strconv.ParseUint(m[1], 10, 64); err == nil {
			return min(some, n)
		}
	}
	return n
}

// report tells OpenTelemetry's error handler, which by default logs.
func (q *queue) report(err error) {
	if err != nil {
		global.Handle(fmt.Errorf("export spans: %w", err))
	}
}

// flush sends what is in the queue now.
func (q *queue) flush(ctx context.Context) error {
	flushed := make(chan error, 1)
	select {
	case q.flushes <- flushed:
	case <-q.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-flushed:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// shutdown sends what is in the queue until ctx ends, then fails the rest. Nothing is added any more.
func (q *queue) shutdown(ctx context.Context) error {
	close(q.spans)
	stop := context.AfterFunc(ctx, q.cancel)
	<-q.ended
	stop()
	q.cancel()
	return errors.Join(ctx.Err(), q.exporter.Shutdown(ctx))
}

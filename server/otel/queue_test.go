package otel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// collector is a span exporter that does what a test says.
type collector struct {
	answer func(ctx context.Context, n int) error
	sizes  []int
	closed bool
}

func (c *collector) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	c.sizes = append(c.sizes, len(spans))
	return c.answer(ctx, len(spans))
}

func (c *collector) Shutdown(context.Context) error {
	c.closed = true
	return nil
}

// hang is a collector that never answers.
func hang(ctx context.Context, _ int) error {
	<-ctx.Done()
	return ctx.Err()
}

func (s Stats) sum() uint64 { return s.Exported + s.Dropped + s.Failed + s.Pending }

// run starts an Exporter of spans within a bubble.
func run(t *testing.T, c *collector) *Exporter {
	e, err := start(t.Context(), func() capture.Counts { return capture.Counts{} },
		Config{Ratio: 1, Spans: c, Metrics: sdkmetric.NewManualReader()})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// events are n events that all become spans.
func events(n int) []capture.Event { return slices.Repeat([]capture.Event{statement(nil)}, n) }

// With a collector that hangs, the drain goes on, memory is bounded by the queue and one batch, and
// each batch is given up after the export timeout.
func TestACollectorThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &collector{answer: hang}
		e := run(t, c)
		for range 10 {
			sink{e}.Export(events(1000)) // returns, though nobody takes a span
			synctest.Wait()
		}
		if s, want := e.Stats(), (Stats{Ended: 10000, Pending: 2048 + 512, Dropped: 10000 - 2048 - 512}); s != want {
			t.Errorf("%+v, want %+v", s, want)
		}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if s := e.Stats(); s.Failed != 512 || s.Ended != s.sum() {
			t.Errorf("after the export timeout: %+v", s)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if err := e.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("Shutdown after %v: %v", time.Since(began), err)
		}
		if s := e.Stats(); s.Pending != 0 || s.Exported != 0 || s.Ended != s.sum() || !c.closed {
			t.Errorf("after Shutdown: %+v", s)
		}
	})
}

func TestWhatBecomesOfABatch(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want Stats
	}{
		"accepted": {nil, Stats{Ended: 700, Exported: 700}},
		"refused":  {errors.New("failed to send: 400 Bad Request"), Stats{Ended: 700, Failed: 700}},
		"taken in part": {fmt.Errorf("traces export: %w", errors.New("OTLP partial success: too (9 spans rejected) odd (3 spans rejected)")),
			Stats{Ended: 700, Exported: 694, Failed: 6}},
		"taken with a warning": {errors.New("OTLP partial success: old schema (0 spans rejected)"), Stats{Ended: 700, Exported: 700}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &collector{answer: func(context.Context, int) error { return test.err }}
				e := run(t, c)
				sink{e}.Export(events(700))
				synctest.Wait()
				if s := e.Stats(); s.Pending != 188 { // a full batch goes at once, the rest waits
					t.Errorf("before the delay: %+v", s)
				}
				time.Sleep(5 * time.Second)
				synctest.Wait()
				if s := e.Stats(); s != test.want || !slices.Equal(c.sizes, []int{512, 188}) {
					t.Errorf("%+v in batches of %v, want %+v", s, c.sizes, test.want)
				}
				e.Shutdown(t.Context())
			})
		})
	}
}

func TestShutdownSendsWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &collector{answer: func(context.Context, int) error { return nil }}
		e := run(t, c)
		sink{e}.Export(events(1300))
		for range 2 { // the second does nothing
			if err := e.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if s := e.Stats(); s != (Stats{Ended: 1300, Exported: 1300}) || !c.closed {
			t.Errorf("%+v", s)
		}
		if err := e.traces.queue.flush(t.Context()); err != nil {
			t.Errorf("Flush afterwards: %v", err)
		}
	})
}

func TestFlushWithinItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := run(t, &collector{answer: hang})
		sink{e}.Export(events(1))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := e.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Flush: %v", err)
		}
		e.Shutdown(ctx)
	})
}

func TestQueueOfTheEnvironment(t *testing.T) {
	setenv(t, "OTEL_BSP_MAX_QUEUE_SIZE=10", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=40", "OTEL_BSP_EXPORT_TIMEOUT=7", "OTEL_BSP_SCHEDULE_DELAY=9")
	synctest.Test(t, func(t *testing.T) {
		c := &collector{answer: hang}
		e := run(t, c)
		sink{e}.Export(events(5))
		synctest.Wait()
		time.Sleep(9 * time.Millisecond)
		synctest.Wait()
		for range 4 {
			sink{e}.Export(events(5))
			synctest.Wait()
		}
		if s, want := e.Stats(), (Stats{Ended: 25, Pending: 15, Dropped: 10}); s != want {
			t.Errorf("%+v, want %+v", s, want)
		}
		time.Sleep(7 * time.Millisecond)
		synctest.Wait()
		if s := e.Stats(); s.Failed != 5 || s.Ended != s.sum() {
			t.Errorf("after the timeout: %+v", s)
		}
		ctx, cancel := contextDone(t)
		defer cancel()
		e.Shutdown(ctx)
		if s := e.Stats(); s.Failed != 15 || s.Ended != s.sum() {
			t.Errorf("after Shutdown: %+v", s)
		}
	})
}

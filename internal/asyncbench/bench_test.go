package asyncbench

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/alitto/pond/v2"
	"github.com/panjf2000/ants/v2"
	"golang.org/x/sync/errgroup"

	"github.com/sqliteperf/sqliteperf/middleware/async"
)

const workers = 100

func nothing(context.Context) error { return nil }

// brief is a task of some microseconds, as a lookup is.
func brief(context.Context) error {
	for start := time.Now(); time.Since(start) < 5*time.Microsecond; {
	}
	return nil
}

// BenchmarkTask is from the first submission to the end of the last task, by one goroutine, with a queue of 1000 that
// blocks, where the library has one.
func BenchmarkTask(b *testing.B) {
	for name, task := range map[string]func(context.Context) error{"empty": nothing, "5µs": brief} {
		b.Run(name, func(b *testing.B) {
			b.Run("async", func(b *testing.B) { ours(b, task) })
			b.Run("pond", func(b *testing.B) { pondOf(b, task) })
			b.Run("ants", func(b *testing.B) { antsOf(b, task) })
			b.Run("errgroup", func(b *testing.B) { errgroupOf(b, task) })
			b.Run("goroutine", func(b *testing.B) { goroutines(b, task) })
		})
	}
}

func ours(b *testing.B, task func(context.Context) error) {
	p, err := async.NewPool(async.PoolConfig{Workers: workers, Full: async.Block})
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Submit(ctx, async.Task{Run: task}); err != nil {
			b.Fatal(err)
		}
	}
	if err := p.Close(ctx); err != nil {
		b.Fatal(err)
	}
}

func pondOf(b *testing.B, task func(context.Context) error) {
	p := pond.NewPool(workers, pond.WithQueueSize(1000))
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Go(func() { task(ctx) }); err != nil {
			b.Fatal(err)
		}
	}
	p.StopAndWait()
}

func antsOf(b *testing.B, task func(context.Context) error) {
	p, err := ants.NewPool(workers)
	if err != nil {
		b.Fatal(err)
	}
	defer p.Release()
	ctx := context.Background()
	var all sync.WaitGroup
	run := func() { defer all.Done(); task(ctx) }
	b.ReportAllocs()
	for b.Loop() {
		all.Add(1)
		if err := p.Submit(run); err != nil {
			b.Fatal(err)
		}
	}
	all.Wait()
}

func errgroupOf(b *testing.B, task func(context.Context) error) {
	g, ctx := errgroup.WithContext(context.Background())
	g.SetLimit(workers)
	b.ReportAllocs()
	for b.Loop() {
		g.Go(func() error { return task(ctx) })
	}
	if err := g.Wait(); err != nil {
		b.Fatal(err)
	}
}

func goroutines(b *testing.B, task func(context.Context) error) {
	ctx := context.Background()
	var all sync.WaitGroup
	b.ReportAllocs()
	for b.Loop() {
		all.Go(func() { task(ctx) })
	}
	all.Wait()
}

package async

import (
	"context"
	"sync"
	"testing"
	"time"
)

func nothing(context.Context) error { return nil }

func BenchmarkMonitor(b *testing.B) {
	o := optimizer(b, Config{})
	b.Run("one goroutine", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			o.Monitor(b.Context(), "resize").End(nil)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			ctx := context.Background()
			for pb.Next() {
				o.Monitor(ctx, "resize").End(nil)
			}
		})
	})
}

func BenchmarkRun(b *testing.B) {
	o := optimizer(b, Config{})
	b.ReportAllocs()
	for b.Loop() {
		if err := o.Run(b.Context(), "resize", nothing); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPool is from the first Submit to the end of the last task.
func BenchmarkPool(b *testing.B) {
	for name, workers := range map[string]int{"2 workers": 2, "100 workers": 100} {
		b.Run(name, func(b *testing.B) {
			p, err := NewPool(PoolConfig{Workers: workers, Full: Block})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			ctx := context.Background()
			for b.Loop() {
				if err := p.Submit(ctx, Task{Run: nothing}); err != nil {
					b.Fatal(err)
				}
			}
			if err := p.Close(ctx); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkBatcher is from the first item to the last result.
func BenchmarkBatcher(b *testing.B) {
	answer := func(_ context.Context, items []int) ([]Result[int], error) {
		return make([]Result[int], len(items)), nil
	}
	batcher := func(b *testing.B) *Batcher[int, int] {
		v, err := NewBatcher(BatcherConfig{Delay: time.Millisecond}, answer)
		if err != nil {
			b.Fatal(err)
		}
		return v
	}
	b.Run("add", func(b *testing.B) {
		v, ctx := batcher(b), context.Background()
		var all sync.WaitGroup
		told := func(int, error) { all.Done() }
		b.ReportAllocs()
		for b.Loop() {
			all.Add(1)
			if err := v.Add(ctx, 1, told); err != nil {
				b.Fatal(err)
			}
		}
		v.Close(ctx)
		all.Wait()
	})
	b.Run("do", func(b *testing.B) {
		v, ctx := batcher(b), context.Background()
		b.SetParallelism(200)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := v.Do(ctx, 1); err != nil {
					b.Error(err)
				}
			}
		})
		v.Close(ctx)
	})
}

func BenchmarkPermits(b *testing.B) {
	ctx := context.Background()
	limiter, _ := NewLimiter(LimiterConfig{Rate: 1e7})
	breaker, _ := NewBreaker(BreakerConfig{})
	bulkhead, _ := NewBulkhead(BulkheadConfig{})
	b.Run("limiter", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			limiter.Acquire(ctx)
		}
	})
	b.Run("breaker", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p, _ := breaker.Acquire()
			p.Done(nil)
		}
	})
	b.Run("bulkhead", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			bulkhead.Acquire(ctx)
			bulkhead.Release()
		}
	})
}

func BenchmarkOperation(b *testing.B) {
	breaker, _ := NewBreaker(BreakerConfig{})
	bulkhead, _ := NewBulkhead(BulkheadConfig{})
	permits := OperationConfig[int]{Breaker: breaker, Bulkhead: bulkhead}
	retry := permits
	retry.Retry.Max = 2
	all := retry
	all.Timeout = time.Minute
	for _, test := range []struct {
		name   string
		config OperationConfig[int]
	}{{"permits", permits}, {"retry", retry}, {"retry and timeout", all}} {
		b.Run(test.name, func(b *testing.B) {
			op, err := NewOperation(test.config)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := op.Do(b.Context(), func(context.Context) (int, error) { return 1, nil }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

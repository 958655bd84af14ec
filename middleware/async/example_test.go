package async_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sqliteperf/sqliteperf/middleware/async"
)

func ExampleNew() {
	opt, err := async.New(async.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()

	span := opt.Monitor(ctx, "resize")
	span.End(nil)
	// Statements that run with this context are attributed to "nightly report".
	err = opt.Run(ctx, "nightly report", func(ctx context.Context) error { return errors.New("no paper") })
	fmt.Println(err)

	for _, op := range opt.Stats().Operations {
		fmt.Println(op.Name, op.Completed, op.Failed)
	}
	fmt.Println(opt.Close(ctx))

	_, err = async.New(async.Config{Workers: -1})
	fmt.Println(err)
	// Output:
	// no paper
	// nightly report 0 1
	// resize 1 0
	// <nil>
	// async: pool default: configuration out of range: Workers is -1, want 1 to 100000, or 0 for 100
}

func ExamplePool() {
	pool, err := async.NewPool(async.PoolConfig{Workers: 4, Queue: 100, Full: async.Block})
	if err != nil {
		fmt.Println(err)
		return
	}
	var mu sync.Mutex
	sum := 0
	for n := range 10 {
		err := pool.Submit(context.Background(), async.Task{
			Priority: async.High,
			Run: func(context.Context) error {
				mu.Lock()
				defer mu.Unlock()
				sum += n
				return nil
			},
		})
		if err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(pool.Close(context.Background()), sum, pool.Stats().Completed)
	// Output: <nil> 45 10
}

func ExampleBatcher() {
	insert := func(_ context.Context, names []string) ([]async.Result[int], error) {
		fmt.Println("one transaction for", len(names))
		ids := make([]async.Result[int], len(names))
		for i := range names {
			ids[i].Value = i + 1
		}
		return ids, nil
	}
	batcher, err := async.NewBatcher(async.BatcherConfig{Size: 3, Delay: time.Minute}, insert)
	if err != nil {
		fmt.Println(err)
		return
	}
	var all sync.WaitGroup
	for _, name := range []string{"ann", "ben", "cleo"} {
		all.Go(func() {
			if _, err := batcher.Do(context.Background(), name); err != nil {
				fmt.Println(err)
			}
		})
	}
	all.Wait()
	fmt.Println(batcher.Close(context.Background()), batcher.Stats().Completed)
	// Output:
	// one transaction for 3
	// <nil> 3
}

func ExampleOperation() {
	breaker, err := async.NewBreaker(async.BreakerConfig{Name: "quotes"})
	if err != nil {
		fmt.Println(err)
		return
	}
	quote, err := async.NewOperation(async.OperationConfig[string]{
		Name:     "quote",
		Retry:    async.RetryConfig{Max: 2, Delay: time.Millisecond},
		Timeout:  time.Second,
		Breaker:  breaker,
		Fallback: func(context.Context, error) (string, error) { return "yesterday's", nil },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, failures := range []int{2, 5} {
		calls := 0
		answer, err := quote.Do(context.Background(), func(context.Context) (string, error) {
			if calls++; calls <= failures {
				return "", errors.New("no answer")
			}
			return "today's", nil
		})
		fmt.Println(answer, err, "after", calls, "calls")
	}
	// Output:
	// today's <nil> after 3 calls
	// yesterday's <nil> after 3 calls
}

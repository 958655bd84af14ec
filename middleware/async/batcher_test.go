package async

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// double answers each item with its double, and refuses odd ones.
func double(_ context.Context, items []int) ([]Result[int], error) {
	results := make([]Result[int], len(items))
	for i, n := range items {
		if results[i].Value = 2 * n; n%2 == 1 {
			results[i] = Result[int]{Err: errBroken}
		}
	}
	return results, nil
}

func newBatcher(t testing.TB, c BatcherConfig, fn BatchFunc[int, int]) *Batcher[int, int] {
	t.Helper()
	b, err := NewBatcher(c, fn)
	must(t, err)
	return b
}

// TestBatchesBySizeAndDelay adds 25 items within 1.2 s.
func TestBatchesBySizeAndDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		var at []time.Duration
		start := time.Now()
		b := newBatcher(t, BatcherConfig{Size: 10, Delay: 310 * time.Millisecond}, func(ctx context.Context, items []int) ([]Result[int], error) {
			sizes, at = append(sizes, len(items)), append(at, time.Since(start))
			return double(ctx, items)
		})
		for i := range 25 {
			go func() {
				v, err := b.Do(context.Background(), i)
				if (i%2 == 0) != (err == nil) || err == nil && v != 2*i || err != nil && !errors.Is(err, errBroken) {
					t.Errorf("%d gives %d and %v", i, v, err)
				}
			}()
			time.Sleep(50 * time.Millisecond)
		}
		must(t, b.Close(t.Context()))
		if fmt.Sprint(sizes, at) != "[7 7 7 4] [310ms 660ms 1.01s 1.25s]" {
			// every 50 ms one: the first of each batch waits for 310 ms, the last is flushed by Close
			t.Errorf("batches of %v at %v", sizes, at)
		}
		if s := b.Stats(); s.Completed != 13 || s.Failed != 12 || s.Batches != 4 || s.MeanSize != 6.25 || s.Waits.Max != 310*time.Millisecond {
			t.Errorf("%+v", s)
		}
	})
}

// TestBatchFaults: whatever the function does, each item has one clear outcome.
func TestBatchFaults(t *testing.T) {
	for name, test := range map[string]struct {
		fn          BatchFunc[int, int]
		first, last error
	}{
		"error":     {func(context.Context, []int) ([]Result[int], error) { return nil, errBroken }, errBroken, errBroken},
		"panic":     {func(context.Context, []int) ([]Result[int], error) { panic(errBroken) }, errBroken, errBroken},
		"goexit":    {func(context.Context, []int) ([]Result[int], error) { runtime.Goexit(); return nil, nil }, ErrGoexit, ErrGoexit},
		"none":      {func(context.Context, []int) ([]Result[int], error) { return nil, nil }, ErrNoResult, ErrNoResult},
		"too few":   {func(context.Context, []int) ([]Result[int], error) { return make([]Result[int], 2), nil }, nil, ErrNoResult},
		"too many":  {func(context.Context, []int) ([]Result[int], error) { return make([]Result[int], 5), nil }, nil, nil},
		"half done": {func(context.Context, []int) ([]Result[int], error) { return make([]Result[int], 1), errBroken }, nil, errBroken},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBatcher(t, BatcherConfig{Size: 3, Delay: time.Hour}, test.fn)
			told := make([]chan error, 3)
			for i := range told {
				told[i] = make(chan error, 1)
				must(t, b.Add(t.Context(), i, func(_ int, err error) { told[i] <- err; panic("in tell") }))
			}
			wants(t, <-told[0], test.first)
			<-told[1]
			wants(t, <-told[2], test.last)
			must(t, b.Close(t.Context()))
			if s := b.Stats(); name == "too many" && s.Extra != 2 || s.Completed+s.Failed != 3 {
				t.Errorf("%+v", s)
			}
			wants(t, b.Add(t.Context(), 1, nil), ErrClosed)
			_, err := b.Do(t.Context(), 1)
			wants(t, err, ErrClosed)
		})
	}
}

// TestBatchCallerLeaves: one leaves before its batch runs, one while it runs.
func TestBatchCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []int
		b := newBatcher(t, BatcherConfig{Size: 10, Delay: time.Second}, func(ctx context.Context, items []int) ([]Result[int], error) {
			seen = append(seen, items...)
			time.Sleep(time.Second)
			return double(ctx, items)
		})
		do := func(patience time.Duration, item int) <-chan error {
			told := make(chan error, 1)
			go func() {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				_, err := b.Do(ctx, item)
				told <- err
			}()
			return told
		}
		before, during, never := do(500*time.Millisecond, 2), do(1500*time.Millisecond, 4), do(time.Hour, 6)
		err := <-before
		if wants(t, err, context.DeadlineExceeded); errors.Is(err, ErrUnknown) {
			t.Error("left in time, and its outcome is unknown")
		}
		err = <-during
		wants(t, err, context.DeadlineExceeded)
		wants(t, err, ErrUnknown)
		must(t, <-never)
		must(t, b.Close(t.Context()))
		if slices.Sort(seen); fmt.Sprint(seen) != "[4 6]" {
			t.Errorf("worked on %v", seen)
		}
	})
}

// TestBatchLosesNothing adds items of a random mix of patient and impatient callers while knobs turn.
func TestBatchLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var worked, told, taken atomic.Int64
		b, err := NewBatcher(BatcherConfig{
			Size: rapid.IntRange(1, 9).Draw(t, "size"), Delay: time.Microsecond, Pending: 30, Concurrent: rapid.IntRange(1, 3).Draw(t, "concurrent"),
		}, func(_ context.Context, items []int) ([]Result[int], error) {
			worked.Add(int64(len(items)))
			return make([]Result[int], len(items)), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		close := rapid.IntRange(0, 600).Draw(t, "close")
		var all sync.WaitGroup
		for g := range 4 {
			all.Go(func() {
				for i := range 100 {
					ctx, cancel := context.WithCancel(context.Background())
					if i%2 == 0 {
						if b.Add(ctx, i, func(int, error) { told.Add(1) }) == nil {
							taken.Add(1)
						}
					} else {
						go cancel()
						b.Do(ctx, i)
					}
					switch {
					case i%10 == 3:
						b.SetSize(1 + (i+g)%12)
					case g*100+i == close:
						go b.Close(context.Background())
					}
					cancel()
				}
			})
		}
		all.Wait()
		if err := b.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		s := b.Stats()
		if taken.Load() != told.Load() || s.Pending != 0 || s.Running != 0 || uint64(worked.Load()) != s.Completed {
			t.Fatalf("%d taken, %d told, %d worked on, %+v", taken.Load(), told.Load(), worked.Load(), s)
		}
	})
}

// TestBatcherCloseReports closes while one batch runs and another waits.
func TestBatcherCloseReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBatcher(t, BatcherConfig{Name: "rows", Size: 2}, func(ctx context.Context, items []int) ([]Result[int], error) {
			<-ctx.Done() // until Close gives up
			return nil, ctx.Err()
		})
		told := make(chan error, 5)
		for i := range 5 {
			must(t, b.Add(t.Context(), i, func(_ int, err error) { told <- err }))
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := b.Close(ctx)
		if e, ok := errors.AsType[*CloseError](err); !ok || len(e.Left) != 1 || e.Left[0] != (Left{"batcher", "rows", 3, 2}) {
			t.Errorf("%v", err)
		}
		for range 3 {
			wants(t, <-told, ErrClosed)
		}
		wants(t, <-told, context.Canceled)
		wants(t, <-told, context.Canceled)
	})
}

// TestBatcherBlocks: who adds beyond Pending waits for room.
func TestBatcherBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBatcher(t, BatcherConfig{Size: 1, Pending: 1}, func(_ context.Context, items []int) ([]Result[int], error) {
			time.Sleep(time.Second)
			return make([]Result[int], len(items)), nil
		})
		start := time.Now()
		for i := range 4 {
			must(t, b.Add(t.Context(), i, nil))
			synctest.Wait()
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("four items, of which one runs and one waits, took %v to add", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		wants(t, b.Add(ctx, 5, nil), context.DeadlineExceeded)
		must(t, b.Close(t.Context()))
	})
}

func TestBatcherKnobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		b := newBatcher(t, BatcherConfig{Size: 10, Delay: time.Hour}, func(ctx context.Context, items []int) ([]Result[int], error) {
			sizes = append(sizes, len(items))
			return double(ctx, items)
		})
		add := func(n int) {
			for range n {
				must(t, b.Add(t.Context(), 2, nil))
			}
			synctest.Wait()
		}
		add(3)
		must(t, b.SetSize(2)) // has as many
		add(2)
		must(t, b.SetDelay(time.Second))
		add(1)
		time.Sleep(2 * time.Second)
		add(1)
		b.Flush()
		synctest.Wait()
		if fmt.Sprint(sizes) != "[3 2 1 1]" {
			t.Errorf("batches of %v", sizes)
		}
		if b.SetSize(0) == nil || b.SetSize(1e6) == nil || b.SetDelay(0) == nil || b.SetDelay(-1) == nil {
			t.Error("takes nonsense")
		}
		must(t, b.Close(t.Context()))
	})
}

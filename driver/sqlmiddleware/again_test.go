package sqlmiddleware

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestRetriesEndInTime holds a lock for good and looks at the clock of the bubble.
func TestRetriesEndInTime(t *testing.T) {
	waits := RetryConfig{Delay: 100 * time.Millisecond, MaxDelay: 400 * time.Millisecond, Jitter: -1}
	for name, test := range map[string]struct {
		max     int
		bound   time.Duration
		timeout time.Duration // of the context, 0 for none
		took    time.Duration
		want    RetryStats
		err     error
	}{
		"retries":        {3, -1, 0, 700 * time.Millisecond, RetryStats{Retries: 3, GaveUp: 1}, nil},
		"longest wait":   {5, -1, 0, 1500 * time.Millisecond, RetryStats{Retries: 5, GaveUp: 1}, nil},
		"duration":       {-1, time.Second, 0, time.Second, RetryStats{Retries: 3, GaveUp: 1}, nil},
		"no time at all": {-1, 1, 0, 1, RetryStats{GaveUp: 1}, nil},
		"context":        {-1, time.Minute, 150 * time.Millisecond, 150 * time.Millisecond, RetryStats{Retries: 1, Canceled: 1}, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			path := file(t)
			unlock := lock(t, path, "IMMEDIATE")
			defer unlock()
			synctest.Test(t, func(t *testing.T) {
				c := waits
				c.MaxRetries, c.MaxDuration = test.max, test.bound
				retry := Retry(c)
				db := open(t, path, retry)
				defer db.Close()
				ctx, cancel := context.WithCancel(background)
				if test.timeout > 0 {
					ctx, cancel = context.WithTimeout(background, test.timeout)
				}
				defer cancel()
				start := time.Now()
				_, err := db.ExecContext(ctx, "INSERT INTO t(a) VALUES (3)")
				if took := time.Since(start); took != test.took || retry.Stats() != test.want {
					t.Errorf("took %v and %+v, want %v and %+v", took, retry.Stats(), test.took, test.want)
				}
				if test.err == nil && !isBusy(err) || test.err != nil && err != test.err {
					t.Errorf("error %v, want %v or busy", err, test.err)
				}
			})
		})
	}
}

// TestCanceledWaitEnds cancels during a wait of an hour.
func TestCanceledWaitEnds(t *testing.T) {
	path := file(t)
	defer lock(t, path, "IMMEDIATE")()
	ctx, cancel := context.WithCancel(background)
	retry := Retry(RetryConfig{Delay: time.Hour, MaxDuration: -1, OnRetry: func(context.Context, RetryEvent) { cancel() }})
	_, err := open(t, path, retry).ExecContext(ctx, "INSERT INTO t(a) VALUES (3)")
	if err != context.Canceled || retry.Stats() != (RetryStats{Canceled: 1}) {
		t.Errorf("%v and %+v", err, retry.Stats())
	}
}

func TestJitterSpreadsWaits(t *testing.T) {
	busy := busyError(t)
	synctest.Test(t, func(t *testing.T) {
		different := map[time.Duration]bool{}
		for range 50 {
			start := time.Now()
			retry := Retry(RetryConfig{MaxRetries: 1, Delay: 100 * time.Millisecond})
			retry.ConnExecContext(background, &scripted{func() error { return busy }}, "SELECT 1", nil)
			took := time.Since(start)
			if different[took] = true; took < 50*time.Millisecond || took > 150*time.Millisecond {
				t.Errorf("waited %v, want 50 to 150ms", took)
			}
		}
		if len(different) < 10 {
			t.Errorf("%d different waits of 50", len(different))
		}
	})
}

func TestNilContext(t *testing.T) {
	busy, calls := busyError(t), 0
	var none context.Context
	conn := &scripted{func() error {
		if calls++; calls == 1 {
			return busy
		}
		return nil
	}}
	_, err := Retry(RetryConfig{Delay: -1}).ConnExecContext(none, conn, "SELECT 1", nil)
	must(t, err)
	_, err = Guard(GuardConfig{Deadline: time.Hour}).ConnExecContext(none, conn, "SELECT 1", nil)
	must(t, err)
	_, err = Tags(TagsConfig{Route: true, Traceparent: true}).ConnExecContext(none, conn, "SELECT 1", nil)
	must(t, err)
}

// TestCanceledAttemptEnds cancels while an attempt waits for the lock within SQLite.
func TestCanceledAttemptEnds(t *testing.T) {
	path := file(t)
	defer lock(t, path, "IMMEDIATE")()
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	retry := Retry(RetryConfig{Delay: time.Millisecond, OnRetry: func(context.Context, RetryEvent) { time.AfterFunc(100*time.Millisecond, cancel) }})
	_, err := open(t, path+"?_pragma=busy_timeout(300)", retry).ExecContext(ctx, "INSERT INTO t(a) VALUES (3)")
	if err != context.Canceled || retry.Stats() != (RetryStats{Retries: 1, Canceled: 1}) {
		t.Errorf("%v and %+v", err, retry.Stats())
	}
}

package advisor

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestQuiet(t *testing.T) {
	even := make([]int, 60)
	for i := range even {
		even[i] = 100
	}
	for _, c := range []struct {
		name    string
		seconds []int
		want    bool
	}{
		{"nothing known", nil, false},
		{"too little known", []int{100, 100, 0}, false},
		{"even traffic", even, false},
		{"a pause", append(even[:59:59], 0), true},
		{"a lull", append(even[:59:59], 49), true},
		{"hardly less", append(even[:59:59], 60), false},
		{"at rest", make([]int, 10), true},
		{"the pause is over", append(even[:58:58], 0, 100), false},
		{"a burst long ago", append([]int{1e6}, even...), false},
	} {
		var p pulse
		for _, n := range c.seconds {
			p.beat(n)
		}
		if got, _ := p.quiet(); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// TestQuietWait: the change comes at the pause, or not at all.
func TestQuietWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pulse
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go every(ctx, time.Second, func(now time.Time) {
			if now.Unix()%45 == 0 {
				p.beat(3)
			} else {
				p.beat(1000)
			}
		})
		start := time.Now()
		if err := p.wait(ctx, 5*time.Second); !errors.Is(err, ErrNotQuiet) || time.Since(start) != 5*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		if err := p.wait(ctx, time.Minute); err != nil || time.Now().Unix()%45 != 0 {
			t.Errorf("at %v: %v", time.Now(), err)
		}
		ended, cancel := context.WithCancel(ctx)
		time.AfterFunc(3*time.Second, cancel)
		p.beat(1000)
		if err := p.wait(ended, time.Hour); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		stop()
	})
}

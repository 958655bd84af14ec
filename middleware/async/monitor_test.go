package async

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

func TestMonitorCountsByName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := optimizer(t, Config{})
		for i := range 100 {
			s := o.Monitor(t.Context(), "resize")
			time.Sleep(time.Duration(i+1) * time.Millisecond)
			switch {
			case i%10 == 0:
				s.End(errBroken)
			case i%10 == 1:
				s.End(fmt.Errorf("stopped: %w", context.Canceled))
			default:
				s.End(nil)
			}
		}
		open := o.Monitor(t.Context(), "mail")
		o.Monitor(capture.Mute(t.Context()), "own").End(nil)
		ops := o.Stats().Operations
		if len(ops) != 2 || ops[0].Name != "mail" || ops[0].InFlight != 1 {
			t.Fatalf("%+v", ops)
		}
		s := ops[1]
		if s.Completed != 80 || s.Failed != 10 || s.Cancelled != 10 || s.InFlight != 0 || s.ErrorRate != 10.0/90 {
			t.Errorf("%+v", s)
		}
		if near := func(a, b time.Duration) bool { return a > b*98/100 && a < b*102/100 }; !near(s.Times.P50, 50*time.Millisecond) ||
			!near(s.Times.P95, 95*time.Millisecond) || s.Times.Max != 100*time.Millisecond || s.Times.Recent != s.Times.Latency {
			t.Errorf("%+v", s.Times)
		}
		if s.Throughput < 19 || s.Throughput > 20.5 { // 100 in 5.05 s
			t.Errorf("throughput %v, want 19.8", s.Throughput)
		}
		open.End(nil)
		time.Sleep(time.Hour)
		s = o.Stats().Operations[1]
		if s.Throughput != 0 || s.Times.Recent.Count != 0 || s.Times.Count != 100 {
			t.Errorf("an hour later %+v", s)
		}
	})
}

// TestNamesAreBoundedAndHarmless takes names from a stranger.
func TestNamesAreBoundedAndHarmless(t *testing.T) {
	o := optimizer(t, Config{Names: 5})
	for _, name := range []string{"", "a\nb\x00", "\xff\xfe", strings.Repeat("é", 100), "\u202eevil\u2066", "six", "seven", OtherName} {
		o.Monitor(t.Context(), name).End(nil)
	}
	ops := o.Stats().Operations
	var others uint64
	for _, op := range ops {
		if !utf8.ValidString(op.Name) || len(op.Name) > nameBytes || strings.ContainsAny(op.Name, "\n\x00\u202e\u2066") || op.Name == "" {
			t.Errorf("%q", op.Name)
		}
		if op.Name == OtherName {
			others = op.Completed
		}
	}
	if len(ops) != 6 || others != 3 {
		t.Errorf("%d names, of which %d calls had other ones", len(ops), others)
	}
}

func FuzzClean(f *testing.F) {
	f.Add("GET /x\r\n")
	f.Add(strings.Repeat("\xf0\x9f\x98\x80", 30))
	f.Fuzz(func(t *testing.T, name string) {
		once := clean(name)
		if once == "" || len(once) > nameBytes || !utf8.ValidString(once) || clean(once) != once {
			t.Errorf("%q became %q and then %q", name, once, clean(once))
		}
	})
}

// TestMeterIsExact: nothing is lost among goroutines and minutes.
func TestMeterIsExact(t *testing.T) {
	m := newMeter(0)
	var all sync.WaitGroup
	start := capture.Now()
	for g := range 4 {
		all.Go(func() {
			for i := range 1000 {
				m.record(start+capture.Instant(i)*capture.Instant(time.Second), time.Duration(g), time.Millisecond, outcome(i%3))
			}
		})
	}
	all.Wait()
	r := m.read(start + 1000*capture.Instant(time.Second))
	if r.total() != 4000 || r.times.Count != 4000 || r.waits.Count != 4000 || r.counts != [3]uint64{1336, 1332, 1332} {
		t.Errorf("%+v", r)
	}
}

func TestMonitorAllocatesNothing(t *testing.T) {
	o := optimizer(t, Config{})
	ctx := context.Background()
	measure := func() { o.Monitor(ctx, "resize").End(nil) }
	for range 1000 {
		measure()
	}
	if n := testing.AllocsPerRun(10_000, measure); n != 0 {
		t.Errorf("Monitor allocates %v times, want 0", n)
	}
}

// TestOutOfRange: New names what is wrong, and does not hang or panic.
func TestOutOfRange(t *testing.T) {
	for _, c := range []Config{
		{Workers: -1}, {Workers: 1 << 40}, {Queue: -5}, {Queue: 1 << 40}, {Full: 7}, {Rate: -1}, {Rate: 1e12}, {Rate: 1e-300},
		{Burst: -1}, {Batch: -1}, {Batch: 1 << 40}, {Delay: -1}, {Delay: 1 << 62}, {Failures: -1}, {Failures: 1 << 40},
		{OpenDelay: -1}, {OpenDelay: 1 << 62}, {Names: -1}, {Names: 1 << 40},
	} {
		if o, err := New(c); !errors.Is(err, errConfig) || o != nil {
			t.Errorf("%+v gives %v", c, err)
		}
	}
	nan := Config{Rate: 0}
	nan.Rate /= nan.Rate
	_, err := New(nan)
	wants(t, err, errConfig)
	batch := func(context.Context, []int) ([]Result[int], error) { return nil, nil }
	for what, err := range map[string]func() error{
		"batcher":    func() error { _, err := NewBatcher(BatcherConfig{Size: 10, Pending: 5}, batch); return err },
		"timeout":    func() error { _, err := NewBatcher(BatcherConfig{Timeout: -1}, batch); return err },
		"bulkhead":   func() error { _, err := NewBulkhead(BulkheadConfig{Limit: -1}); return err },
		"resource":   func() error { _, err := NewResource(ResourceConfig[int]{}); return err },
		"supervisor": func() error { _, err := NewSupervisor(SupervisorConfig{Backoff: time.Hour, MaxWait: 1}); return err },
		"retry": func() error {
			_, err := NewOperation(OperationConfig[int]{Retry: RetryConfig{Max: 1, Delay: 5, MaxDelay: 5}})
			return err
		},
		"hedge": func() error { _, err := NewOperation(OperationConfig[int]{Hedge: HedgeConfig{Max: 1}}); return err },
	} {
		t.Run(what, func(t *testing.T) { wants(t, err(), errConfig) })
	}
	if _, err := NewBatcher[int, int](BatcherConfig{}, nil); err == nil {
		t.Error("a batcher without a function")
	}
}

func TestStatsAreJSON(t *testing.T) {
	o := optimizer(t, Config{})
	o.Monitor(t.Context(), "resize").End(nil)
	_, err := o.Breaker("mail")
	must(t, err)
	text, err := json.Marshal(o.Stats())
	must(t, err)
	for _, want := range []string{`"operations":[{"name":"resize"`, `"p99_ns":`, `"breakers":[{"name":"mail","state":"closed"`, `"max_workers":100`,
		`"capacity":1000`, `"rate":1000`, `"batchers":[]`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
}

package alert

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func reading(value float64) Reading {
	return Reading{Code: "pool_wait", Level: Warning, Subject: "app.db", Title: "waiting for connections", Value: value, Threshold: 100, Unit: "ms"}
}

// TestEpisodes observes one value a step, at seconds after noon, and draws each step's outcome:
// + fired or rose, - resolved, . firing as before, space nothing.
func TestEpisodes(t *testing.T) {
	type step struct {
		second int
		value  float64 // negative: not observed, only Tick
	}
	tests := []struct {
		name  string
		steps []step
		want  string
	}{
		{"below the threshold", []step{{0, 99}, {1, 50}, {2, 0}}, "   "},
		{"at the threshold", []step{{0, 100}, {1, 200}}, "+."},
		{"resolves after 30 s below half", []step{{0, 100}, {10, 49}, {29, 49}, {30, 49}, {31, 49}}, "+..- "},
		{"between half and threshold it goes on", []step{{0, 100}, {20, 50}, {45, 99}, {70, 60}, {99, 10}, {100, 10}}, "+....-"},
		{"silence resolves", []step{{0, 100}, {29, -1}, {30, -1}, {31, -1}}, "+.- "},
		{"not a number is silence", []step{{0, 100}, {29, math.NaN()}, {30, math.NaN()}, {31, -1}}, "+..-"},
		{"fires again", []step{{0, 100}, {30, 0}, {31, 100}, {61, -1}}, "+-+-"},
		{"one dip does not resolve", []step{{0, 100}, {20, 0}, {40, 100}, {60, 0}, {70, 0}}, "+...-"},
		{"an old reading changes nothing", []step{{60, 100}, {10, 100}, {89, 0}, {90, 0}}, "+..-"},
		{"infinite", []step{{0, math.Inf(1)}, {30, math.Inf(-1)}}, "+-"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var tracker Tracker
			var got strings.Builder
			for _, s := range tt.steps {
				now := noon.Add(time.Duration(s.second) * time.Second)
				var changed bool
				if s.value < 0 && !math.IsInf(s.value, 0) {
					changed = len(tracker.Tick(now)) > 0
				} else {
					_, changed = tracker.Observe(reading(s.value), now)
				}
				got.WriteByte(outcome(&tracker, changed))
			}
			if got.String() != tt.want {
				t.Errorf("got %q, want %q", got.String(), tt.want)
			}
		})
	}
}

func outcome(t *Tracker, changed bool) byte {
	firing := len(t.firing) > 0
	switch {
	case changed && firing:
		return '+'
	case changed:
		return '-'
	case firing:
		return '.'
	}
	return ' '
}

func TestAlertAsJSON(t *testing.T) {
	var tracker Tracker
	tracker.Observe(reading(150), noon)
	worse := reading(math.Inf(1))
	worse.Level, worse.Detail = Critical, "raise SetMaxOpenConns"
	worse.Window, worse.Link, worse.Runbook = time.Minute, "#/pools?range=15m", "look at who holds connections"
	if a, changed := tracker.Observe(worse, noon.Add(time.Second)); !changed || a.Level != Critical {
		t.Errorf("Observe = %+v, %v, want the alert at its higher level", a, changed)
	}
	milder := worse
	milder.Level, milder.Value, milder.Detail = Warning, 120, ""
	if _, changed := tracker.Observe(milder, noon.Add(2*time.Second)); changed {
		t.Error("a lower level in the same episode is a change")
	}
	got, err := json.Marshal(tracker.Alerts())
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"code":"pool_wait","fingerprint":"` + Fingerprint("pool_wait", "app.db") + `","level":"critical","subject":"app.db","title":"waiting for connections","detail":"",` +
		`"value":120,"threshold":100,"unit":"ms",` +
		`"window_ns":60000000000,"link":"#/pools?range=15m","runbook":"look at who holds connections","state":"firing",` +
		`"first_seen":"2026-03-01T12:00:00Z","last_seen":"2026-03-01T12:00:02Z","count":3}]`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	var back []Alert
	if err := json.Unmarshal(got, &back); err != nil || back[0].Level != Critical {
		t.Errorf("read back %+v, %v", back, err)
	}
	if _, err := ParseLevel("panic"); !errors.Is(err, ErrLevel) {
		t.Errorf("ParseLevel: %v, want ErrLevel", err)
	}
}

func TestFingerprint(t *testing.T) {
	if got, want := Fingerprint("pool_wait", "app.db"), "bca3aa8fcd0a77e3"; got != want {
		t.Errorf("got %s, want %s as in every process before", got, want)
	}
	seen := map[string][2]string{}
	for _, p := range [][2]string{{"a", "b"}, {"ab", ""}, {"", "ab"}, {"a\"", "b"}, {"a", "\"b"}, {"a\x00", "b"}, {"a", "\x00b"}, {"b", "a"}} {
		f := Fingerprint(p[0], p[1])
		if other, ok := seen[f]; ok {
			t.Errorf("%q and %q have one fingerprint", p, other)
		}
		seen[f] = p
	}
}

func TestOrder(t *testing.T) {
	var tracker Tracker
	for i, r := range []Reading{{Code: "a", Level: Info}, {Code: "b", Level: Emergency}, {Code: "c", Level: Info}, {Code: "d", Level: Warning}} {
		r.Value, r.Threshold = 1, 1
		tracker.Observe(r, noon.Add(time.Duration(i)*time.Second))
	}
	tracker.Tick(noon.Add(31 * time.Second)) // a and b
	var got string
	for _, a := range tracker.Alerts() {
		got += a.Code + " " + string(a.State) + " "
	}
	if want := "d firing c firing b resolved a resolved "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestBounds(t *testing.T) {
	var tracker Tracker
	for i := range 1200 {
		r := reading(100)
		r.Subject = fmt.Sprint(i)
		now := noon.Add(time.Duration(i) * time.Minute / 100)
		tracker.Observe(r, now)
		if len(tracker.firing) > maxFiring || len(tracker.resolved) > maxResolved {
			t.Fatalf("%d firing, %d resolved", len(tracker.firing), len(tracker.resolved))
		}
	}
	if got := tracker.Dropped(); got != 700 {
		t.Errorf("%d readings dropped, want 700", got)
	}
	for i := range 3 {
		now := noon.Add(time.Duration(i+1) * time.Hour)
		tracker.Tick(now.Add(time.Minute))
		for n := range 400 {
			r := reading(100)
			r.Subject = fmt.Sprint(i, n)
			tracker.Observe(r, now.Add(2*time.Minute))
		}
	}
	tracker.Tick(noon.Add(5 * time.Hour))
	if n := len(tracker.Alerts()); n != maxResolved {
		t.Errorf("%d alerts kept, want %d", n, maxResolved)
	}
	tracker.Tick(noon.Add(28 * time.Hour))
	if n := len(tracker.Alerts()); n != 0 {
		t.Errorf("%d alerts kept after a day, want 0", n)
	}
}

func TestConcurrentUse(t *testing.T) {
	var tracker Tracker
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for i := range 200 {
				now := noon.Add(time.Duration(i) * time.Second)
				tracker.Observe(reading(float64((i+n)%3*60)), now)
				tracker.Tick(now)
				tracker.Alerts()
			}
		})
	}
	wg.Wait()
}

func BenchmarkObserve(b *testing.B) {
	var tracker Tracker
	r := reading(100)
	b.ReportAllocs()
	for b.Loop() {
		tracker.Observe(r, noon)
	}
}

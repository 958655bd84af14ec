package gate

import (
	"testing"
	"testing/synctest"
	"time"
)

// feed completes work of a duration that began now, as if at was the time.
func feed(g *Gate, n int, took time.Duration) {
	for range n {
		g.window.completions.Add(1)
		g.window.add(int64(took), g.routes.base)
	}
}

// TestStallsVoidWindows: ticks 10ms apart count, one that comes 15ms too late throws all away.
func TestStallsVoidWindows(t *testing.T) {
	for name, test := range map[string]struct {
		late   time.Duration
		voided uint64
		limit  int
	}{
		"in time": {0, 0, 20}, "a little late": {14 * time.Millisecond, 0, 20}, "stalled": {15 * time.Millisecond, 1, 64},
	} {
		g := unticked(t, Config{Objective: objective})
		at := g.watch.last
		for range 4 {
			at += int64(tick)
			g.tick(at)
		}
		feed(g, 60, 90*time.Millisecond)
		at += int64(tick + test.late)
		g.tick(at)
		at = g.watch.last/int64(tick)*int64(tick) + int64(tick)
		for g.watch.voided == 0 && g.view.reason == None || at < ms(150) {
			g.tick(at)
			at += int64(tick)
		}
		if s := g.Stats(); s.Voided != test.voided || s.Limit > 64 || (s.Limit < 64) != (test.voided == 0) {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// TestWorkAcrossAStallIsNotTimed: its duration is the stall's.
func TestWorkAcrossAStallIsNotTimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := unticked(t, Config{Objective: objective})
		g.tick(g.now())
		p := acquire(t, g, Ordinary)
		time.Sleep(200 * time.Millisecond)
		g.tick(g.now())
		p.Release(Done)
		if g.window.count() != 0 || g.window.completions.Load() != 1 || g.Stats().Voided != 1 {
			t.Errorf("%d samples, %d completions, %+v", g.window.count(), g.window.completions.Load(), g.Stats())
		}
		q := acquire(t, g, Ordinary)
		time.Sleep(time.Millisecond)
		if q.Release(Done); g.window.count() != 1 {
			t.Error("work after the stall is not timed")
		}
	})
}

// TestAlwaysStalledIsOverload: a process that stands still before each tick is judged nevertheless.
func TestAlwaysStalledIsOverload(t *testing.T) {
	g := unticked(t, Config{Objective: objective})
	at := g.watch.last
	for range 40 {
		at += ms(40)
		feed(g, 5, 300*time.Millisecond)
		g.tick(at)
	}
	if s := g.Stats(); s.State == Normal || s.Limit == 64 || s.Voided < mostVoids {
		t.Errorf("%+v", s)
	}
}

// TestGoroutine lets the Gate's own ticker shed, notice and recover, in virtual time.
func TestGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := started(t, Config{Objective: objective})
		for range 30 {
			time.Sleep(tick)
			feed(g, 5, 90*time.Millisecond)
		}
		if s := g.Stats(); s.State != Shedding || s.Limit >= 64 || s.Reason != Late || s.P90 < 90*time.Millisecond || s.Target != 50*time.Millisecond/1024*1024 && s.Target > 50*time.Millisecond {
			t.Errorf("%+v", s)
		}
		time.Sleep(20 * time.Second)
		if s := g.Stats(); s.State != Normal || s.Limit != 64 || s.Voided != 0 {
			t.Errorf("after it: %+v", s)
		}
		d := g.Decisions()
		if len(d) < 3 || d[0].Before != 64 || d[len(d)-1].After != 64 || d[0].Samples < 20 || d[0].At.IsZero() {
			t.Errorf("%+v", d)
		}
	})
}

// TestNoticeAndRecovery plays a dependency that is slow whatever is in flight, and then is not.
func TestNoticeAndRecovery(t *testing.T) {
	for _, fault := range []bool{false, true} {
		var told []Notice
		g := unticked(t, Config{Objective: objective, OnNotice: func(n Notice) {
			told = append(told, n)
			if fault {
				panic("oh")
			}
		}})
		at := g.watch.last
		play := func(seconds float64, takes time.Duration) {
			for end := at + int64(seconds*1e9); at < end; at += int64(tick) {
				n := min(30, float64(g.bounds[Ordinary].Load()))
				g.inFlight.Store(int64(n))
				feed(g, int(n*float64(tick)/float64(takes)+float64(at/int64(tick)%10)/10), takes)
				g.notify(g.tick(at + int64(tick)))
			}
		}
		play(20, 80*time.Millisecond)
		if s := g.Stats(); s.Limit != 64 || s.SlowDependency < 50*time.Millisecond || s.SlowDependency > 120*time.Millisecond {
			t.Errorf("%+v", s)
		}
		play(20, 10*time.Millisecond)
		if s := g.Stats(); s.SlowDependency != 0 || s.State != Normal {
			t.Errorf("%+v", s)
		}
		if len(told) != 2 || !told[0].Slow || told[1].Slow || told[0].Message == told[1].Message {
			t.Errorf("told %+v", told)
		}
	}
}

func TestDecisionsAreBounded(t *testing.T) {
	var l log
	for i := range 3*logged + 7 {
		l.add(Decision{Before: i})
	}
	list := l.list()
	if len(list) != logged || list[0].Before != 2*logged+7 || list[logged-1].Before != 3*logged+6 {
		t.Errorf("%d decisions from %d to %d", len(list), list[0].Before, list[len(list)-1].Before)
	}
}

// TestRoutesLearnTheirTarget: five times the healthy median, which overload does not teach.
func TestRoutesLearnTheirTarget(t *testing.T) {
	g := unticked(t, Config{Routes: map[string]time.Duration{"GET /given": time.Second, "/any": 4 * time.Second}})
	r := g.routes.find("GET", "/learned")
	serve := func(seconds int, takes time.Duration, calm bool) {
		for range seconds {
			for range 200 {
				r.seen.add(int64(takes))
			}
			r.update(calm, time.Second)
		}
	}
	target := func() time.Duration { return time.Duration(r.target.Load()) }
	near := func(want time.Duration) {
		t.Helper()
		if got := target(); got < want*85/100 || got > want*115/100 {
			t.Errorf("target %v, want about %v", got, want)
		}
	}
	near(50 * time.Millisecond)
	serve(3, 20*time.Millisecond, true)
	near(100 * time.Millisecond)
	serve(3, 500*time.Millisecond, false)
	near(100 * time.Millisecond)
	serve(3, 4*time.Millisecond, true)
	near(20 * time.Millisecond)
	serve(700, 40*time.Millisecond, true) // slower for good
	near(200 * time.Millisecond)
	for want, got := range map[time.Duration]*route{
		500 * time.Millisecond: g.routes.find("", "GET /given"),
		2 * time.Second:        g.routes.find("PUT", "/any"),
		50 * time.Millisecond:  g.routes.find("PUT", "/given"),
	} {
		if time.Duration(got.target.Load()) != want {
			t.Errorf("target %v, want %v", time.Duration(got.target.Load()), want)
		}
	}
	if g.routes.find("GET", "") != nil || g.routes.find("EVIL1", "/x") != g.routes.find("EVIL2", "/x") {
		t.Error("routes of strangers")
	}
	for i := range 2 * mostRoutes {
		g.routes.find("GET", "/"+time.Duration(i).String())
	}
	if g.routes.count != mostRoutes {
		t.Errorf("%d routes", g.routes.count)
	}
}

package request

import (
	"slices"
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// look asks the detectors about one observation.
func look(o observation) map[Code]signal {
	c := Config{}.withDefaults()
	u := newUsage(c)
	w := &watching{observation: &o, route: newRoute("GET /x"), config: &c, usage: &u}
	for _, d := range detectors {
		d.detect(w)
	}
	found := map[Code]signal{}
	for _, s := range w.signals {
		found[s.code] = s
	}
	return found
}

// calls makes outgoing calls one after the other, with a millisecond between.
func calls(took time.Duration, names ...string) (list []call) {
	at := capture.Instant(0)
	for _, name := range names {
		list = append(list, call{name: name, start: at, end: at + capture.Instant(took)})
		at += capture.Instant(took) + capture.Instant(time.Millisecond)
	}
	return list
}

// TestOutgoing is about N9 and N10.
func TestOutgoing(t *testing.T) {
	at := func(ms int64) capture.Instant { return capture.Instant(ms * 1e6) }
	overlapping := []call{{name: "a", end: at(200)}, {name: "b", start: at(10), end: at(210)}}
	between := observation{calls: calls(ms(150), "a", "b"), groups: []group{{statement: statements[0], count: 1}}, steps: []step{{start: at(150) + 10, end: at(150) + 20}}}
	for _, c := range []struct {
		name string
		o    observation
		want []Code
	}{
		{"the same call five times", observation{calls: calls(ms(5), "a", "a", "a", "a", "a")}, []Code{NPlusOneAPI}},
		{"the same call five times among others", observation{calls: calls(ms(5), "a", "b", "a", "b", "a", "b", "a", "a")}, []Code{NPlusOneAPI}},
		{"the same call four times", observation{calls: calls(ms(5), "a", "a", "a", "a")}, nil},
		{"five calls", observation{calls: calls(ms(5), "a", "b", "c", "d", "e")}, nil},
		{"two services one after the other", observation{calls: calls(ms(150), "a", "b")}, []Code{ConsecutiveHTTP}},
		{"three services, one of them fast", observation{calls: append(calls(ms(150), "a", "b"), call{name: "c", start: at(400), end: at(401)})}, []Code{ConsecutiveHTTP}},
		{"one service twice", observation{calls: calls(ms(150), "a", "a")}, nil},
		{"two services at once", observation{calls: overlapping}, nil},
		{"fast services", observation{calls: calls(ms(50), "a", "b")}, nil},
		{"a statement between", between, nil},
	} {
		found := look(c.o)
		for _, code := range []Code{NPlusOneAPI, ConsecutiveHTTP} {
			if _, got := found[code]; got != slices.Contains(c.want, code) {
				t.Errorf("%s: %s %v", c.name, code, got)
			}
		}
	}
}

// TestAnswers is about N8 and N11, which need the size of the answer.
func TestAnswers(t *testing.T) {
	big := func(rows uint32, response int64, sized bool, took time.Duration) observation {
		return observation{groups: []group{{statement: statements[0], count: 1, rows: int64(rows)}}, steps: []step{{rows: rows}},
			response: response, sized: sized, Example: Example{Total: took}}
	}
	for _, c := range []struct {
		name  string
		o     observation
		want  Code
		level Level
	}{
		{"many rows and a small answer", big(1500, 200, true, ms(50)), BigResult, Info},
		{"many rows and a large answer", big(1500, 200_000, true, ms(50)), "", 0},
		{"few rows", big(900, 200, true, ms(50)), "", 0},
		{"many rows, nobody knows for what", big(1500, 0, false, ms(50)), "", 0},
		{"a large answer", big(10, 400_000, true, ms(150)), LargePayload, Info},
		{"a very large answer", big(10, 2_000_000, true, ms(150)), LargePayload, Warning},
		{"a large answer at once", big(10, 400_000, true, ms(50)), "", 0},
		{"a large answer, nobody knows", big(10, 400_000, false, ms(150)), "", 0},
	} {
		found := look(c.o)
		for _, code := range []Code{BigResult, LargePayload} {
			if s, got := found[code]; got != (code == c.want) || got && s.level != c.level {
				t.Errorf("%s: %s %v at level %v", c.name, code, got, s.level)
			}
		}
	}
}

// TestPoolWait is about N13: what a pool counts second by second.
func TestPoolWait(t *testing.T) {
	for _, c := range []struct {
		name             string
		waits, checkouts uint64
		each             time.Duration
		want             int
	}{
		{"long and often", 10, 100, ms(60), 1},
		{"long and rare", 1, 100, ms(60), 0},
		{"often and short", 50, 100, ms(0.1), 0},
		{"a tenth of the requests' time", 50, 100, ms(20), 1},
	} {
		tracker := NewTracker(Config{})
		var waits, checkouts uint64 = 5000, 9000 // from before
		waited := 5000 * time.Second
		for second := range 60 {
			at := capture.Instant(time.Hour + time.Duration(second)*time.Second)
			for i := range 4 {
				tracker.Add(visit("GET /x", at+capture.Instant(i), 1, 100*time.Millisecond))
			}
			tracker.Pool(source, waits, checkouts, waited)
			waits, checkouts, waited = waits+c.waits, checkouts+c.checkouts, waited+time.Duration(c.waits)*c.each
		}
		var found []Finding
		for _, f := range tracker.Findings() {
			if f.Code == PoolWait {
				found = append(found, f)
			}
		}
		if len(found) != c.want || c.want > 0 && (found[0].Level != Critical || found[0].Database != source || found[0].Route != "") {
			t.Errorf("%s: %+v", c.name, found)
		}
	}
}

// TestBaseline is about N12: a route twice as slow as in the hours before, though within the objective.
func TestBaseline(t *testing.T) {
	for factor, want := range map[int]int{1: 0, 3: 1} {
		tracker := NewTracker(Config{})
		at := capture.Instant(time.Hour)
		for range 400 {
			at += capture.Instant(time.Minute)
			tracker.Add(visit("GET /x", at, 1, 20*time.Millisecond))
		}
		for range 200 {
			at += capture.Instant(time.Second)
			tracker.Add(visit("GET /x", at, 1, time.Duration(factor)*20*time.Millisecond))
		}
		list := slices.DeleteFunc(slices.Clone(tracker.Findings()), func(f Finding) bool { return f.Code != SlowRoute })
		if len(list) != want || want > 0 && (list[0].Threshold < 75 || list[0].Threshold > 85) {
			t.Errorf("%d times as slow: %+v", factor, list)
		}
	}
}

// TestLateOfAFew: one late statement in a thousand requests is an accident.
func TestLateOfAFew(t *testing.T) {
	for every, want := range map[int]int{20: 1, 400: 0} {
		tracker := NewTracker(Config{Window: time.Hour})
		for i := range 1200 {
			events := visit("GET /x", capture.Instant(time.Hour+time.Duration(i)*time.Second), 1, time.Millisecond)
			if i%every == every-1 {
				late := events[0]
				late.Start, late.Flags = late.Start+capture.Instant(100*time.Millisecond), capture.FlagLate
				events = append(events, late, late)
			}
			tracker.Add(events)
		}
		list := slices.DeleteFunc(slices.Clone(tracker.Findings()), func(f Finding) bool { return f.Code != Late })
		if len(list) != want || want > 0 && list[0].Requests != 60 {
			t.Errorf("every %d: %+v", every, list)
		}
	}
}

// TestLevelsAndCodes: each code has a place, and each level a name.
func TestLevelsAndCodes(t *testing.T) {
	if len(Codes) != 16 || Info.String() != "info" || Warning.String() != "warning" || Critical.String() != "critical" {
		t.Error(Codes, Info, Warning, Critical)
	}
}

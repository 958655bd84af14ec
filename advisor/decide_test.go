package advisor

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// synthetic makes the traffic of statements slot by slot.
type synthetic struct {
	random *rand.Rand
	noise  float64 // standard deviation of the logarithm between slots
	slots  int
}

// statement takes p50 and calls a slot; its times after are multiplied by the factor, and by what
// weather says of the slot.
func (m synthetic) statement(role, name string, p50 time.Duration, calls uint64, factor float64, weather func(after bool, at int) float64) *series {
	s := &series{digest: name, fingerprint: name, role: role}
	for side, list := range []*[]slot{&s.before, &s.after} {
		for at := range m.slots {
			v := float64(p50) * math.Exp(m.random.NormFloat64()*m.noise) * weather(side == 1, at)
			if side == 1 {
				v *= factor
				s.total += time.Duration(v) * time.Duration(calls)
			}
			*list = append(*list, slot{at: at, calls: calls, p50: v, p95: 3 * v})
		}
	}
	return s
}

func fair(bool, int) float64 { return 1 }

// TestDecide: what happened to live traffic, and what is concluded.
func TestDecide(t *testing.T) {
	type weather = func(after bool, at int) float64
	slowMachine := func(after bool, _ int) float64 { return map[bool]float64{false: 1, true: 3}[after] }
	bursts := func(after bool, at int) float64 {
		if after && at%4 == 0 {
			return 8
		}
		return 1
	}
	for _, c := range []struct {
		name                        string
		target, other, write        float64 // factors after the change
		calls                       uint64  // of each statement in a slot
		slots                       int
		noise                       float64
		weather                     weather
		controls                    bool
		writes                      uint64 // calls in a slot
		harm, better, severe, quiet bool
	}{
		{name: "improved", target: 0.1, other: 1, write: 1, better: true},
		{name: "improved, writes pay a little", target: 0.1, other: 1, write: 1.4, better: true},
		{name: "unchanged", target: 1, other: 1, write: 1},
		{name: "a target harmed", target: 1.6, other: 1, write: 1, harm: true},
		{name: "a target harmed severely", target: 5, other: 1, write: 1, harm: true, severe: true},
		{name: "noisy and unchanged", target: 1, other: 1, write: 1, noise: 1},
		{name: "noisy and improved", target: 0.05, other: 1, write: 1, noise: 0.6, better: true},
		{name: "too little traffic", target: 8, other: 8, write: 8, calls: 1, quiet: true},
		{name: "too few slots", target: 8, other: 8, write: 8, slots: 6, quiet: true},
		{name: "everything slower", target: 1, other: 1, write: 1, weather: slowMachine},
		{name: "everything slower, but a target faster", target: 0.1, other: 1, write: 1, weather: slowMachine, better: true},
		{name: "everything slower, and one more", target: 1, other: 4, write: 1, weather: slowMachine, harm: true, severe: true},
		{name: "bursts", target: 1, other: 1, write: 1, weather: bursts},
		{name: "another statement harmed", target: 0.1, other: 1.8, write: 1, better: true, harm: true},
		{name: "another statement a little slower", target: 0.1, other: 1.1, write: 1, better: true},
		{name: "writes lose more than reads save", target: 0.6, other: 1, write: 3, writes: 1000, better: true, harm: true, severe: true},
		{name: "writes lose, nobody gains", target: 1, other: 1, write: 1.5, harm: true, severe: true},
	} {
		for seed := range uint64(20) {
			m := synthetic{rand.New(rand.NewPCG(seed, 1)), 0.1, 30}
			if c.noise > 0 {
				m.noise = c.noise
			}
			if c.slots > 0 {
				m.slots = c.slots
			}
			calls, sky := uint64(30), fair
			if c.calls > 0 {
				calls = c.calls
			}
			if c.weather != nil {
				sky = c.weather
			}
			writes := calls
			if c.writes > 0 {
				writes = c.writes
			}
			on := &comparison{controls: 3, statements: []*series{
				m.statement(roleTarget, "target", 5*time.Millisecond, calls, c.target, sky),
				m.statement(roleOther, "other", 400*time.Microsecond, calls, c.other, sky),
				m.statement(roleWrite, "write", 100*time.Microsecond, writes, c.write, sky),
			}}
			for _, name := range []string{"x", "y", "z"} {
				on.statements = append(on.statements, m.statement(roleControl, name, time.Millisecond, 30, 1, sky))
			}
			f := decide(on)
			if (f.harm != "") != c.harm || f.better != c.better || f.severe != c.severe || (f.seen == 0) != c.quiet || len(f.statements) != 3 {
				t.Errorf("%s, seed %d: harm %q, severe %v, better %v, %d seen, %+v", c.name, seed, f.harm, f.severe, f.better, f.seen, f.statements)
				break
			}
		}
	}
}

// Without other statements to compare with, only a doubling counts.
func TestDecideWithoutControls(t *testing.T) {
	for _, c := range []struct {
		factor float64
		harm   bool
	}{{1.6, false}, {2.6, true}, {0.7, false}} {
		m := synthetic{rand.New(rand.NewPCG(1, 1)), 0.05, 20}
		f := decide(&comparison{statements: []*series{m.statement(roleTarget, "target", time.Millisecond, 40, c.factor, fair)}})
		if (f.harm != "") != c.harm || f.better {
			t.Errorf("%v: %+v", c.factor, f)
		}
	}
}

// What was frequent before and is missing since keeps the watch waiting.
func TestDecideWaits(t *testing.T) {
	m := synthetic{rand.New(rand.NewPCG(1, 1)), 0.05, 20}
	nightly := m.statement(roleOther, "nightly", time.Millisecond, 40, 1, fair)
	nightly.after = nightly.after[:2]
	f := decide(&comparison{statements: []*series{m.statement(roleTarget, "target", time.Millisecond, 40, 0.1, fair), nightly}})
	if !f.better || f.waiting != 1 || f.harm != "" {
		t.Errorf("%+v", f)
	}
}

// TestFalseAlarms: changes without an effect are undone no more often than falseAlarms says, also where
// each slot resembles the one before.
func TestFalseAlarms(t *testing.T) {
	const runs = 200
	for _, resemble := range []float64{0, 0.5, 0.7, 0.9} {
		harmed := 0
		for seed := range uint64(runs) {
			random := rand.New(rand.NewPCG(seed, 7))
			on := &comparison{}
			for _, role := range []string{roleTarget, roleOther, roleOther, roleWrite, roleControl, roleControl, roleControl} {
				drift := random.NormFloat64()
				m := synthetic{random, 0, 30}
				on.statements = append(on.statements, m.statement(role, role, time.Millisecond, 30, 1, func(bool, int) float64 {
					drift = resemble*drift + math.Sqrt(1-resemble*resemble)*random.NormFloat64()
					return math.Exp(0.4 * drift)
				}))
			}
			if decide(on).harm != "" {
				harmed++
			}
		}
		if share := float64(harmed) / runs; share > falseAlarms {
			t.Errorf("neighbours alike by %v: %.3f of the changes without an effect did harm", resemble, share)
		}
	}
}

// TestConclude: when a look ends the watch.
func TestConclude(t *testing.T) {
	applied := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	config := Watching{}.withDefaults()
	index := Recommendation{Type: "index", Applicable: true, Undo: []string{"DROP INDEX a"}}
	pragma := index
	pragma.Type = "pragma"
	if w := config.conclude(&Recommendation{Live: &Live{AppliedAt: applied}}, &comparison{}, &finding{harm: "x", severe: true}, applied.Add(49*time.Hour)); w.Verdict != watchKept {
		t.Errorf("long over: %+v", w)
	}
	for _, c := range []struct {
		name    string
		rec     Recommendation
		config  Watching
		elapsed time.Duration
		suspect bool
		found   finding
		want    string
		next    time.Duration
	}{
		{"severe harm", index, config, 15 * time.Minute, false, finding{harm: "x", severe: true, seen: 1}, watchUndone, 30 * time.Minute},
		{"harm at first sight", index, config, 15 * time.Minute, false, finding{harm: "x", seen: 1}, watchGoesOn, 30 * time.Minute},
		{"harm confirmed", index, config, 31 * time.Minute, true, finding{harm: "x", seen: 1}, watchUndone, time.Hour},
		{"harm in the end", index, config, 24 * time.Hour, false, finding{harm: "x", seen: 1}, watchUndone, 24 * time.Hour},
		{"harm that is only told", index, Watching{Least: time.Minute, Most: time.Hour, TellOnly: true}, time.Minute, false, finding{harm: "x", severe: true}, watchKept, 2 * time.Minute},
		{"harm that cannot be undone", Recommendation{Type: "index", Applicable: true}, config, time.Hour, true, finding{harm: "x"}, watchKept, 2 * time.Hour},
		{"harm of a setting", pragma, config, time.Hour, true, finding{harm: "x"}, watchKept, 2 * time.Hour},
		{"better", index, config, 15 * time.Minute, false, finding{better: true, seen: 3}, watchKept, 30 * time.Minute},
		{"better, but not all seen", index, config, 15 * time.Minute, false, finding{better: true, seen: 3, waiting: 1}, watchGoesOn, 30 * time.Minute},
		{"better, rare ones never seen", index, config, 25 * time.Hour, false, finding{better: true, seen: 3, waiting: 1}, watchKept, 24 * time.Hour},
		{"no difference", index, config, time.Hour, false, finding{seen: 3}, watchGoesOn, 2 * time.Hour},
		{"no difference in the end", index, config, 24 * time.Hour, false, finding{seen: 3}, watchKept, 24 * time.Hour},
		{"no traffic", index, config, time.Hour, true, finding{}, watchGoesOn, 2 * time.Hour},
		{"no traffic at all", index, config, 24 * time.Hour, false, finding{}, watchKept, 24 * time.Hour},
		{"dropped without loss", Recommendation{Type: "drop_index"}, config, time.Hour, false, finding{seen: 1}, watchKept, 2 * time.Hour},
	} {
		c.rec.Live = &Live{AppliedAt: applied, Watch: &Watch{Looks: 1, Suspect: c.suspect}}
		w := c.config.conclude(&c.rec, &comparison{}, &c.found, applied.Add(c.elapsed))
		if w.Verdict != c.want || w.Reason == "" || !w.Next.Equal(applied.Add(c.next)) || w.Looks != 2 {
			t.Errorf("%s: %+v", c.name, w)
		}
	}
	d := Watching{}.withDefaults()
	if looks := int(math.Ceil(math.Log2(float64(d.Most)/float64(d.Least)))) + 1; looks > maxLooks {
		t.Errorf("%d looks share the level of %d", looks, maxLooks)
	}
}

// A target that drifted before and is far faster since pays for writes that are slower for certain.
func TestDecideInDoubt(t *testing.T) {
	m := synthetic{rand.New(rand.NewPCG(1, 1)), 0.05, 30}
	drift := func(after bool, at int) float64 {
		if after {
			return 1
		}
		return math.Exp(-float64(at) / 10)
	}
	f := decide(&comparison{controls: 1, statements: []*series{
		m.statement(roleTarget, "target", 20*time.Millisecond, 40, 0.01, drift),
		m.statement(roleWrite, "write", 60*time.Microsecond, 40, 1.6, fair),
		m.statement(roleControl, "control", time.Millisecond, 40, 1, fair),
	}})
	if f.harm != "" || !f.better || f.balance == "" {
		t.Errorf("%+v", f)
	}
}

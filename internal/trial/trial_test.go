package trial

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a Runner whose outcomes are written down: run i costs cost(i).
type script struct {
	cost func(i int) time.Duration
	rows func(i int) (int64, uint64)
	fail error
	runs []string
	each func()
}

func (s *script) Run(ctx context.Context, c Call) (Outcome, error) {
	i := len(s.runs)
	s.runs = append(s.runs, c.SQL)
	if s.each != nil {
		s.each()
	}
	out := Outcome{Wall: s.cost(i), CPU: s.cost(i)}
	if s.rows != nil {
		out.Rows, out.Hash = s.rows(i)
	}
	return out, s.fail
}

func always(d time.Duration) *script { return &script{cost: func(int) time.Duration { return d }} }

// alternating costs a and b by turns: the spread of a noisy machine.
func alternating(a, b time.Duration) *script {
	return &script{cost: func(i int) time.Duration {
		if i%2 == 0 {
			return a
		}
		return b
	}}
}

var one = Case{Calls: []Call{{SQL: "SELECT 1"}}}

func random() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

const us = time.Microsecond

func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		name          string
		before, after *script
		samples       int
		want          Difference
	}{
		{"ten times", always(1000 * us), always(100 * us), 0, Faster},
		{"by 11 %", always(111 * us), always(100 * us), 0, Faster},
		{"by 9 %", always(109 * us), always(100 * us), 0, Same},
		{"equal", always(100 * us), always(100 * us), 0, Same},
		{"of no time", always(0), always(0), 0, Same},
		{"half as fast", always(100 * us), always(200 * us), 0, Slower},
		{"slower by what nobody notices", always(10 * us), always(25 * us), 0, Same},
		{"too few samples", always(1000 * us), always(100 * us), MinSamples - 1, Inconclusive},
		{"just enough samples", always(1000 * us), always(100 * us), MinSamples, Faster},
		{"a wide spread around nothing", alternating(100*us, 300*us), alternating(300*us, 100*us), 0, Inconclusive},
		{"mostly a bit faster, sometimes much slower", always(120 * us),
			&script{cost: func(i int) time.Duration {
				if i%8 == 0 {
					return 2000 * us
				}
				return 100 * us
			}}, 0, Same},
	} {
		got, err := Compare(t.Context(), c.before, c.after, one, Budget{Samples: c.samples}, random())
		if err != nil || got.Difference != c.want {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
		if want := c.samples; want != 0 && got.Samples != want || want == 0 && got.Samples != 40 {
			t.Errorf("%s: %d samples", c.name, got.Samples)
		}
		if got.Speedup.Low > got.Speedup.Value || got.Speedup.Value > got.Speedup.High {
			t.Errorf("%s: interval %+v", c.name, got.Speedup)
		}
	}
}

// TestRows: differing rows are a result. Where LIMIT may cut through ties only their number counts.
func TestRows(t *testing.T) {
	with := func(rows int64, hash uint64) *script {
		s := always(us)
		s.rows = func(int) (int64, uint64) { return rows, hash }
		return s
	}
	once := with(3, 7)
	once.rows = func(i int) (int64, uint64) {
		if i == 5 {
			return 3, 8
		}
		return 3, 7
	}
	for _, c := range []struct {
		name          string
		before, after *script
		ties, want    bool
	}{
		{"same", with(3, 7), with(3, 7), false, true},
		{"other values", with(3, 7), with(3, 8), false, false},
		{"other values that may differ", with(3, 7), with(3, 8), true, true},
		{"another number", with(3, 7), with(2, 7), true, false},
		{"once", once, with(3, 7), false, false},
	} {
		got, err := Compare(t.Context(), c.before, c.after, Case{Calls: one.Calls, Ties: c.ties}, Budget{}, random())
		if err != nil || got.SameRows != c.want || got.Rows != 3 {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
	}
}

// TestInterleaving: both copies run the same calls in the same order, one warm-up pair not counted,
// and neither is always first.
func TestInterleaving(t *testing.T) {
	var order strings.Builder
	before, after := always(us), always(us)
	before.each, after.each = func() { order.WriteByte('b') }, func() { order.WriteByte('a') }
	calls := Case{Calls: []Call{{SQL: "x"}, {SQL: "y"}, {SQL: "z"}}}
	got, err := Compare(t.Context(), before, after, calls, Budget{Samples: 30}, random())
	if err != nil || got.Samples != 30 {
		t.Fatalf("%+v, %v", got, err)
	}
	want := "x" + strings.Repeat("xyz", 10)
	if b, a := strings.Join(before.runs, ""), strings.Join(after.runs, ""); b != want || a != want {
		t.Errorf("ran %s and %s", b, a)
	}
	first := map[byte]int{}
	for i := 0; i < order.Len(); i += 2 {
		pair := order.String()[i : i+2]
		if pair[0] == pair[1] {
			t.Fatalf("order %s", order.String())
		}
		first[pair[0]]++
	}
	if first['a'] < 6 || first['b'] < 6 {
		t.Errorf("first %v", first)
	}
}

func TestFailures(t *testing.T) {
	broken := always(us)
	broken.fail = errors.New("no such table")
	for _, c := range []struct {
		before, after *script
		want          string
	}{{broken, always(us), "replay: no such table"}, {always(us), broken, "replay with the change: no such table"}} {
		if _, err := Compare(t.Context(), c.before, c.after, one, Budget{}, random()); err == nil || err.Error() != c.want {
			t.Errorf("got %v", err)
		}
	}
}

// TestContext: a comparison ends between two pairs once its context has.
func TestContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	before, after := always(us), always(us)
	before.each = func() {
		if len(before.runs) == 4 {
			cancel()
		}
	}
	if _, err := Compare(ctx, before, after, one, Budget{}, random()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if len(before.runs) != 4 || len(after.runs) != 4 {
		t.Errorf("ran %d and %d times", len(before.runs), len(after.runs))
	}
}

// TestBudget: time is kept, but never at the price of too few samples.
func TestBudget(t *testing.T) {
	for _, c := range []struct {
		each, budget time.Duration
		want         int
	}{
		{time.Millisecond, 0, 40}, {time.Second, 0, MinSamples}, {100 * time.Millisecond, 0, 21}, {time.Second, 21 * time.Second, 11}, {time.Hour, time.Second, MinSamples},
	} {
		synctest.Test(t, func(t *testing.T) {
			before, after := always(us), always(us)
			wait := func() { time.Sleep(c.each) } // in the bubble's time
			before.each, after.each = wait, wait
			got, err := Compare(t.Context(), before, after, one, Budget{Time: c.budget}, random())
			if err != nil || got.Samples != c.want {
				t.Errorf("%v within %v: %d samples, %v", c.each, c.budget, got.Samples, err)
			}
		})
	}
}

// TestGlance: two pairs tell only what is plain.
func TestGlance(t *testing.T) {
	for _, c := range []struct {
		before, after time.Duration
		want          Difference
	}{
		{900 * us, 100 * us, Faster},
		{900 * us, 500 * us, Inconclusive},
		{900 * us, 900 * us, Inconclusive},
		{100 * us, 900 * us, Slower},
		{us, 9 * us, Inconclusive}, // negligible
	} {
		before := always(c.before)
		got, err := Compare(t.Context(), before, always(c.after), one, Budget{Glance: true}, random())
		if err != nil || got.Difference != c.want || got.Samples != Glanced || len(before.runs) != Glanced+1 {
			t.Errorf("%v and %v: %+v, %v after %d runs", c.before, c.after, got, err, len(before.runs))
		}
	}
}

// TestOnePairIsEnough: what takes longer than its share of the time and differs more than ten times is run once.
func TestOnePairIsEnough(t *testing.T) {
	for _, c := range []struct {
		before, after time.Duration
		pairs         int
		want          Difference
	}{
		{11 * time.Second, time.Millisecond, 1, Faster},
		{time.Millisecond, 11 * time.Second, 1, Slower},
		{11 * time.Second, 5 * time.Second, MinSamples + 1, Faster},
		{500 * time.Millisecond, time.Millisecond, 9, Faster}, // within its time
	} {
		synctest.Test(t, func(t *testing.T) {
			before, after := always(c.before), always(c.after)
			before.each, after.each = func() { time.Sleep(c.before) }, func() { time.Sleep(c.after) }
			got, err := Compare(t.Context(), before, after, one, Budget{Time: 4 * time.Second}, random())
			if err != nil || got.Difference != c.want || len(before.runs) != c.pairs {
				t.Errorf("%v and %v: %s, %v after %d pairs", c.before, c.after, got.Difference, err, len(before.runs))
			}
		})
	}
}

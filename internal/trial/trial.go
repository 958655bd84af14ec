// Package trial compares a statement on two copies of a database, one changed and one not, so
// that the difference is the change's and nothing else's.
//
// Runs are interleaved in random order: of all runs before and then all after, the second half finds
// the caches warm. Decisions rest on the processor time of the
// thread, with a bootstrap interval; a Comparison is a value.
package trial

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Call is one execution to repeat.
type Call struct {
	SQL    string
	Args   []any
	Writes bool // run it in a transaction that is rolled back
}

// Outcome is what one execution gave and cost.
type Outcome struct {
	Wall, CPU time.Duration
	Rows      int64
	Hash      uint64 // of all rows, whatever their order
}

// Cost is what running a call costs, apart from compiling it.
type Cost struct {
	CPU   time.Duration // of the thread: the least of the runs
	Steps int64         // virtual machine instructions
	Pages int64         // pages asked for, from the cache or not
	Rows  int64
	Cut   bool // stopped at a limit: it costs more than this
}

// Runner runs calls on one copy.
type Runner interface {
	Run(ctx context.Context, c Call) (Outcome, error)
}

// Case is one statement as it was called, at least once.
type Case struct {
	Calls []Call
	Ties  bool // LIMIT may cut through equal rows, so that only their number must agree
}

// Budget bounds one comparison. The zero value means the defaults.
type Budget struct {
	Samples int           // pairs of runs; default 40
	Time    time.Duration // stop after this long, but not before MinSamples pairs; default 4s
	Glance  bool          // two pairs only, for a verdict only where both differ more than twice: see Glanced
}

// Glanced are the pairs of a comparison that is only to see whether something is altogether slower or faster.
const Glanced = 2

// MinSamples is the least number of pairs that a verdict may rest on. Six pairs that all agree
// have a chance of 1 in 32 to do so by luck alone (sign test, two-sided).
const MinSamples = 6

func (b Budget) withDefaults() Budget {
	if b.Samples == 0 {
		b.Samples = 40
	}
	if b.Time == 0 {
		b.Time = 4 * time.Second
	}
	if b.Glance {
		b.Samples = Glanced
	}
	return b
}

// Difference says how the changed copy compares.
type Difference string

// The differences a comparison can end in.
const (
	Faster       Difference = "faster"
	Same         Difference = "same"
	Slower       Difference = "slower"
	Inconclusive Difference = "inconclusive"
)

// Comparison is a statement's cost on both copies.
type Comparison struct {
	Samples       int
	Before, After Latency
	Speedup       Interval // ratio of processor times, pair by pair: median with its interval
	Total         float64  // ratio of the sums, in which slow parameter lists weigh more
	SameRows      bool
	Rows          int64 // returned, on average
	Difference    Difference
}

// Latency is the wall time of one execution.
type Latency struct{ P50, P95 Interval }

// Interval is a value with its 95 % bootstrap interval. Times are in nanoseconds.
type Interval struct{ Value, Low, High float64 }

// Compare runs c on both copies by turns. It fails if a statement fails; differing rows are a
// result, not an error.
func Compare(ctx context.Context, before, after Runner, c Case, b Budget, random *rand.Rand) (Comparison, error) {
	b = b.withDefaults()
	m := measurements{sameRows: true}
	start := time.Now()
	if err := m.pair(ctx, before, after, c, 0, random); err != nil { // warms both caches
		return Comparison{}, err
	}
	if time.Since(start) > b.Time && m.plain() {
		return m.compare(random), nil
	}
	m.before, m.after = nil, nil
	start = time.Now()
	for i := range b.Samples {
		if i >= MinSamples && time.Since(start) > b.Time {
			break
		}
		if err := m.pair(ctx, before, after, c, i, random); err != nil {
			return Comparison{}, err
		}
	}
	return m.compare(random), nil
}

// measurements are the outcomes so far, pair by pair.
type measurements struct {
	before, after []Outcome
	sameRows      bool
}

func (m *measurements) pair(ctx context.Context, before, after Runner, c Case, i int, random *rand.Rand) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	call := c.Calls[i%len(c.Calls)]
	var b, a Outcome
	var errBefore, errAfter error
	if random.IntN(2) == 0 {
		b, errBefore = before.Run(ctx, call)
		a, errAfter = after.Run(ctx, call)
	} else {
		a, errAfter = after.Run(ctx, call)
		b, errBefore = before.Run(ctx, call)
	}
	if errBefore != nil {
		return fmt.Errorf("replay: %w", errBefore)
	}
	if errAfter != nil {
		return fmt.Errorf("replay with the change: %w", errAfter)
	}
	if b.Rows != a.Rows || (!c.Ties && b.Hash != a.Hash) {
		m.sameRows = false
	}
	m.before, m.after = append(m.before, b), append(m.after, a)
	return nil
}

func (m *measurements) compare(random *rand.Rand) Comparison {
	ratios := make([]float64, len(m.before))
	var sumBefore, sumAfter, rows float64
	for i := range m.before {
		b, a := float64(max(m.before[i].CPU, 1)), float64(max(m.after[i].CPU, 1))
		ratios[i] = b / a
		sumBefore, sumAfter, rows = sumBefore+b, sumAfter+a, rows+float64(m.before[i].Rows)
	}
	c := Comparison{
		Samples:  len(ratios),
		Before:   latency(m.before, random),
		After:    latency(m.after, random),
		Speedup:  bootstrap(ratios, 0.5, random),
		Total:    sumBefore / sumAfter,
		SameRows: m.sameRows,
		Rows:     int64(rows/float64(len(ratios)) + 0.5),
	}
	if c.Difference = c.judge(); len(ratios) <= Glanced {
		c.Difference = c.glance(ratios)
	}
	return c
}

// Margin is the least difference that counts, so that noise between equal copies is no verdict.
const Margin = 1.10

// negligible is a slowdown per execution too small to reject advice for: four times what the
// smallest statement costs in all, about 5 µs (see the README's benchmark).
const negligible = 20 * time.Microsecond

func (c Comparison) judge() Difference {
	added := time.Duration(c.After.P50.Value - c.Before.P50.Value)
	switch {
	case c.Samples < MinSamples:
		return Inconclusive
	case c.Speedup.Low > Margin && c.Total > Margin:
		return Faster
	case c.Speedup.High < 1/Margin && added > negligible, c.Total < 1/Margin && c.Speedup.Value < 1 && added > negligible:
		return Slower
	case c.Speedup.High > Margin && c.Speedup.Low < 1/Margin:
		return Inconclusive
	}
	return Same
}

// altogether is how many times more one run takes than another so that no second pair needs to say it again.
const altogether = 10

// plain says whether the pair measured differs so much that a cold cache is no reason.
func (m *measurements) plain() bool {
	b, a := float64(max(m.before[0].CPU, 1)), float64(max(m.after[0].CPU, 1))
	return max(a/b, b/a) > altogether
}

// glance tells only what is plain: that each pair differs more than twice.
func (c Comparison) glance(ratios []float64) Difference {
	added := time.Duration(c.After.P50.Value - c.Before.P50.Value)
	switch {
	case slices.Min(ratios) > 2:
		return Faster
	case slices.Max(ratios) < 0.5 && added > negligible:
		return Slower
	}
	return Inconclusive
}

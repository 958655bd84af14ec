package gate

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/failsafe-go/failsafe-go/adaptivelimiter"
)

// gated is the Gate itself, with its defaults and an objective.
type gated struct{ g *Gate }

func (c gated) acquire(class Class) (func(Outcome), bool) {
	p, err := c.g.Acquire(background, class)
	return p.Release, err == nil
}

func (c gated) tick(time.Time) { c.g.tick(c.g.now()) }

// open admits everything.
type open struct{}

func (open) acquire(Class) (func(Outcome), bool) { return func(Outcome) {}, true }
func (open) tick(time.Time)                      {}

// bulkhead admits up to a number.
type bulkhead struct{ size, inFlight int }

func (b *bulkhead) acquire(Class) (func(Outcome), bool) {
	if b.inFlight >= b.size {
		return nil, false
	}
	b.inFlight++
	return func(Outcome) { b.inFlight-- }, true
}

func (b *bulkhead) tick(time.Time) {}

// failsafe is failsafe-go's adaptive limiter with its defaults.
type failsafe struct {
	limiter adaptivelimiter.AdaptiveLimiter[any]
}

func (f failsafe) acquire(Class) (func(Outcome), bool) {
	p, ok := f.limiter.TryAcquirePermit()
	if !ok {
		return nil, false
	}
	return func(o Outcome) {
		if o == Done {
			p.Record()
		} else {
			p.Drop()
		}
	}, true
}

func (f failsafe) tick(time.Time) {}

// maker makes a control inside the bubble.
type maker func(testing.TB) control

func makeGate(t testing.TB) control   { return gated{unticked(t, Config{Objective: objective})} }
func makeOpen(testing.TB) control     { return open{} }
func makeFailsafe(testing.TB) control { return failsafe{adaptivelimiter.NewWithDefaults[any]()} }
func makeBulkhead(size int) maker     { return func(testing.TB) control { return &bulkhead{size: size} } }

// scores runs a scenario with each seed.
func scores(t *testing.T, sc scenario, seeds []uint64, make maker) []score {
	t.Helper()
	all := []score{}
	for _, seed := range seeds {
		synctest.Test(t, func(t *testing.T) { all = append(all, simulate(sc, seed, make(t))) })
	}
	return all
}

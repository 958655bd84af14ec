package capture

import (
	"context"
	"sync"
	"testing"
	"time"
)

func TestScopeOf(t *testing.T) {
	type other struct{}
	outer, inner := NewScope(), NewScope()
	background := context.Background()
	for name, test := range map[string]struct {
		ctx   context.Context
		want  *Scope
		muted bool
	}{
		"no context":        {nil, nil, false},
		"background":        {background, nil, false},
		"other value":       {context.WithValue(background, other{}, outer), nil, false},
		"scope":             {WithScope(background, outer), outer, false},
		"derived context":   {context.WithValue(WithScope(background, outer), other{}, 1), outer, false},
		"innermost scope":   {WithScope(WithScope(background, outer), inner), inner, false},
		"muted":             {Mute(background), muted, true},
		"muted in a scope":  {Mute(WithScope(background, outer)), muted, true},
		"scope in the mute": {WithScope(Mute(background), outer), outer, false},
	} {
		t.Run(name, func(t *testing.T) {
			got := ScopeOf(test.ctx)
			if got != test.want || got.Muted() != test.muted {
				t.Errorf("scope %p, muted %v; want %p, %v", got, got.Muted(), test.want, test.muted)
			}
		})
	}
}

func TestScopesAreNumberedInOrder(t *testing.T) {
	first, second := NewScope(), NewScope()
	if first.ID == 0 || second.ID <= first.ID {
		t.Errorf("scopes are numbered %d and %d", first.ID, second.ID)
	}
}

func TestScopeNameIsTheLastOneSet(t *testing.T) {
	s := NewScope()
	if s.Name() != "" {
		t.Errorf("a new scope is called %q", s.Name())
	}
	s.SetName("GET /")
	s.SetName("GET /orders/:id")
	if s.Name() != "GET /orders/:id" {
		t.Errorf("the scope is called %q", s.Name())
	}
}

func TestScopeCountsForManyGoroutines(t *testing.T) {
	const goroutines, each = 8, 1000
	s := NewScope()
	var adding sync.WaitGroup
	for range goroutines {
		adding.Go(func() {
			for range each {
				s.Add(time.Microsecond)
			}
		})
	}
	adding.Wait()
	if s.Statements() != goroutines*each || s.Time() != goroutines*each*time.Microsecond {
		t.Errorf("%d statements took %v, want %d of 1µs", s.Statements(), s.Time(), goroutines*each)
	}
}

package capture

import (
	"context"
	"sync"
	"testing"
)

func TestFirstPanicStays(t *testing.T) {
	first, second := &Failure{Type: "first"}, &Failure{Type: "second"}
	broken, again := &Failure{Type: "broken", Panic: true}, &Failure{Type: "again", Panic: true}
	for name, test := range map[string]struct {
		said []*Failure
		want *Failure
	}{
		"nothing":           {nil, nil},
		"errors":            {[]*Failure{first, second}, first},
		"error, then panic": {[]*Failure{first, broken, again}, broken},
		"panic, then error": {[]*Failure{broken, first}, broken},
	} {
		s := NewScope()
		for _, f := range test.said {
			s.Fail(f)
		}
		if got := s.Failure(); got != test.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestOfManyFailuresOnePanicStays(t *testing.T) {
	s := NewScope()
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() { s.Fail(&Failure{Panic: i%2 == 0}) })
	}
	wg.Wait()
	if f := s.Failure(); f == nil || !f.Panic {
		t.Errorf("%+v", f)
	}
}

func TestFailed(t *testing.T) {
	for ev, want := range map[Event]bool{
		{Kind: KindRequest, Status: 404}:                    false,
		{Kind: KindRequest, Status: 503}:                    true,
		{Kind: KindRequest, Status: 200, Error: ErrorPanic}: true,
		{Kind: KindOutgoing, Status: 302}:                   false,
		{Kind: KindOutgoing, Status: 404}:                   true,
		{Kind: KindOutgoing, Error: ErrorTimeout}:           true,
		{Kind: KindStatement, Error: ErrorBusy}:             true,
	} {
		if ev.Failed() != want {
			t.Errorf("%+v: failed is %v", ev, !want)
		}
	}
}

// chooser is a tracer that chooses what it is told to.
type chooser bool

func (chooser) Of(context.Context) *Trace                          { return nil }
func (chooser) Into(ctx context.Context, _ *Trace) context.Context { return ctx }
func (c chooser) Sampled(*Trace) bool                              { return bool(c) }

func TestSampled(t *testing.T) {
	defer SetTracer(nil)
	ours, theirs := NewTrace(), &Trace{Sampled: true}
	for _, test := range []struct {
		tracer Tracer
		want   bool
	}{{nil, false}, {chooser(false), false}, {chooser(true), true}, {struct{ Tracer }{chooser(true)}, false}} {
		SetTracer(test.tracer)
		if Sampled(ours) != test.want || !Sampled(theirs) {
			t.Errorf("with %#v: %v, %v", test.tracer, Sampled(ours), Sampled(theirs))
		}
	}
}

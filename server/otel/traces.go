package otel

import (
	"context"
	"encoding/binary"
	"math/rand/v2"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"go.opentelemetry.io/otel/trace"
)

// recentRequests is how many requests without a span are remembered, for a statement of theirs may be
// drained after them. In one drain rings hold at most a few thousand; a late statement comes later.
const recentRequests = 1024

// traces chooses what becomes a span. It belongs to the drain.
type traces struct {
	rule   rule
	queue  *queue
	recent [recentRequests]capture.Event // by Scope.ID, without those that have spans
}

// span is an event that becomes a span, with the span's identity.
type span struct {
	event capture.Event
	id    capture.Trace
}

// export returns a context with the span of ev if it has one.
func (t *traces) export(ev *capture.Event) context.Context {
	if ev.Kind == capture.KindRequest {
		return t.request(ev)
	}
	id, ok := t.identify(ev)
	if !ok {
		return context.Background()
	}
	t.keep(ev.Scope)
	return t.add(ev, id)
}

// identify says whether ev becomes a span, and which. Its parent is the application's own span, or
// the request's; in neither, it is a trace of its own.
func (t *traces) identify(ev *capture.Event) (id capture.Trace, ok bool) {
	var parent *capture.Trace
	begun := true
	switch {
	case ev.Kind == capture.KindOutgoing && ev.Trace != nil: // the other service knows it by this
		return *ev.Trace, t.rule.under(ev.Trace, true) || t.rule.remarkable(ev)
	case ev.Trace != nil:
		parent = ev.Trace
	case ev.Scope != nil:
		parent = ev.Scope.Trace()
		begun = parent.Parent != [8]byte{}
	default:
		return t.alone(ev)
	}
	if !t.rule.under(parent, begun) && !t.rule.remarkable(ev) {
		return id, false
	}
	return *parent.Child(), true
}

// alone draws the end of the trace's ID first: most events need no more of it.
func (t *traces) alone(ev *capture.Event) (id capture.Trace, ok bool) {
	end := rand.Uint64() | 1 // an ID of zeros is none
	if !t.rule.tail(end) && !t.rule.remarkable(ev) {
		return id, false
	}
	binary.BigEndian.PutUint64(id.TraceID[:8], rand.Uint64())
	binary.BigEndian.PutUint64(id.TraceID[8:], end)
	binary.BigEndian.PutUint64(id.SpanID[:], rand.Uint64()|1)
	return id, true
}

// request exports a request that is chosen, or one of whose statements was; others are remembered.
func (t *traces) request(ev *capture.Event) context.Context {
	if ev.Scope == nil {
		return context.Background() // it has neither name nor identity
	}
	id := ev.Scope.Trace()
	if t.rule.under(id, id.Parent != [8]byte{}) || t.rule.remarkable(ev) || ev.Scope.Kept() {
		return t.add(ev, *id)
	}
	t.recent[ev.Scope.ID%recentRequests] = *ev
	return context.Background()
}

// keep has the request of an exported statement exported too, also if it was drained before.
func (t *traces) keep(s *capture.Scope) {
	if s == nil {
		return
	}
	s.Keep() // for all Exporters; each remembers requests of its own
	if recent := &t.recent[s.ID%recentRequests]; recent.Scope == s {
		t.add(recent, *s.Trace())
		*recent = capture.Event{}
	}
}

// add returns the context of the span, without one if the queue is full: an exemplar would lead nowhere.
func (t *traces) add(ev *capture.Event, id capture.Trace) context.Context {
	if !t.queue.add(span{*ev, id}) {
		return context.Background()
	}
	return trace.ContextWithSpanContext(context.Background(), spanContext(&id, id.SpanID, true))
}

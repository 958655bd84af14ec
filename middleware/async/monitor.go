package async

import (
	"context"
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// names are the operations by name. Readers take the map as it is; a new name replaces it, which happens
// Config.Names times at most.
type names struct {
	limit int
	known atomic.Pointer[map[string]*named]
	mu    sync.Mutex
	other *named
}

// named is what is known of the operations of one name.
type named struct {
	name  string
	meter *meter
}

func newNames(limit int) *names {
	n := &names{limit: limit, other: newNamed(OtherName)}
	n.known.Store(&map[string]*named{OtherName: n.other})
	return n
}

func newNamed(name string) *named { return &named{name: name, meter: newMeter(0)} }

// of finds or begins a name.
func (n *names) of(name string) *named {
	if op := (*n.known.Load())[name]; op != nil {
		return op
	}
	return n.begin(clean(name))
}

// begin adds a name, or says that there are too many.
func (n *names) begin(name string) *named {
	known := *n.known.Load()
	if op := known[name]; op != nil {
		return op
	}
	if len(known) > n.limit { // with "(other)"
		return n.other
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	known = *n.known.Load()
	if op := known[name]; op != nil {
		return op
	}
	if len(known) > n.limit {
		return n.other
	}
	known = maps.Clone(known)
	op := newNamed(name)
	known[name] = op
	n.known.Store(&known)
	return op
}

// Span is one operation between Monitor and End. It is a value; the zero Span is not counted.
type Span struct {
	op    *named
	start capture.Instant
}

// Monitor begins an operation called name, which is counted when the Span ends:
//
//	span := opt.Monitor(ctx, "resize")
//	err := resize(img)
//	span.End(err)
//
// It costs less than 100 ns and allocates nothing. Names beyond Config.Names count as "(other)". Nothing is
// counted after Close or in a context of the toolkit's own.
func (o *Optimizer) Monitor(ctx context.Context, name string) Span {
	if o.closed.Load() || capture.ScopeOf(ctx).Muted() {
		return Span{}
	}
	op := o.names.of(name)
	op.meter.begin()
	return Span{op, capture.Now()}
}

// End counts the operation, once. An error that is context.Canceled counts as cancelled, any other as a failure.
func (s Span) End(err error) {
	if s.op == nil {
		return
	}
	now := capture.Now()
	s.op.meter.record(now, noWait, time.Duration(now-s.start), outcomeOf(err))
}

func outcomeOf(err error) outcome {
	switch {
	case err == nil:
		return succeeded
	case errors.Is(err, context.Canceled):
		return cancelled
	}
	return failed
}

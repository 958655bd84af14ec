package capture

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"sync/atomic"
)

// Trace is a span's identity, by which other processes and tools know it. Where SpanID is zero, only the
// trace is known: the span around is one that nobody exports, and so nobody's parent.
// https://www.w3.org/TR/trace-context/
type Trace struct {
	TraceID [16]byte
	SpanID  [8]byte
	Parent  [8]byte // span that caused this one, zero if none
	Sampled bool    // whoever began the trace records it
	State   string  // tracestate, passed on as received
}

// stateBytes bounds a tracestate, as the specification asks at least. A longer one is left out.
const stateBytes = 512

// NewTrace begins a trace of its own.
func NewTrace() *Trace {
	t := &Trace{SpanID: newSpanID()}
	for t.TraceID == [16]byte{} {
		binary.LittleEndian.PutUint64(t.TraceID[:8], rand.Uint64())
		binary.LittleEndian.PutUint64(t.TraceID[8:], rand.Uint64())
	}
	return t
}

func newSpanID() (id [8]byte) {
	for id == [8]byte{} {
		binary.LittleEndian.PutUint64(id[:], rand.Uint64())
	}
	return id
}

// Child is a new span of the same trace, caused by t.
func (t *Trace) Child() *Trace {
	return &Trace{TraceID: t.TraceID, SpanID: newSpanID(), Parent: t.SpanID, Sampled: t.Sampled, State: t.State}
}

// parentBytes bounds a traceparent: one of version 00 has 55, and a later one may have more.
const parentBytes = 256

// ParseTraceparent reads the headers traceparent and tracestate; ok is false if the first is not
// what the specification says, and the trace is to be begun anew.
func ParseTraceparent(parent, state string) (t *Trace, ok bool) {
	if len(parent) > parentBytes {
		return nil, false
	}
	parts := strings.Split(parent, "-")
	if len(parts) < 4 || parts[0] == "ff" || parts[0] == "00" && len(parts) > 4 {
		return nil, false
	}
	t = &Trace{}
	var version, flags [1]byte
	for i, dst := range [][]byte{version[:], t.TraceID[:], t.SpanID[:], flags[:]} {
		if len(parts[i]) != 2*len(dst) || strings.ToLower(parts[i]) != parts[i] {
			return nil, false
		}
		if _, err := hex.Decode(dst, []byte(parts[i])); err != nil {
			return nil, false
		}
	}
	if len(state) <= stateBytes {
		t.State = state
	}
	t.Sampled = flags[0]&1 == 1
	return t, t.TraceID != [16]byte{} && t.SpanID != [8]byte{}
}

// Traceparent is t as the header of that name, version 00.
func (t *Trace) Traceparent() string {
	flags := "00"
	if t.Sampled {
		flags = "01"
	}
	return "00-" + hex.EncodeToString(t.TraceID[:]) + "-" + hex.EncodeToString(t.SpanID[:]) + "-" + flags
}

// Tracer connects scopes with the spans of a tracing library. Both methods are called on the
// application's goroutines and must be quick and safe for concurrent use.
type Tracer interface {
	// Of returns the span that the application has put into ctx, or nil if there is none but the scope's.
	Of(ctx context.Context) *Trace
	// Into returns ctx with t as its span, so that the application's own spans become its children.
	Into(ctx context.Context, t *Trace) context.Context
}

var tracer atomic.Pointer[Tracer]

// SetTracer makes t the process's tracer; nil removes it. Without one, nothing is looked up.
func SetTracer(t Tracer) {
	if t == nil {
		tracer.Store(nil)
		return
	}
	tracer.Store(&t)
}

// TraceIn is the span that the application has in ctx, nil if there is none or no tracer.
func TraceIn(ctx context.Context) *Trace {
	t := tracer.Load()
	if t == nil || ctx == nil {
		return nil
	}
	return (*t).Of(ctx)
}

// Sampled says whether what follows t is to be recorded: because whoever began the trace records it, or the
// process's tracer, asked by its method Sampled if it has one, will.
func Sampled(t *Trace) bool {
	if t.Sampled {
		return true
	}
	if tracer := tracer.Load(); tracer != nil {
		chooser, ok := (*tracer).(interface{ Sampled(*Trace) bool })
		return ok && chooser.Sampled(t)
	}
	return false
}

// WithTrace returns ctx with the scope's span in the form of the process's tracer, if there is one.
func WithTrace(ctx context.Context, s *Scope) context.Context {
	if t := tracer.Load(); t != nil {
		return (*t).Into(ctx, s.Trace())
	}
	return ctx
}

package capture

import (
	"context"
	"sync/atomic"
	"time"
)

// Scope is one unit of work, such as an HTTP request, that statements are attributed to because
// they ran with its context. Its counters may be added to by many goroutines.
type Scope struct {
	ID uint64 // numbered from 1 in order of beginning

	name       atomic.Pointer[string]
	trace      atomic.Pointer[Trace]
	failure    atomic.Pointer[Failure]
	statements atomic.Int64
	time       atomic.Int64
	ended      atomic.Int64
	muted      atomic.Bool
	kept       atomic.Bool
}

var (
	scopes atomic.Uint64
	muted  = &Scope{}
)

func init() { muted.Mute() }

// NewScope returns a scope whose name is not known yet.
func NewScope() *Scope { return &Scope{ID: scopes.Add(1)} }

// Name is what the scope is grouped by, such as "GET /orders/:id"; "" until it is known.
func (s *Scope) Name() string {
	if name := s.name.Load(); name != nil {
		return *name
	}
	return ""
}

// SetName names the scope. The last call wins.
func (s *Scope) SetName(name string) { s.name.Store(&name) }

// Share is SetName for those who keep the text, which does not change.
func (s *Scope) Share(name *string) { s.name.Store(name) }

// Trace is the scope's span, made when it is first asked for.
func (s *Scope) Trace() *Trace {
	if t := s.trace.Load(); t != nil {
		return t
	}
	s.trace.CompareAndSwap(nil, NewTrace())
	return s.trace.Load()
}

// Continue makes the scope's span a child of parent. It does nothing once the span is known.
func (s *Scope) Continue(parent *Trace) { s.trace.CompareAndSwap(nil, parent.Child()) }

// Keep asks that the scope's span be exported, because something within it was.
func (s *Scope) Keep() { s.kept.Store(true) }

// Kept says that Keep was called.
func (s *Scope) Kept() bool { return s.kept.Load() }

// Add counts one statement that took d.
func (s *Scope) Add(d time.Duration) {
	s.statements.Add(1)
	s.time.Add(int64(d))
}

// Statements is how many statements ran in the scope so far.
func (s *Scope) Statements() int64 { return s.statements.Load() }

// Time is how long the scope's statements took so far. Statements that ran at the same time
// count each.
func (s *Scope) Time() time.Duration { return time.Duration(s.time.Load()) }

// End says that the scope's work is done: what begins in it from now on is late.
func (s *Scope) End() { s.EndAt(Now()) }

// EndAt is End for those who know the time.
func (s *Scope) EndAt(i Instant) { s.ended.CompareAndSwap(0, int64(i)) }

// Ended says that what begins at i begins after the scope's end.
func (s *Scope) Ended(i Instant) bool {
	end := s.ended.Load()
	return end != 0 && int64(i) > end
}

// Mute makes the scope and its statements the toolkit's own, which are not recorded.
func (s *Scope) Mute() { s.muted.Store(true) }

// Muted says that the scope was muted.
func (s *Scope) Muted() bool { return s != nil && s.muted.Load() }

type scopeKey struct{}

// AsksScope says that a context asked for key is asked for its scope. It is for contexts of other packages
// that carry one and save what WithScope allocates.
func AsksScope(key any) bool {
	_, ok := key.(scopeKey)
	return ok
}

// WithScope returns a context whose statements belong to s.
func WithScope(ctx context.Context, s *Scope) context.Context {
	return context.WithValue(ctx, scopeKey{}, s)
}

// Mute returns a context whose statements are not recorded.
func Mute(ctx context.Context) context.Context { return WithScope(ctx, muted) }

// ScopeOf is the scope ctx carries, or nil.
func ScopeOf(ctx context.Context) *Scope {
	if ctx == nil {
		return nil // modernc takes a nil ctx from callers that hold the connection by sql.Conn.Raw
	}
	s, _ := ctx.Value(scopeKey{}).(*Scope)
	return s
}

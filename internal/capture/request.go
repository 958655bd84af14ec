package capture

import "sync/atomic"

// InFlight is how many HTTP requests are being served by handlers that are captured.
var InFlight atomic.Int64

// Failure is why a request failed, as far as its handler says. It does not change.
type Failure struct {
	Type  string // Go type of the error, or of the value panicked with, such as "*fs.PathError"
	Panic bool
	Site  *Site // line that panicked, nil if unknown
}

// Fail notes why the scope's work failed. The first panic stays; before one, the first error.
func (s *Scope) Fail(f *Failure) {
	for {
		have := s.failure.Load()
		if have != nil && (have.Panic || !f.Panic) {
			return
		}
		if s.failure.CompareAndSwap(have, f) {
			return
		}
	}
}

// Failure is why the scope's work failed, nil if nobody said.
func (s *Scope) Failure() *Failure { return s.failure.Load() }

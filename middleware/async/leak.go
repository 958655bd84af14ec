package async

import (
	"cmp"
	"runtime"
	"slices"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// Leak is a value that was lent out and not released.
type Leak struct {
	Resource string        `json:"resource"`
	Function string        `json:"function"` // that acquired it, with its import path
	File     string        `json:"file"`
	Line     int           `json:"line"`
	Out      time.Duration `json:"out_ns"` // since it was lent out
	Lost     bool          `json:"lost"`   // garbage collected: nobody can release it any more
}

// callers notes who asks for a value: cheaply, for the names are looked up only if it leaks.
func callers() (pcs [8]uintptr) {
	runtime.Callers(3, pcs[:]) // without itself, Acquire's helper and Acquire
	return pcs
}

func (r *Resource[T]) leak(l *loan[T], now capture.Instant, lost bool) Leak {
	leak := Leak{Resource: r.config.Name, Out: time.Duration(now - l.since), Lost: lost}
	frames := runtime.CallersFrames(slices.DeleteFunc(slices.Clone(l.callers[:]), func(pc uintptr) bool { return pc == 0 }))
	for {
		f, more := frames.Next()
		if !own(f.Function) || !more {
			leak.Function, leak.File, leak.Line = f.Function, f.File, f.Line
			return leak
		}
	}
}

// own says that a function is Acquire or one of its helpers.
func own(function string) bool {
	const pkg = "github.com/sqliteperf/sqliteperf/middleware/async.(*Resource["
	return len(function) >= len(pkg) && function[:len(pkg)] == pkg
}

// lost is called by the runtime when nobody holds a Lease any more that was not released. Its value is destroyed and its
// place is free again.
func (r *Resource[T]) lost(l *loan[T]) {
	r.mu.Lock()
	_, out := r.out[l]
	if out {
		delete(r.out, l)
		r.counts.lost++
	}
	r.mu.Unlock()
	if !out {
		return
	}
	r.leaks.tell(r.leak(l, capture.Now(), true))
	r.destroy(l.value)
	r.vacate()
}

// sweepLater has the values looked at when the first may be overdue or too old. The lock is held.
func (r *Resource[T]) sweepLater() {
	if r.sweeper == nil {
		r.sweeper = time.AfterFunc(r.interval(), r.sweep)
	}
}

// interval is how often the values are looked at while there are any.
func (r *Resource[T]) interval() time.Duration { return max(min(r.config.Leak, r.config.MaxIdle)/2, 1) }

// sweep destroys what was idle for too long and reports what is out for too long.
func (r *Resource[T]) sweep() {
	now := capture.Now()
	r.mu.Lock()
	var old []kept[T]
	for len(r.idle) > 0 && time.Duration(now-r.idle[0].since) >= r.config.MaxIdle {
		old = append(old, r.idle[0])
		r.idle = slices.Delete(r.idle, 0, 1)
	}
	for l := range r.out {
		if !l.reported && time.Duration(now-l.since) >= r.config.Leak {
			l.reported = true
			r.counts.overdue++
			r.leaks.tell(r.leak(l, now, false))
		}
	}
	r.sweeper = nil
	if !r.closed && len(r.idle)+len(r.out) > 0 {
		r.sweepLater()
	}
	r.mu.Unlock()
	for _, k := range old {
		r.destroy(k.value)
		r.vacate()
	}
}

// overdue lists what is out for longer than Leak, the oldest first. The lock is held.
func (r *Resource[T]) overdue(now capture.Instant) []Leak {
	list := []Leak{}
	for l := range r.out {
		if time.Duration(now-l.since) >= r.config.Leak {
			list = append(list, r.leak(l, now, false))
		}
	}
	slices.SortFunc(list, func(a, b Leak) int { return cmp.Compare(b.Out, a.Out) })
	return list
}

package alert

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"sync"
	"time"
)

const (
	quiet       = 30 * time.Second // calm for this long is over: three intervals of ten seconds
	keep        = 24 * time.Hour   // since last seen: what the night brought is there in the morning
	maxFiring   = 500
	maxResolved = 500
)

// Tracker keeps the alerts of readings. The zero value is empty and ready to use; all methods are
// safe for concurrent use.
type Tracker struct {
	mu       sync.Mutex
	firing   map[key]*firing
	resolved []Alert // in order of resolving
	dropped  uint64
	silences map[string]Silence // by ID
	owed     map[key]Alert      // resolved in silence, and firing for all that receivers know
}

type key struct{ code, subject string }

// firing is an alert that is not over.
type firing struct {
	Alert
	loud time.Time // last reading at or above half of the threshold
	told bool      // returned without being silenced
}

// Observe takes in a reading. changed says that its alert fired, rose to a higher level or was
// resolved just now; then a is that alert. A new alert beyond 500 firing ones is only counted.
func (t *Tracker) Observe(r Reading, now time.Time) (a Alert, changed bool) {
	if math.IsNaN(r.Value) || !(r.Threshold > 0) {
		return Alert{}, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire(now)
	k := key{r.Code, r.Subject}
	f := t.firing[k]
	switch {
	case r.Value >= r.Threshold && f == nil:
		return t.fire(k, r, now)
	case r.Value >= r.Threshold:
		return t.repeat(f, r, now)
	case f != nil && r.Value >= r.Threshold/2:
		f.loud = later(f.loud, now)
	case f != nil && now.Sub(f.loud) >= quiet:
		return t.resolve(k, f), true
	}
	return Alert{}, false
}

// Tick resolves alerts that were not observed, or observed only below half of their threshold,
// for 30 seconds, and returns them, and with them those that a silence held back until now. It
// forgets resolved alerts last seen a day ago. Call it every few seconds.
func (t *Tracker) Tick(now time.Time) (changed []Alert) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire(now)
	for k, f := range t.firing {
		if now.Sub(f.loud) >= quiet {
			changed = append(changed, t.resolve(k, f))
		}
	}
	changed = append(changed, t.unmute()...)
	t.resolved = slices.DeleteFunc(t.resolved, func(a Alert) bool { return now.Sub(a.LastSeen) >= keep })
	slices.SortFunc(changed, compare)
	return changed
}

// Alerts returns the alerts, firing before resolved, then by falling level, then the one seen
// last first.
func (t *Tracker) Alerts() []Alert {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := slices.Clone(t.resolved)
	for f := range maps.Values(t.firing) {
		all = append(all, f.Alert)
	}
	slices.SortStableFunc(all, compare)
	return all
}

// Dropped is how many readings were not taken in because 500 other alerts were firing.
func (t *Tracker) Dropped() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.dropped
}

// fire begins an alert.
func (t *Tracker) fire(k key, r Reading, now time.Time) (Alert, bool) {
	if len(t.firing) >= maxFiring {
		t.dropped++
		return Alert{}, false
	}
	if t.firing == nil {
		t.firing = map[key]*firing{}
	}
	f := &firing{Alert: Alert{Fingerprint: Fingerprint(r.Code, r.Subject), State: Firing, FirstSeen: now, Level: r.Level}}
	_, f.told = t.owed[k]
	delete(t.owed, k)
	t.firing[k] = f
	t.repeat(f, r, now)
	return t.tell(f), true
}

// tell returns an alert that changed, with the silence it is under.
func (t *Tracker) tell(f *firing) Alert {
	f.Silence = t.silencedBy(f.Code, f.Subject)
	f.told = f.told || f.Silence == ""
	return f.Alert
}

// repeat counts a reading at or above the threshold.
func (t *Tracker) repeat(f *firing, r Reading, now time.Time) (a Alert, rose bool) {
	rose = r.Level > f.Level
	f.Code, f.Subject, f.Unit = r.Code, r.Subject, r.Unit
	f.Title, f.Detail = r.Title, r.Detail
	f.Window, f.Link, f.Runbook = r.Window, r.Link, r.Runbook
	f.Value, f.Threshold = finite(r.Value), finite(r.Threshold)
	f.Level = max(f.Level, r.Level)
	f.LastSeen, f.loud = later(f.LastSeen, now), later(f.loud, now)
	f.Count++
	if !rose {
		return Alert{}, false
	}
	return t.tell(f), true
}

// resolve ends an alert. The oldest resolved ones make room for it.
func (t *Tracker) resolve(k key, f *firing) Alert {
	delete(t.firing, k)
	f.State = Resolved
	f.Silence = t.silencedBy(f.Code, f.Subject)
	if f.told && f.Silence != "" {
		t.owe(k, f.Alert)
	}
	t.resolved = append(t.resolved, f.Alert)
	if over := len(t.resolved) - maxResolved; over > 0 {
		t.resolved = slices.Delete(t.resolved, 0, over)
	}
	return f.Alert
}

// compare orders as Alerts does, and the rest by code and subject.
func compare(a, b Alert) int {
	return cmp.Or(cmp.Compare(a.State, b.State), cmp.Compare(b.Level, a.Level), b.LastSeen.Compare(a.LastSeen),
		cmp.Compare(a.Code, b.Code), cmp.Compare(a.Subject, b.Subject))
}

// later guards against readings that arrive out of order.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// finite keeps a value within what JSON can hold.
func finite(v float64) float64 { return min(max(v, -math.MaxFloat64), math.MaxFloat64) }

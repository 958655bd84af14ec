package alert

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

const (
	maxSilences = 100
	maxPattern  = 256 // bytes of a silence's glob
)

// ErrSilence reports a silence that cannot be: without an end to come, a reason or a pattern, or one too many.
var ErrSilence = errors.New("not a silence")

// Silence keeps alerts from being delivered until its end. They are tracked all the same.
//
// Code and Subject are globs: * is any run of characters, also of slashes, ? any one, and a backslash takes the
// next character as it is. An empty glob is any; one of the two has to be given.
type Silence struct {
	ID      string    `json:"id"` // given by Silence if empty
	Code    string    `json:"code"`
	Subject string    `json:"subject"`
	Until   time.Time `json:"until"`
	Reason  string    `json:"reason"`
}

// Silence puts s in force, in place of the one with its ID, and returns it with its ID. At most 100 are in force.
func (t *Tracker) Silence(s Silence, now time.Time) (Silence, error) {
	if err := s.check(now); err != nil {
		return Silence{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire(now)
	if _, known := t.silences[s.ID]; !known && len(t.silences) >= maxSilences {
		return Silence{}, fmt.Errorf("%w: %d others are in force", ErrSilence, maxSilences)
	}
	if s.ID == "" {
		s.ID = rand.Text()
	}
	if t.silences == nil {
		t.silences = map[string]Silence{}
	}
	t.silences[s.ID] = s
	for _, f := range t.firing { // a resolution owed, or an end of silence, is the next Tick's
		if f.Silence == "" {
			f.Silence = t.silencedBy(f.Code, f.Subject)
		}
	}
	return s, nil
}

// Unsilence ends a silence early and says whether it was in force. The next Tick returns what it held back.
func (t *Tracker) Unsilence(id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, known := t.silences[id]
	delete(t.silences, id)
	return known
}

// Silences returns the silences in force, the one that ends first before the others.
func (t *Tracker) Silences(now time.Time) []Silence {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire(now)
	return slices.SortedFunc(maps.Values(t.silences), func(a, b Silence) int {
		if c := a.Until.Compare(b.Until); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
}

func (s Silence) check(now time.Time) error {
	switch {
	case s.Code == "" && s.Subject == "":
		return fmt.Errorf("%w: neither code nor subject", ErrSilence)
	case len(s.Code) > maxPattern || len(s.Subject) > maxPattern:
		return fmt.Errorf("%w: a pattern of more than %d bytes", ErrSilence, maxPattern)
	case strings.TrimSpace(s.Reason) == "":
		return fmt.Errorf("%w: no reason", ErrSilence)
	case !s.Until.After(now):
		return fmt.Errorf("%w: it ends at %v, which is past", ErrSilence, s.Until)
	}
	return nil
}

// expire forgets silences that are over.
func (t *Tracker) expire(now time.Time) {
	maps.DeleteFunc(t.silences, func(_ string, s Silence) bool { return !s.Until.After(now) })
}

// silencedBy is the ID of the silence that ends last of those for a code and subject, or empty.
func (t *Tracker) silencedBy(code, subject string) string {
	var last Silence
	for _, s := range t.silences {
		if s.Until.After(last.Until) && (s.Code == "" || glob(s.Code, code)) && (s.Subject == "" || glob(s.Subject, subject)) {
			last = s
		}
	}
	return last.ID
}

// unmute returns the alerts that a silence held back and no silence does any more: those that still fire, and
// the end of those that receivers believe to fire.
func (t *Tracker) unmute() (free []Alert) {
	for _, f := range t.firing {
		was := f.Silence
		f.Silence = t.silencedBy(f.Code, f.Subject)
		if was != "" && f.Silence == "" {
			f.told = true
			free = append(free, f.Alert)
		}
	}
	for k, a := range t.owed {
		if a.Silence = t.silencedBy(k.code, k.subject); a.Silence == "" {
			delete(t.owed, k)
			free = append(free, a)
		}
	}
	return free
}

// owe remembers that receivers believe an alert to fire that was resolved in silence.
func (t *Tracker) owe(k key, a Alert) {
	if t.owed == nil {
		t.owed = map[key]Alert{}
	}
	if len(t.owed) < maxResolved {
		t.owed[k] = a
	}
}

// glob says whether text is of the pattern. It takes at most len(pattern) × len(text) steps.
func glob(pattern, text string) bool {
	p, s := []rune(pattern), []rune(text)
	star, from := -1, 0 // after the last *, and where its run ends for now
	i, j := 0, 0
	for j < len(s) {
		next, ok := step(p, i, s[j])
		switch {
		case i < len(p) && p[i] == '*':
			star, from = i+1, j
			i++
		case ok:
			i, j = next, j+1
		case star >= 0:
			from++
			i, j = star, from
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}

// step matches one character other than * at i and returns where the pattern goes on.
func step(p []rune, i int, r rune) (next int, ok bool) {
	switch {
	case i >= len(p):
		return i, false
	case p[i] == '?':
		return i + 1, true
	case p[i] == '\\' && i+1 < len(p):
		return i + 2, p[i+1] == r
	}
	return i + 1, p[i] == r
}

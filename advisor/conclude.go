package advisor

import (
	"cmp"
	"fmt"
	"time"
)

// Watching configures how an applied change is watched on live traffic. The zero value works.
type Watching struct {
	// Least is the time before the first look. Default 15m: thirty slots of half a minute on each side, with
	// which TestDecide finds every slowdown of 1.6 and TestFalseAlarms none that there is not.
	Least time.Duration

	// Most is when watching ends: what has done no harm by then is kept. Default 24h, in which what a day
	// brings has come once. Looks are made after Least, 2 Least, 4 Least … and Most.
	Most time.Duration

	// TellOnly does not undo a change that did harm: it raises an alert and keeps the change.
	TellOnly bool
}

func (w Watching) withDefaults() Watching {
	w.Least = cmp.Or(w.Least, 15*time.Minute)
	w.Most = max(cmp.Or(w.Most, 24*time.Hour), w.Least)
	return w
}

// The verdicts of watching.
const (
	watchGoesOn = "watching"
	watchKept   = string(Kept)
	watchUndone = string(Undone)
)

// begin is the watch of a change that is just being made.
func (c Watching) begin(now time.Time) *Watch {
	return &Watch{
		Verdict: watchGoesOn, Reason: "waiting for the first look", Next: now.Add(c.Least).UTC(), Until: now.Add(c.Most).UTC(),
		Statements: []Watched{},
	}
}

// conclude is the verdict of one look: harm is undone, at once if it is severe, else when the next look
// confirms it; what made a target faster is kept as soon as no statement is unseen that touched the
// table in the day before; at the end what has done no harm is kept.
func (c Watching) conclude(r *Recommendation, on *comparison, f *finding, now time.Time) *Watch {
	applied := r.Live.AppliedAt
	w := &Watch{Verdict: watchGoesOn, Until: applied.Add(c.Most).UTC(), Baseline: on.baseline, Slot: on.slot.Seconds(), Controls: f.controls, Statements: f.statements}
	suspect := false
	if before := r.Live.Watch; before != nil {
		w.Looks, suspect = before.Looks, before.Suspect
	}
	w.Looks++
	w.Next = c.after(applied, now).UTC()
	c.judge(r, f, w, suspect, now)
	if w.Verdict != watchUndone {
		return w
	}
	if why := c.mayNotUndo(r); why != "" {
		w.Verdict, w.Suspect, w.Reason = watchKept, true, w.Reason+"; not undone by itself: "+why
	}
	return w
}

// judge sets the verdict and its reason. suspect says that the look before saw harm.
func (c Watching) judge(r *Recommendation, f *finding, w *Watch, suspect bool, now time.Time) {
	last := !now.Before(w.Until)
	switch {
	case w.Looks == 1 && now.After(w.Until.Add(c.Most)): // nobody was there to look
		w.Verdict, w.Reason = watchKept, "inconclusive: its time was over before the first look"
	case f.harm != "" && (f.severe || suspect || last):
		w.Verdict, w.Reason = watchUndone, f.harm
	case f.harm != "":
		w.Suspect, w.Reason = true, f.harm+"; the next look must confirm it"
	case f.better && f.waiting == 0:
		w.Verdict, w.Reason = watchKept, "a statement it is for is faster, and no other that reads what it changed is slower"
		if f.balance != "" {
			w.Reason += "; " + f.balance
		}
	case r.Type == "drop_index" && f.seen > 0 && f.waiting == 0:
		w.Verdict, w.Reason = watchKept, "no statement that could have used it is slower"
	case last:
		w.Verdict, w.Reason = watchKept, f.inTheEnd()
	default:
		w.Reason = f.soFar()
	}
}

// inTheEnd words why a change is kept of which no harm was seen.
func (f *finding) inTheEnd() string {
	switch {
	case f.better:
		return fmt.Sprintf("a statement it is for is faster; too rare to tell: %d", f.waiting)
	case f.seen == 0:
		return "inconclusive: there was too little traffic to tell"
	}
	return "inconclusive: no difference was seen"
}

// soFar words what is being waited for.
func (f *finding) soFar() string {
	switch {
	case f.seen == 0:
		return "waiting for traffic"
	case f.waiting > 0:
		return fmt.Sprintf("waiting for statements that were not seen often enough since: %d", f.waiting)
	}
	return "no difference so far"
}

// after is when the next look is due: looks come at twice the time of the one before, so that few of
// them share the level.
func (c Watching) after(applied, now time.Time) time.Time {
	d := c.Least
	for d <= now.Sub(applied) && d < c.Most {
		d *= 2
	}
	return applied.Add(min(d, c.Most))
}

// mayNotUndo says why a change that did harm is not undone by itself.
func (c Watching) mayNotUndo(r *Recommendation) string {
	switch {
	case c.TellOnly:
		return "the configuration says so"
	case !r.Applicable || len(r.Undo) == 0:
		return "there are no statements that undo it"
	case r.Type == "pragma":
		return "undoing it needs every connection to be closed"
	}
	return ""
}

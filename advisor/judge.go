package advisor

import (
	"fmt"
	"slices"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// judge turns what was measured into a verdict with its reasons.
func (t *proof) judge(err error) {
	e := t.evidence
	faster, slower, unsure := t.count()
	reject := func(format string, args ...any) {
		e.Verdict = Rejected
		e.Reasons = append(e.Reasons, fmt.Sprintf(format, args...))
	}
	switch {
	case err != nil:
		e.Verdict = Inconclusive
		e.Reasons = append(e.Reasons, describe(err))
	case e.Verdict == Rejected: // count found differing rows or a regression
	case slower > 0:
		reject("%d of %d statements it is for got slower", slower, len(t.targets))
	case t.rec.Type == "drop_index" && unsure > 0:
		e.Verdict = Inconclusive
		e.Reasons = append(e.Reasons, "the measurements vary too much to say that nothing got slower")
	case t.rec.Type == "drop_index":
		e.Verdict = Proved
		e.Reasons = append(e.Reasons, "no statement got slower without it")
	case faster == 0 && unsure > 0:
		e.Verdict = Inconclusive
		e.Reasons = append(e.Reasons, "the measurements vary more than the difference")
	case faster == 0:
		reject("no statement got at least %.0f %% faster", (trial.Margin-1)*100)
	case t.saved <= 0:
		reject("writes would pay more than reads save")
	default:
		e.Verdict = Proved
		text := fmt.Sprintf("%d of %d statements it is for got faster, and save more than writes pay", faster, len(t.targets))
		if len(t.spared) > 0 {
			text += fmt.Sprintf(", %d slower, which costs little beside that", len(t.spared))
		}
		if unsure > 0 {
			text += fmt.Sprintf(", %d unclear", unsure)
		}
		e.Reasons = append(e.Reasons, text)
	}
	t.rec.saves = time.Duration(max(t.saved, 0))
}

// count counts the targets by difference. Differing rows, or another statement that reads and got
// slower, reject at once.
func (t *proof) count() (faster, slower, unsure int) {
	for _, m := range t.evidence.Queries {
		write := m.Fingerprint == t.evidence.Write.Statement
		switch {
		case !m.SameRows:
			t.evidence.Verdict = Rejected
			t.evidence.Reasons = append(t.evidence.Reasons, "different rows: "+m.Fingerprint)
		case t.spared[m.Digest]:
		case m.Role == "other" && m.Verdict == string(trial.Slower) && !write && !t.writesTo(m.Digest):
			t.evidence.Verdict = Rejected
			t.evidence.Reasons = append(t.evidence.Reasons, "slower: "+m.Fingerprint)
		case m.Role != "target":
		case m.Verdict == string(trial.Faster):
			faster++
		case m.Verdict == string(trial.Slower):
			slower++
		case m.Verdict == string(trial.Inconclusive):
			unsure++
		}
	}
	return faster, slower, unsure
}

// writesTo says whether the statement writes: then its slowdown is weighed against what reads save.
func (t *proof) writesTo(digest string) bool {
	return slices.ContainsFunc(t.others, func(q *query) bool { return q.hex() == digest && !q.ReadOnly })
}

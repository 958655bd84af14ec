package advisor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/sqlite"
	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// settled says whether there is nothing left to prove: the rule has measured what it advises, or the
// advice is of a kind that replaying statements says nothing about.
func (r *Recommendation) settled() bool {
	return r.Evidence != nil || !slices.Contains([]string{"index", "drop_index", "pragma"}, r.Type)
}

// lab is the shadow for experiments that are more than replays, nil if there can be none.
func (p *pass) lab(ctx context.Context) (*sqlite.Shadow, error) {
	copies, err := p.copies(ctx)
	if s, ok := copies.(sqliteShadow); ok && err == nil {
		return s.Shadow, nil
	}
	return nil, err
}

// experimentLimit bounds one experiment of a rule. One that takes longer says nothing.
const experimentLimit = 15 * time.Second

// bounded runs an experiment under the limit and says whether it came to an end.
func (p *pass) bounded(ctx context.Context, code string, f func(context.Context) error) (ended bool, err error) {
	within, cancel := context.WithTimeout(ctx, experimentLimit)
	defer cancel()
	p.report("experiment", code, 0)
	err = f(within)
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case within.Err() != nil:
		p.skipped = append(p.skipped, Skipped{Reason: fmt.Sprintf("%s: not measured within %v", code, experimentLimit)})
		return false, nil
	case errors.Is(err, sqlite.ErrTooLarge), errors.Is(err, sqlite.ErrNothingToRepeat):
		p.skipped = append(p.skipped, Skipped{Reason: code + ": not measured: " + describe(err)})
		return false, nil
	}
	return err == nil, err
}

func newRandom() *rand.Rand { return rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())) }

func newEvidence(s shadow) *Evidence {
	return &Evidence{ShadowBytes: s.Bytes(), Write: WriteCost{Source: "none"}, Queries: []Measured{}, Reasons: []string{}}
}

// conclude makes the evidence of an experiment the recommendation's.
func (r *Recommendation) conclude(e *Evidence, basis string, began time.Time) {
	e.TookMS = ms(time.Since(began))
	r.Evidence, r.Basis, r.State = e, basis, e.Verdict
}

// replayed is what replaying some statements on two copies gave.
type replayed struct {
	evidence *Evidence
	digests  []string
	saved    time.Duration // per unit of traffic
}

// perStatement bounds the comparison of one statement within an experiment.
var perStatement = trial.Budget{Samples: 24, Time: 400 * time.Millisecond}

// replayAll compares statements on both copies, which differ already. A statement that fails there,
// such as an INSERT whose key exists by now, is left out with the reason.
func (p *pass) replayAll(ctx context.Context, before, after replayer, queries []*query) (*replayed, error) {
	out := &replayed{evidence: newEvidence(p.shadow)}
	e, random := out.evidence, newRandom()
	var saved float64
	for i, q := range queries {
		p.report("replay", q.Fingerprint, float64(i)/float64(len(queries)))
		c, err := trial.Compare(ctx, before, after, q.testCase(), perStatement, random)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			e.Reasons = append(e.Reasons, "not replayed: "+q.Fingerprint+": "+describe(err))
			continue
		}
		m := Measured{Digest: q.hex(), Fingerprint: q.Fingerprint, Role: "target", PlanBefore: []string{}, PlanAfter: []string{}}
		if m.PlanBefore, err = lines(ctx, before, q); err == nil {
			m.PlanAfter, err = lines(ctx, after, q)
		}
		if err != nil {
			return nil, err
		}
		m.fill(c)
		e.Samples, e.Parameters = e.Samples+c.Samples, q.Source
		e.Queries, out.digests = append(e.Queries, m), append(out.digests, q.hex())
		saved += q.Calls * (c.Before.P50.Value - c.After.P50.Value)
	}
	e.Verdict = e.judge(saved)
	out.saved = time.Duration(max(saved, 0))
	return out, nil
}

func lines(ctx context.Context, r replayer, q *query) ([]string, error) {
	plan, err := r.Explain(ctx, q.calls[0].SQL, q.calls[0].Args)
	return plan.Lines(), err
}

// judge decides on replayed statements: one that got slower, or returned other rows, rejects; one that
// got faster proves, if all together save time.
func (e *Evidence) judge(saved float64) State {
	var faster, slower, unsure int
	for _, m := range e.Queries {
		switch {
		case !m.SameRows || m.Verdict == string(trial.Slower):
			slower++
		case m.Verdict == string(trial.Faster):
			faster++
		case m.Verdict == string(trial.Inconclusive):
			unsure++
		}
	}
	e.Reasons = append(e.Reasons, fmt.Sprintf("of %d statements %d got faster, %d slower or different, %d are unclear",
		len(e.Queries), faster, slower, unsure))
	switch {
	case slower > 0 || faster > 0 && saved <= 0 || faster == 0 && unsure == 0:
		return Rejected
	case faster == 0:
		return Inconclusive
	}
	return Proved
}

// heaviest are the costliest statements that read, at most n, of those that ok picks.
func (p *pass) heaviest(n int, ok func(*query) bool) []*query {
	var list []*query
	for _, q := range p.queries {
		if q.ReadOnly && len(list) < n && ok(q) {
			list = append(list, q)
		}
	}
	return list
}

// almost is the share of the best saving with which a smaller value is preferred.
const almost = 0.9

// trySetting replays statements with a pragma of the copy's connection at each of values, smallest
// first, against the present one. It returns the smallest value that saves almost as much as the best
// that is proved; nil if none is.
func (p *pass) trySetting(ctx context.Context, code, name string, values []string, queries []*query) (best string, found *replayed, err error) {
	copies, err := p.copies(ctx)
	if copies == nil || err != nil || len(queries) == 0 {
		return "", nil, err
	}
	after, began := copies.After(), time.Now()
	all := map[string]*replayed{}
	defer func() { // the copy must be as before for whoever comes next
		err = errors.Join(err, after.Set(context.WithoutCancel(ctx), "PRAGMA "+name+" = "+p.pragmas[name]))
	}()
	ended, err := p.bounded(ctx, code, func(ctx context.Context) error {
		for _, value := range values {
			if err := after.Set(ctx, "PRAGMA "+name+" = "+value); err != nil {
				return err
			}
			x, err := p.replayAll(ctx, copies.Before(), after, queries)
			if err != nil {
				return err
			}
			all[value] = x
		}
		return nil
	})
	if err != nil || !ended {
		return "", nil, err
	}
	best, found = smallest(values, all)
	if found != nil {
		found.evidence.TookMS = ms(time.Since(began))
	}
	return best, found, nil
}

// smallest picks the first value whose saving is almost the best.
func smallest(values []string, all map[string]*replayed) (string, *replayed) {
	var most time.Duration
	for _, x := range all {
		if x.evidence.Verdict == Proved {
			most = max(most, x.saved)
		}
	}
	for _, value := range values {
		if x := all[value]; x != nil && x.evidence.Verdict == Proved && float64(x.saved) >= almost*float64(most) {
			return value, x
		}
	}
	return "", nil
}

// rest makes what was replayed the recommendation's evidence.
func (r *Recommendation) rest(x *replayed) *Recommendation {
	r.Evidence, r.Basis, r.State = x.evidence, "replay", x.evidence.Verdict
	r.Digests, r.saves = x.digests, x.saved
	return r
}

package advisor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// setProof is a set of indexes under trial: they were chosen together, and are proved together, as they
// will be. Each statement whose plan changes is replayed once, and counts for the indexes that it uses.
type setProof struct {
	*pass
	random *rand.Rand
	recs   []*Recommendation
	proofs map[*Recommendation]*proof
	budget time.Duration // for all that is left to replay
	left   int           // statements that are given a share of it
	limit  time.Duration // for one statement

	built   map[*Recommendation]bool // changes that the copy has
	buildMS map[*Recommendation]float64

	// known are the comparisons of earlier rounds, by statement and plans: what an index that was taken out
	// since did not serve needs no other. Writes change all indexes, so theirs are not kept.
	known map[string]trial.Comparison
}

// proveTime bounds the replay of one set: the heaviest statements are given their share of it. The tail, which was not
// searched for, is glanced at.
const proveTime = 40 * time.Second

// replayLimit is when the replay of one statement is given up: seven times before and seven times after.
const replayLimit = 30 * time.Second

// proveSet makes all changes on the shadow in the order in which they are advised, replays the workload on both
// copies, and undoes them. An index that a slower statement uses is taken out, and the rest proved again.
func (p *pass) proveSet(ctx context.Context, recs []*Recommendation) (err error) {
	if len(recs) == 0 {
		return nil
	}
	s := &setProof{pass: p, recs: slices.Clone(recs), random: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())), limit: replayLimit, known: map[string]trial.Comparison{},
		built: map[*Recommendation]bool{}, buildMS: map[*Recommendation]float64{}}
	defer func() { // the copy must be as before for the next proof
		err = errors.Join(err, s.undo(context.WithoutCancel(ctx), func(*Recommendation) bool { return true }))
	}()
	for len(s.recs) > 0 {
		before := len(s.recs)
		if err := s.round(ctx); err != nil {
			return err
		}
		if err := s.undo(ctx, func(r *Recommendation) bool { return r.State == Rejected }); err != nil {
			return err
		}
		if len(s.recs) == before {
			break
		}
	}
	return nil
}

// undo takes recommendations out of the set, and off the copy.
func (s *setProof) undo(ctx context.Context, of func(*Recommendation) bool) (err error) {
	for _, r := range s.recs {
		if s.built[r] && of(r) {
			_, failed := s.shadow.After().Change(ctx, r.Undo)
			err = errors.Join(err, failed)
			delete(s.built, r)
		}
	}
	s.recs = slices.DeleteFunc(s.recs, of)
	return err
}

// make makes a change on the copy unless that was done in an earlier round.
func (s *setProof) make(ctx context.Context, t *proof) error {
	after, r := s.shadow.After(), t.rec
	if !s.built[r] {
		statements := r.Statements
		if s.gathered {
			statements = append(slices.Clone(statements), analyzeEach(r)...)
		}
		s.built[r] = true
		if err := t.change(ctx, after, statements); err != nil {
			return err
		}
		s.buildMS[r] = t.evidence.BuildMS
	}
	t.evidence.BuildMS = s.buildMS[r]
	for _, name := range r.indexes {
		bytes, err := after.IndexBytes(ctx, name)
		if err != nil {
			return err
		}
		t.evidence.Bytes += bytes
	}
	return nil
}

// gather analyzes both copies of a database that is not: what an index gains is not what statistics gain.
func (p *pass) gather(ctx context.Context) error {
	for _, r := range []replayer{p.shadow.Before(), p.shadow.After()} {
		if _, err := r.Change(ctx, []string{"ANALYZE"}); err != nil && ctx.Err() != nil {
			return ctx.Err() // what cannot be analyzed here is planned without statistics, on both
		}
	}
	p.gathered = true
	return nil
}

// round proves the set as it is.
func (s *setProof) round(ctx context.Context) (err error) {
	start := time.Now()
	s.proofs = map[*Recommendation]*proof{}
	for _, r := range s.recs {
		t := &proof{pass: s.pass, rec: r, random: s.random}
		t.evidence = &Evidence{ShadowBytes: s.shadow.Bytes(), Write: WriteCost{Source: "none"}, Queries: []Measured{}, Reasons: []string{}}
		s.proofs[r] = t
		if err := s.make(ctx, t); err != nil {
			return err
		}
	}
	if err := s.replay(ctx); err != nil {
		return err
	}
	s.spare()
	for _, r := range s.recs {
		t := s.proofs[r]
		t.evidence.Write = r.write
		t.saved = r.gain
		t.judge(nil)
		t.evidence.TookMS = ms(time.Since(start)) / float64(len(s.recs))
		r.Basis, r.Evidence, r.State = "replay", t.evidence, t.evidence.Verdict
	}
	return nil
}

// analyzeEach gathers the statistics of new indexes, as ANALYZE of the database will.
func analyzeEach(r *Recommendation) (list []string) {
	for _, name := range r.indexes {
		list = append(list, "ANALYZE "+quoteName(name))
	}
	return list
}

// replay runs every statement whose plan the set changes on both copies.
func (s *setProof) replay(ctx context.Context) error {
	type changed struct {
		q      *query
		m      Measured
		plans  string
		glance bool
	}
	var list []changed
	for i, q := range s.queries {
		m, plans, differs, err := s.compare(ctx, q)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			s.reason(q, "not replayed: "+q.Fingerprint+": "+describe(err))
		case differs:
			list = append(list, changed{q, m, plans, i >= heaviest})
		default:
			s.unchanged(q)
		}
	}
	s.budget, s.left = proveTime, 0
	for _, c := range list {
		if !c.glance {
			s.left++
		}
	}
	for i, c := range list {
		s.report("replay", c.q.Fingerprint, float64(i)/float64(len(list)))
		if err := s.measure(ctx, c.q, c.m, c.plans, c.glance); err != nil {
			return err
		}
	}
	return nil
}

// compare explains a statement on both copies, with the values of each of its calls: with other values
// it may have another plan. plans are all of them, as one text.
func (s *setProof) compare(ctx context.Context, q *query) (m Measured, plans string, differs bool, err error) {
	m = Measured{Digest: q.hex(), Fingerprint: q.Fingerprint, SameRows: true}
	for _, c := range q.calls {
		before, err := s.shadow.Before().Explain(ctx, c.SQL, c.Args)
		if err != nil {
			return m, "", false, err
		}
		after, err := s.shadow.After().Explain(ctx, c.SQL, c.Args)
		if err != nil {
			return m, "", false, err
		}
		plans += before.String() + "\x00" + after.String() + "\x00"
		if m.PlanBefore == nil || !differs && before.String() != after.String() {
			m.PlanBefore, m.PlanAfter = before.Lines(), after.Lines()
		}
		differs = differs || before.String() != after.String()
		for _, r := range s.recs {
			if slices.ContainsFunc(r.indexes, after.Uses) && !slices.Contains(s.proofs[r].targets, q) {
				s.proofs[r].targets = append(s.proofs[r].targets, q)
			}
		}
	}
	return m, plans, differs, nil
}

// concerned are the recommendations that a statement uses, or else those on the tables that it reads.
func (s *setProof) concerned(q *query) (used, touched []*Recommendation) {
	for _, r := range s.recs {
		switch {
		case slices.Contains(s.proofs[r].targets, q):
			used = append(used, r)
		case touches(q, r.Table):
			touched = append(touched, r)
		}
	}
	return used, touched
}

func (s *setProof) reason(q *query, text string) {
	used, touched := s.concerned(q)
	for _, r := range append(used, touched...) {
		e := s.proofs[r].evidence
		e.Reasons = append(e.Reasons, text)
	}
}

func (s *setProof) unchanged(q *query) {
	used, touched := s.concerned(q)
	for _, r := range append(used, touched...) {
		s.proofs[r].evidence.Unchanged++
	}
}

// share is the time for one statement: an equal part of what is left, within bounds.
func (s *setProof) share() time.Duration {
	return min(max(s.budget/time.Duration(max(s.left, 1)), 20*time.Millisecond), 4*time.Second)
}

// replayed compares a statement on both copies, unless that was done before.
func (s *setProof) replayed(ctx context.Context, q *query, plans string, glance bool) (c trial.Comparison, err error) {
	key := q.hex() + plans
	if c, ok := s.known[key]; ok {
		if !glance {
			s.left--
		}
		return c, nil
	}
	limited, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	start := time.Now()
	c, err = s.pass.compare(limited, q.testCase(), trial.Budget{Samples: 40, Time: s.share(), Glance: glance}, s.random)
	if !glance {
		s.budget, s.left = s.budget-time.Since(start), s.left-1
	}
	switch {
	case err != nil && limited.Err() != nil:
		return c, fmt.Errorf("it takes more than %v", s.limit)
	case err == nil && q.ReadOnly:
		s.known[key] = c
	}
	return c, err
}

func (s *setProof) measure(ctx context.Context, q *query, m Measured, plans string, glance bool) error {
	c, err := s.replayed(ctx, q, plans, glance)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		s.reason(q, "not replayed: "+q.Fingerprint+": "+describe(err))
		return nil
	}
	m.fill(c)
	if q.Source == fromColumns && q.ReadOnly && c.Rows == 0 {
		m.Verdict = string(trial.Inconclusive) // the values drawn match nothing: the application's would
	}
	used, touched := s.concerned(q)
	for _, r := range used {
		s.note(r, q, m, c, "target")
	}
	for _, r := range touched {
		if len(used) == 0 || !q.ReadOnly {
			s.note(r, q, m, c, "other")
		}
	}
	return nil
}

func (s *setProof) note(r *Recommendation, q *query, m Measured, c trial.Comparison, role string) {
	t := s.proofs[r]
	m.Role = role
	t.evidence.Samples += c.Samples
	t.evidence.Queries = append(t.evidence.Queries, m)
	if role == "target" || t.evidence.Parameters == "" {
		t.evidence.Parameters = q.Source
	}
	if role == "other" {
		t.others = append(t.others, q)
	}
}

// describeIndexes names the indexes of a recommendation for people.
func describeIndexes(list []candidate) string {
	words := make([]string, len(list))
	for i, c := range list {
		words[i] = fmt.Sprintf("%s(%s)", c.table.Name, strings.Join(c.columns(), ", "))
	}
	return strings.Join(words, " and ")
}

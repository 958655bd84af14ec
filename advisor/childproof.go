package advisor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// proveChild builds the index on the copy and measures there what SQLite searches for each parent: the delete
// itself would fail for those that are referred to. Other statements on the child must not get slower.
func proveChild(ctx context.Context, p *pass, c candidate, r *Recommendation) (err error) {
	copies, err := p.copies(ctx)
	if err != nil || copies == nil {
		return err
	}
	start := time.Now()
	e := &Evidence{ShadowBytes: copies.Bytes(), Write: WriteCost{Source: "none"}, Queries: []Measured{}, Reasons: []string{}, Parameters: fromColumns}
	built, err := copies.After().Change(ctx, r.Statements)
	if err != nil {
		return err
	}
	e.BuildMS = ms(built)
	defer func() {
		_, undo := copies.After().Change(context.WithoutCancel(ctx), r.Undo)
		err = errors.Join(err, undo)
	}()
	if e.Bytes, err = copies.After().IndexBytes(ctx, r.index); err != nil {
		return err
	}
	lookup, err := p.childLookup(ctx, c)
	if err != nil || lookup == nil {
		return err
	}
	random := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	for _, q := range append([]*query{lookup}, p.on(c.table.Name)...) {
		if err := childMeasured(ctx, copies, q, q == lookup, e, random); err != nil {
			return err
		}
	}
	judgeChild(e)
	e.TookMS = ms(time.Since(start))
	r.Evidence, r.State, r.Basis = e, e.Verdict, "replay"
	return nil
}

// childLookup is the search that one parent causes, with values that the child holds; nil for an empty table.
func (p *pass) childLookup(ctx context.Context, c candidate) (*query, error) {
	var columns, terms []string
	for _, k := range c.keys {
		columns, terms = append(columns, k.Name), append(terms, quoteName(k.Name)+" = ?")
	}
	rows, err := p.db.Values(ctx, c.table.Name, columns, sampled)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	text := fmt.Sprintf("SELECT 1 FROM %s WHERE %s", quoteName(c.table.Name), strings.Join(terms, " AND "))
	q := &query{Query: Query{Fingerprint: text, Text: text, ReadOnly: true}}
	for _, row := range rows {
		q.calls = append(q.calls, trial.Call{SQL: text, Args: row})
	}
	return q, nil
}

func childMeasured(ctx context.Context, copies shadow, q *query, target bool, e *Evidence, random *rand.Rand) error {
	before, err := copies.Before().Explain(ctx, q.calls[0].SQL, q.calls[0].Args)
	if err != nil {
		return err
	}
	after, err := copies.After().Explain(ctx, q.calls[0].SQL, q.calls[0].Args)
	if err != nil {
		return err
	}
	if before.String() == after.String() {
		e.Unchanged++
		return nil
	}
	c := trial.Case{Calls: q.calls}
	role := "target"
	if !target {
		c, role = q.testCase(), "other"
	}
	result, err := trial.Compare(ctx, copies.Before(), copies.After(), c, spent[role], random)
	if err != nil {
		e.Reasons = append(e.Reasons, "not replayed: "+q.Fingerprint+": "+describe(err))
		return ctx.Err()
	}
	m := Measured{Fingerprint: q.Fingerprint, Role: role, PlanBefore: before.Lines(), PlanAfter: after.Lines()}
	if !target {
		m.Digest = q.hex()
	}
	m.fill(result)
	e.Samples += result.Samples
	e.Queries = append(e.Queries, m)
	return nil
}

// childFaster is the least gain: parents are seldom deleted, and each write to the child pays for the index.
const childFaster = 2

func judgeChild(e *Evidence) {
	e.Verdict = Inconclusive
	for _, m := range e.Queries {
		switch {
		case !m.SameRows || m.Verdict == string(trial.Slower):
			e.Verdict = Rejected
			e.Reasons = append(e.Reasons, "slower or different: "+m.Fingerprint)
			return
		case m.Role == "target" && m.Verdict == string(trial.Faster) && m.SpeedupLow >= childFaster:
			e.Verdict = Proved
			e.Reasons = append(e.Reasons, fmt.Sprintf("finding the rows that refer to a parent got %.0f times faster", m.Speedup))
		case m.Role == "target" && m.Verdict != string(trial.Inconclusive):
			e.Verdict = Rejected
			e.Reasons = append(e.Reasons, "finding the rows that refer to a parent got less than twice as fast: too many refer to each")
		}
	}
}

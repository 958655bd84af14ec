package advisor

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// proof is one recommendation under trial on the shadow.
type proof struct {
	*pass
	rec      *Recommendation
	evidence *Evidence
	random   *rand.Rand
	targets  []*query
	others   []*query
	spared   map[string]bool // statements, by digest, that may get slower: little is lost beside what is saved
	unpaid   float64         // calls of writes that could not be replayed
	saved    float64         // nanoseconds per unit of traffic: reads and searches, less what writes pay
}

// provable says whether a trial can decide on the recommendation.
func (r *Recommendation) provable() bool { return r.Type != "pragma" || r.Basis == "replay" }

// prove makes the change on the shadow, replays the statements it concerns on both copies, undoes
// it there and judges. What cannot be measured makes the verdict inconclusive, with the reason;
// only a cancelled context is an error.
func (p *pass) prove(ctx context.Context, r *Recommendation) error {
	start := time.Now()
	t := &proof{pass: p, rec: r, random: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))}
	t.evidence = &Evidence{ShadowBytes: p.shadow.Bytes(), Write: WriteCost{Source: "none"}, Queries: []Measured{}, Reasons: []string{}}
	t.sort()
	err := t.run(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	t.judge(err)
	t.evidence.TookMS = ms(time.Since(start))
	r.Basis, r.Evidence, r.State = "replay", t.evidence, t.evidence.Verdict
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }

// sort splits the workload into the statements the advice is for and others it may harm.
func (t *proof) sort() {
	for _, q := range t.queries {
		switch {
		case slices.Contains(t.rec.Digests, q.hex()):
			t.targets = append(t.targets, q)
		case t.rec.Table == "" || touches(q, t.rec.Table):
			t.others = append(t.others, q)
		}
	}
	if t.rec.Type == "pragma" {
		t.others = nil // the targets are the heaviest statements of the workload already
	}
}

func (t *proof) run(ctx context.Context) (err error) {
	after := t.shadow.After()
	if err := t.change(ctx, after, t.rec.Statements); err != nil {
		return err
	}
	defer func() { // the copy must be as before for the next proof
		err = errors.Join(err, t.change(context.WithoutCancel(ctx), after, t.rec.Undo))
	}()
	if t.rec.Type == "drop_index" {
		if t.evidence.Bytes, err = t.shadow.Before().IndexBytes(ctx, t.rec.index); err != nil {
			return err
		}
		t.evidence.Bytes = -t.evidence.Bytes
	}
	for i, q := range t.targets {
		t.report("replay", q.Fingerprint, float64(i)/float64(len(t.targets)+len(t.others)))
		if err := t.measure(ctx, q, "target"); err != nil {
			return err
		}
	}
	for i, q := range t.others {
		t.report("replay", q.Fingerprint, float64(len(t.targets)+i)/float64(len(t.targets)+len(t.others)))
		if err := t.measure(ctx, q, "other"); err != nil {
			return err
		}
	}
	if t.rec.Table != "" && t.evidence.Write.Source == "none" {
		err = t.deletes(ctx)
	}
	t.saved -= t.unpaid * t.evidence.Write.AddedUS * 1e3 // as if they cost what was measured of writes
	return err
}

// change runs statements on a copy and notes how long making the change took.
func (t *proof) change(ctx context.Context, r replayer, statements []string) error {
	if t.rec.Type == "pragma" {
		return r.Set(ctx, strings.Join(statements, ";"))
	}
	took, err := r.Change(ctx, statements)
	if t.evidence.BuildMS == 0 {
		t.evidence.BuildMS = ms(took)
	}
	return err
}

// spent bounds the replay of one statement: targets decide, others are only watched.
var spent = map[string]trial.Budget{
	"target": {Samples: 40, Time: 4 * time.Second},
	"other":  {Samples: 24, Time: 2 * time.Second},
}

// measure replays q on both copies and adds it to the evidence. A statement whose plan the change
// does not touch is not replayed, unless it writes to the table.
func (t *proof) measure(ctx context.Context, q *query, role string) error {
	before, err := t.shadow.Before().Explain(ctx, q.calls[0].SQL, q.calls[0].Args)
	if err != nil {
		return err
	}
	after, err := t.shadow.After().Explain(ctx, q.calls[0].SQL, q.calls[0].Args)
	if err != nil {
		return err
	}
	m := Measured{Digest: q.hex(), Fingerprint: q.Fingerprint, Role: role, SameRows: true,
		PlanBefore: before.Lines(), PlanAfter: after.Lines(), Verdict: "unchanged plan"}
	writes := !q.ReadOnly && strings.EqualFold(q.read.Target, t.rec.Table)
	if t.rec.Type != "pragma" && before.String() == after.String() && !writes {
		t.unchanged(m)
		return nil
	}
	c, err := t.compare(ctx, q.testCase(), spent[role], t.random)
	if err != nil {
		return t.failed(ctx, q, role, err)
	}
	m.fill(c)
	if q.Source == fromColumns && q.ReadOnly && c.Rows == 0 {
		m.Verdict = string(trial.Inconclusive) // the values drawn match nothing: the application's would
	}
	t.evidence.Samples += c.Samples
	t.evidence.Queries = append(t.evidence.Queries, m)
	t.saved += q.Calls * (c.Before.P50.Value - c.After.P50.Value)
	if role == "target" || t.evidence.Parameters == "" {
		t.evidence.Parameters = q.Source
	}
	if writes && role == "other" && before.String() == after.String() {
		t.writeCost(q, c)
	}
	return nil
}

// compare replays a statement on both copies, and where the machine was too restless to tell, once more and longer.
func (p *pass) compare(ctx context.Context, c trial.Case, b trial.Budget, random *rand.Rand) (out trial.Comparison, err error) {
	for range comparedMost {
		out, err = trial.Compare(ctx, p.shadow.Before(), p.shadow.After(), c, b, random)
		if err != nil || out.Difference != trial.Inconclusive || b.Glance {
			break
		}
		b.Samples *= 3
	}
	return out, err
}

// comparedMost is how often a statement is compared until the outcome is clear.
const comparedMost = 3

// unchanged counts a statement whose plan the change does not touch. It is shown if the advice is for it.
func (t *proof) unchanged(m Measured) {
	if m.Role == "target" {
		t.evidence.Queries = append(t.evidence.Queries, m)
		return
	}
	t.evidence.Unchanged++
}

// failed leaves out another statement that cannot be replayed, such as an INSERT whose keys exist
// by now. A target that cannot be replayed leaves nothing to decide on.
func (t *proof) failed(ctx context.Context, q *query, role string, err error) error {
	if role == "target" || ctx.Err() != nil {
		return err
	}
	if !q.ReadOnly {
		t.unpaid += q.Calls
	}
	t.evidence.Reasons = append(t.evidence.Reasons, "not replayed: "+q.Fingerprint+": "+describe(err))
	return nil
}

func (m *Measured) fill(c trial.Comparison) {
	m.Samples, m.SameRows, m.Rows, m.Verdict = c.Samples, c.SameRows, c.Rows, string(c.Difference)
	m.Before, m.After = quantiles(c.Before), quantiles(c.After)
	m.Speedup, m.SpeedupLow, m.SpeedupHigh = c.Speedup.Value, c.Speedup.Low, c.Speedup.High
}

// writeCost keeps the dearest write of the workload as the change's write cost.
func (t *proof) writeCost(q *query, c trial.Comparison) {
	w := WriteCost{Source: "captured", Statement: q.Fingerprint, BeforeUS: c.Before.P50.Value / 1e3, AfterUS: c.After.P50.Value / 1e3}
	w.AddedUS = w.AfterUS - w.BeforeUS
	if t.evidence.Write.Source == "none" || w.AddedUS > t.evidence.Write.AddedUS {
		t.evidence.Write = w
	}
}

// deletes measures the write cost of a table that the workload does not write to: a DELETE by rowid
// changes every index of the table and is rolled back.
func (t *proof) deletes(ctx context.Context) error {
	table := t.schema.Table(t.rec.Table)
	if table == nil || table.WithoutRowid {
		return nil
	}
	ids, err := t.db.Values(ctx, table.Name, []string{"rowid"}, sampled)
	if err != nil || len(ids) == 0 {
		return err
	}
	text := "DELETE FROM " + quoteName(table.Name) + " WHERE rowid = ?"
	var c trial.Case
	for _, id := range ids {
		c.Calls = append(c.Calls, trial.Call{SQL: text, Args: id, Writes: true})
	}
	result, err := trial.Compare(ctx, t.shadow.Before(), t.shadow.After(), c, spent["other"], t.random)
	if err != nil {
		t.evidence.Reasons = append(t.evidence.Reasons, "write cost not measured: "+describe(err))
		return ctx.Err()
	}
	t.evidence.Write = WriteCost{Source: "synthetic", Statement: text,
		BeforeUS: result.Before.P50.Value / 1e3, AfterUS: result.After.P50.Value / 1e3}
	t.evidence.Write.AddedUS = t.evidence.Write.AfterUS - t.evidence.Write.BeforeUS
	return nil
}

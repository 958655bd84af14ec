package advisor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/schema"
	"github.com/sqliteperf/sqliteperf/internal/sqlite"
)

// renewal is a full ANALYZE tried on the copy: what is wrong with the statistics that are there, and
// what the statements whose plans change cost with new ones.
type renewal struct {
	stats   *sqlite.Statistics
	stale   []Fact // row counts far from the real ones
	missing int    // indexes without samples, or without statistics at all
	rows    int64  // of the largest table, without statistics counted up to 10,000
	*replayed
}

const (
	// leastRows is the size of a table from which on statistics can matter: a scan of a thousand rows
	// takes some 50 µs, whatever the plan.
	leastRows = 1000
	// staleFactor is how far a count must be off to be tried. Only replay decides; PRAGMA optimize
	// itself waits for a factor of ten. https://sqlite.org/lang_analyze.html#periodically_run_pragma_optimize_
	staleFactor = 2
	// changedReplayed bounds the statements replayed, the costliest first.
	changedReplayed = 20
	// restorable bounds the rows of statistics that undoing puts back: 24 samples for each of a hundred
	// indexes are some 300 KB.
	restorable = 1 << 20
)

// renew tries a full ANALYZE on the copy, once per analysis. What it returns has no evidence where that
// changes no plan, and where there is nothing wrong with the statistics.
func (p *pass) renew(ctx context.Context) (*renewal, error) {
	if p.renewed != nil {
		return p.renewed, nil
	}
	x := &renewal{}
	p.renewed = x
	for _, t := range p.schema.Tables {
		x.rows = max(x.rows, t.Rows)
	}
	if len(p.queries) == 0 || x.rows < leastRows && !p.schema.Analyzed {
		return x, nil
	}
	lab, err := p.lab(ctx)
	if lab == nil || err != nil {
		return x, err
	}
	if x.stats, err = p.engine().Statistics(ctx); err != nil {
		return x, err
	}
	_, err = p.bounded(ctx, "ST01", func(ctx context.Context) error {
		if err := x.look(ctx, p.schema, lab.Before); err != nil || x.stats.Stat1 && len(x.stale) == 0 && x.missing == 0 {
			return err
		}
		return x.try(ctx, p, lab)
	})
	return x, err
}

// look compares the statistics with the copy.
func (x *renewal) look(ctx context.Context, s *schema.Schema, r *sqlite.Replayer) error {
	for _, t := range s.Tables {
		if !t.Indexable() || !x.stats.Stat1 {
			continue
		}
		rows, err := r.Count(ctx, t.Name)
		if err != nil {
			return err
		}
		x.rows = max(x.rows, rows)
		if rows < leastRows && t.Rows < leastRows {
			continue
		}
		for _, ix := range t.Indexes {
			if ix.Stat == nil && !ix.Partial && !(ix.Origin == "pk" && t.WithoutRowid) || len(ix.Stat) > 0 && ix.Stat[0] > 0 && !x.stats.Sampled[ix.Name] {
				x.missing++
			}
		}
		if rows > staleFactor*t.Rows || t.Rows > staleFactor*rows {
			x.stale = append(x.stale, count("rows of "+t.Name, rows, "rows"), count("rows of "+t.Name+" by the statistics", t.Rows, "rows"))
		}
	}
	return nil
}

// try renews the statistics of the copy after, replays the statements whose plans change, and puts the
// statistics back.
func (x *renewal) try(ctx context.Context, p *pass, lab *sqlite.Shadow) (err error) {
	if x.rows < leastRows {
		return nil
	}
	began := time.Now()
	took, err := lab.After.Change(ctx, x.stats.Renew)
	if err != nil {
		return err
	}
	defer func() { // the copy must be as before for whoever comes next
		_, undo := lab.After.Change(context.WithoutCancel(ctx), x.stats.Restore)
		err = errors.Join(err, undo, lab.After.Reload(context.WithoutCancel(ctx)))
	}()
	changed, err := p.replanned(ctx, lab)
	if err != nil || len(changed) == 0 {
		return err
	}
	found, err := p.replayAll(ctx, lab.Before, lab.After, changed[:min(len(changed), changedReplayed)])
	if err != nil {
		return err
	}
	x.replayed = found
	e := found.evidence
	e.BuildMS, e.TookMS, e.Unchanged = ms(took), ms(time.Since(began)), len(p.queries)-len(changed)
	if n := len(changed) - changedReplayed; n > 0 {
		e.Reasons = append(e.Reasons, fmt.Sprintf("%d more statements get another plan and were not replayed", n))
	}
	return nil
}

// replanned are the statements that the copies plan differently.
func (p *pass) replanned(ctx context.Context, lab *sqlite.Shadow) ([]*query, error) {
	var list []*query
	for _, q := range p.queries {
		before, err := lab.Before.Explain(ctx, q.calls[0].SQL, q.calls[0].Args)
		if err != nil {
			continue // as the proof of indexes will say
		}
		after, err := lab.After.Explain(ctx, q.calls[0].SQL, q.calls[0].Args)
		if err != nil {
			return nil, err
		}
		if before.String() != after.String() {
			list = append(list, q)
		}
	}
	return list, ctx.Err()
}

// proved says whether full statistics make statements faster and none slower.
func (x *renewal) proved() bool { return x.replayed != nil && x.evidence.Verdict == Proved }

// statisticsAdvice starts advice that a renewal proved.
func (p *pass) statisticsAdvice(code string, x *renewal) *Recommendation {
	// Statistics that are stale once more are other advice than those that were renewed then.
	r := p.recommendation(code, "statistics", "", strings.Join(x.stats.Restore, ";"))
	evidence := *x.evidence
	r.rest(&replayed{evidence: &evidence, digests: x.digests, saved: x.saved})
	r.Level, r.Applicable = "warning", true
	r.Statements, r.Undo = x.stats.Renew, x.stats.Restore
	r.Risk = "Plans of other statements may change too. ANALYZE reads every index, and writers wait meanwhile."
	r.Facts = append(r.Facts, count("statements with another plan", int64(len(x.evidence.Queries)), "statements"),
		count("rows of the largest table, at least", x.rows, "rows"), Fact{Name: "ANALYZE of a copy took", Value: x.evidence.BuildMS, Unit: "ms"})
	if x.stats.Bytes > restorable {
		r.Applicable, r.Undo, r.Manual = false, []string{}, "Run "+strings.Join(r.Statements, "; ")+"."
		r.Risk += " The statistics there are now are too many to be put back exactly: keep a copy of sqlite_stat1 and sqlite_stat4."
	}
	return r
}

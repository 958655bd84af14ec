package advisor

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/sqlite"
	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// Options configure one analysis. The zero value works.
type Options struct {
	Name      string // of the database in the report; default the file's path
	ShadowDir string // where the shadow copies are made; default the system's temporary directory
	MaxShadow int64  // largest database to copy, in bytes; default 1 GiB
	NoProof   bool   // advice stays proposed: nothing is replayed by turns
	NoCopy    bool   // never copy the database, not even to search
	Limits    Limits // on the indexes advised

	// Progress, if set, is told what is being done; done runs from 0 to 1 within a phase.
	Progress func(phase, detail string, done float64)

	// proposed are the statements of open advice: of two indexes about as good, the one that was
	// proposed before is proposed again.
	proposed map[string]bool
}

func (o Options) withDefaults() Options {
	o.MaxShadow = cmp.Or(o.MaxShadow, 1<<30)
	if o.Progress == nil {
		o.Progress = func(string, string, float64) {}
	}
	return o
}

// Report is the outcome of an analysis.
type Report struct {
	Database        string            `json:"database"`
	Statements      int               `json:"statements"` // that could be used
	Skipped         []Skipped         `json:"skipped"`
	Recommendations []*Recommendation `json:"recommendations"` // the most valuable first
	TookMS          float64           `json:"took_ms"`
}

// Skipped is a statement that no advice rests on, and why.
type Skipped struct {
	Digest      string `json:"digest"`
	Fingerprint string `json:"fingerprint"`
	Reason      string `json:"reason"`
}

// Analyze advises on the database file at path for a workload, which may be empty. It opens the
// file read-only and proves what it proposes on shadow copies. Errors about the file are one line
// that names it.
func Analyze(ctx context.Context, path string, workload []Query, o Options) (*Report, error) {
	o.Name = cmp.Or(o.Name, path)
	if abs, err := filepath.Abs(path); err == nil {
		path = abs // identities rest on the path
	}
	db, err := openDatabase(ctx, path)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	if d, ok := db.(sqliteDatabase); ok {
		if err := d.Check(ctx); err != nil {
			return nil, err
		}
	}
	return analyze(ctx, db, workload, nil, nil, o)
}

// analyze runs all rules. pragmas are those of the application's connections, nil without one.
// seen is what they were seen doing, nil without an application too.
func analyze(ctx context.Context, db database, workload []Query, pragmas []sqlite.Pragma, seen *traffic, o Options) (*Report, error) {
	start := time.Now()
	o = o.withDefaults()
	p := &pass{name: o.Name, db: db, options: o, report: o.Progress, live: pragmas != nil, traffic: seen, pragmas: map[string]string{}}
	report := &Report{Database: o.Name, Skipped: []Skipped{}, Recommendations: []*Recommendation{}}
	var err error
	if p.schema, err = db.Schema(ctx); err != nil {
		return nil, err
	}
	if pragmas == nil {
		if pragmas, err = filePragmas(ctx, db); err != nil {
			return nil, err
		}
	}
	for _, setting := range pragmas {
		p.pragmas[setting.Name] = setting.Value
	}
	if err := p.prepareAll(ctx, workload, report); err != nil {
		return nil, err
	}
	defer func() {
		if p.shadow != nil {
			p.shadow.Close()
		}
	}()
	if err := p.rank(ctx); err != nil {
		return nil, err
	}
	if err := p.check(ctx, report); err != nil {
		return nil, err
	}
	report.Skipped = append(report.Skipped, p.skipped...)
	report.Statements, report.TookMS = len(p.queries), ms(time.Since(start))
	return report, nil
}

// filePragmas reads the settings that the file alone determines.
func filePragmas(ctx context.Context, db database) ([]sqlite.Pragma, error) {
	d, ok := db.(sqliteDatabase)
	if !ok {
		return nil, nil
	}
	return d.Pragmas(ctx)
}

// prepareAll makes the queries of the pass; statements that cannot be used are reported.
func (p *pass) prepareAll(ctx context.Context, workload []Query, report *Report) error {
	for i, in := range workload {
		p.report("prepare", in.Fingerprint, float64(i)/float64(len(workload)))
		q, err := prepare(ctx, p.db, p.schema, in)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case isFileError(err):
			return err
		case errors.Is(err, errNothingToAdvise):
		case err != nil:
			report.Skipped = append(report.Skipped, Skipped{in.hex(), in.Fingerprint, describe(err)})
		default:
			p.queries = append(p.queries, q)
		}
	}
	return nil
}

func isFileError(err error) bool {
	var f *sqlite.FileError
	return errors.As(err, &f)
}

// rank orders the queries by cost. A workload without times is run once per statement on the copy,
// or else ranked by calls.
func (p *pass) rank(ctx context.Context) error {
	for _, q := range p.queries {
		if q.cost > 0 || len(p.queries) <= heaviest {
			continue // the search measures them
		}
		copies, err := p.copies(ctx)
		if err != nil {
			return err
		}
		if copies == nil {
			break
		}
		took, err := runOnce(ctx, copies.Before(), q.calls[0])
		if err == nil {
			q.cost = time.Duration(float64(took) * max(q.Calls, 1))
		}
	}
	p.sort()
	return ctx.Err()
}

// sort puts the most expensive queries first.
func (p *pass) sort() {
	slices.SortStableFunc(p.queries, func(a, b *query) int {
		return cmp.Or(cmp.Compare(b.cost, a.cost), cmp.Compare(b.Calls, a.Calls))
	})
}

// rankLimit is when a statement is stopped that is only run to be ranked.
const rankLimit = time.Second

func runOnce(ctx context.Context, r replayer, c trial.Call) (cpu time.Duration, err error) {
	limited, cancel := context.WithTimeout(ctx, rankLimit)
	defer cancel()
	out, err := r.Run(limited, c)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return rankLimit, nil
	}
	return out.CPU, err
}

// check asks every rule and proves what can be proved. A rule that fails is reported; what it
// found counts, and the others are asked all the same.
func (p *pass) check(ctx context.Context, report *Report) error {
	for _, rule := range rules {
		list, err := rule.check(ctx, p)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			report.Skipped = append(report.Skipped, Skipped{Reason: rule.code() + ": " + describe(err)})
		}
		report.Recommendations = append(report.Recommendations, list...)
	}
	kept := report.Recommendations[:0]
	for _, r := range report.Recommendations {
		r.PlanHash = hashPlan(r)
		if r.Type != "pragma" || !r.provable() || p.mayProve(ctx) {
			kept = append(kept, r) // the others are worth nothing without a proof
		}
	}
	report.Recommendations = kept
	more, err := p.proveAll(ctx, report.Recommendations)
	if err != nil {
		return err
	}
	report.Recommendations = append(report.Recommendations, more...)
	report.Recommendations = p.options.Limits.within(withoutCovered(report.Recommendations))
	sortRecommendations(report.Recommendations)
	return nil
}

// proveAll proves what can be proved: the new indexes together, everything else alone. It may find more to
// advise.
func (p *pass) proveAll(ctx context.Context, recs []*Recommendation) ([]*Recommendation, error) {
	var indexes, others []*Recommendation
	analyzed := p.schema.Analyzed
	estimated := false
	for _, r := range recs {
		estimated = estimated || r.State == Estimated
		switch {
		case !r.provable() || r.settled() || len(r.Statements) == 0 || r.Evidence != nil || r.Type == "drop_index" && len(p.on(r.Table)) == 0:
			// by rule: there is nothing to replay
			analyzed = analyzed || r.Type == "statistics"
		case r.Type == "index":
			indexes = append(indexes, r)
		default:
			others = append(others, r)
		}
	}
	if estimated && !analyzed {
		r, err := noStatistics{}.forIndexes(ctx, p, nil)
		return []*Recommendation{r}, err
	}
	if len(indexes)+len(others) == 0 {
		return nil, nil
	}
	copies, err := p.copies(ctx)
	switch {
	case err != nil:
		return nil, err
	case copies == nil && len(indexes) > 0 && !analyzed:
		r, err := noStatistics{}.forIndexes(ctx, p, nil)
		return []*Recommendation{r}, err
	case copies == nil:
		return nil, nil
	}
	for _, r := range others {
		if err := p.prove(ctx, r); err != nil {
			return nil, err
		}
	}
	return p.proveIndexes(ctx, indexes, analyzed)
}

// proveIndexes proves the set with the statistics that there will be: none, if it is as good without. Where the search
// saw that it is not, that is not tried.
func (p *pass) proveIndexes(ctx context.Context, indexes []*Recommendation, analyzed bool) ([]*Recommendation, error) {
	if len(indexes) == 0 {
		return nil, nil
	}
	if !analyzed && !p.rests {
		if err := p.proveSet(ctx, indexes); err != nil || allProved(indexes) {
			return nil, err
		}
		for _, r := range indexes {
			r.State, r.Evidence = Proposed, nil
		}
	}
	if !p.schema.Analyzed {
		if err := p.gather(ctx); err != nil {
			return nil, err
		}
	}
	if err := p.proveSet(ctx, indexes); err != nil || analyzed {
		return nil, err
	}
	r, err := noStatistics{}.forIndexes(ctx, p, indexes)
	return []*Recommendation{r}, err
}

func allProved(list []*Recommendation) bool {
	return !slices.ContainsFunc(list, func(r *Recommendation) bool { return r.State != Proved })
}

// first puts statistics before the indexes that were chosen with them.
func first(r *Recommendation) int {
	if r.Type == "statistics" && r.State.Advised() {
		return 0
	}
	return 1
}

// sortRecommendations puts what saves most first: proved advice by time saved, then the rest.
func sortRecommendations(list []*Recommendation) {
	slices.SortStableFunc(list, func(a, b *Recommendation) int {
		return cmp.Or(cmp.Compare(first(a), first(b)), cmp.Compare(a.State.rank(), b.State.rank()),
			cmp.Compare(b.saves, a.saves), cmp.Compare(a.ID, b.ID))
	})
}

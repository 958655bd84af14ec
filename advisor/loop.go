package advisor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
)

// Analysis says what the analysis in the background is doing and what it could not use.
type Analysis struct {
	Running    bool       `json:"running"`
	Phase      string     `json:"phase"`
	Last       *time.Time `json:"last"`
	Statements int        `json:"statements"`
	Skipped    []Skipped  `json:"skipped"`
}

// stale is the age at which an analysis is repeated though nothing new was seen.
const stale = time.Hour

// analyzeEvery looks for advice until ctx ends.
func (a *Advisor) analyzeEvery(ctx context.Context) {
	wait := time.NewTimer(min(a.config.Every, 5*time.Second)) // the first time soon
	defer wait.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-wait.C:
		case <-a.again:
		}
		a.log("analyze", a.analyze(ctx, false))
		a.mu.Lock()
		rest := time.Until(a.restUntil)
		a.mu.Unlock()
		wait.Reset(max(a.config.Every, rest))
	}
}

// analyzeSoon is called after a change: other advice on the same table rests on how it was before.
func (a *Advisor) analyzeSoon() {
	select {
	case a.again <- struct{}{}:
	default:
	}
}

// Analyze looks for advice now and returns when it is proved. Close ends it.
func (a *Advisor) Analyze(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(a.closing, cancel)()
	return a.analyze(ctx, true)
}

func (a *Advisor) analyze(ctx context.Context, always bool) error {
	select {
	case a.analyzing <- struct{}{}:
		defer func() { <-a.analyzing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	defer a.restAfter(time.Now())
	var errs []error
	for _, w := range a.watchedDatabases() {
		if fileSize(w.source.Path) == 0 {
			continue // in memory, or nothing was written yet
		}
		if err := a.analyzeOne(ctx, w, always); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", w.name, err))
		}
	}
	return errors.Join(errs...)
}

// restAfter says how long to rest after an analysis: it then uses no more than its share of one core.
func (a *Advisor) restAfter(start time.Time) {
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.restUntil = now.Add(a.config.Auto.rest(now.Sub(start)))
}

func (a *Advisor) analyzeOne(ctx context.Context, w *watched, always bool) (err error) {
	defer recovered(&err)
	began := time.Now()
	totals, err := a.totals(ctx)
	if err != nil {
		return err
	}
	db, err := w.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	s, err := db.Schema(ctx)
	if err != nil {
		return err
	}
	workload := a.workload(totals, w.source)
	findings := a.findingsOf(w)
	seen := describeWorkload(s.Version, workload) + describeFindings(findings)
	if !always && seen == w.seen && time.Since(w.since) < stale {
		return nil
	}
	pragmas, err := w.settings(ctx, db)
	if err != nil {
		return err
	}
	observed := a.traffic(totals, w)
	observed.findings = findings
	if observed.sizes, err = a.store.Sizes(ctx, w.source, began.Add(-growthWindow)); err != nil {
		return err
	}
	a.setAnalysis(func(an *Analysis) { an.Running = true })
	report, err := analyze(ctx, db, workload, pragmas, observed, Options{
		Name: w.name, ShadowDir: a.config.ShadowDir, MaxShadow: a.config.MaxShadow, NoProof: a.config.NoProof, NoCopy: a.config.NoProof,
		Progress: a.progress, proposed: a.proposedStatements(),
	})
	a.finished(report)
	if err != nil {
		return err
	}
	w.seen, w.since = seen, time.Now()
	return a.adopt(ctx, w.name, report, began)
}

// proposedStatements are the statements of open advice.
func (a *Advisor) proposedStatements() map[string]bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	set := map[string]bool{}
	for _, r := range a.recs {
		if r.State.open() && len(r.Statements) > 0 {
			set[r.Statements[0]] = true
		}
	}
	return set
}

// describeWorkload says what an analysis would look at: the schema and the statements that make up
// 99 % of the time.
func describeWorkload(version int64, workload []Query) string {
	var total, sum time.Duration
	for _, q := range workload {
		total += q.Total
	}
	var digests []string
	for _, q := range workload {
		if sum > total/100*99 {
			break
		}
		sum += q.Total
		digests = append(digests, q.hex())
	}
	slices.Sort(digests)
	return fmt.Sprint(version, strings.Join(digests, " "))
}

// totals sums up the window that advice rests on, the costliest first.
func (a *Advisor) totals(ctx context.Context) ([]*digest.Summary, error) {
	open := a.open.Load()
	now := time.Now()
	open.each(now, func(_, _ time.Time, summaries []*digest.Summary) { a.remember(summaries) })
	stored, err := a.store.Totals(ctx, now.Add(-a.config.Window), open.bound())
	if err != nil {
		return nil, err
	}
	totals := digest.Totals{}
	totals.Add(stored)
	open.each(now, func(_, _ time.Time, summaries []*digest.Summary) { totals.Add(summaries) })
	return totals.Sorted(), nil
}

// workload is what a database was asked within the window, the most expensive statement first.
func (a *Advisor) workload(totals []*digest.Summary, source *capture.Source) []Query {
	a.mu.Lock()
	defer a.mu.Unlock()
	var list []Query
	for _, s := range totals {
		if s.Kind == capture.KindStatement && s.Database == source && s.Statement != nil {
			list = append(list, a.query(s))
		}
	}
	return list
}

// traffic is what a watched database was seen doing.
func (a *Advisor) traffic(totals []*digest.Summary, w *watched) *traffic {
	t := &traffic{
		window: a.config.Window, connections: w.source.Pool(), pool: w.db.Stats(), rows: w.source.OpenRows(),
		walBytes: fileSize(w.source.Path + "-wal"), running: time.Duration(capture.Now()), texts: map[uint64]uint32{},
		long: func(ctx context.Context) (*weeks, error) { return a.weeksOf(ctx, w) },
	}
	a.mu.Lock()
	for digest, live := range a.texts {
		t.texts[digest] = live.Texts()
	}
	a.mu.Unlock()
	for _, s := range totals {
		switch {
		case s.Database != w.source:
		case s.Kind == capture.KindStatement:
			t.statements = append(t.statements, s)
		case s.Kind == capture.KindTransaction:
			t.transactions = append(t.transactions, s)
		}
	}
	return t
}

// query makes a Query of a summary, with the text and samples of the live statement if there is one.
func (a *Advisor) query(s *digest.Summary) Query {
	q := Query{
		Digest: s.Digest, Fingerprint: s.Statement.Fingerprint, Text: s.Statement.Fingerprint,
		ReadOnly: s.Statement.ReadOnly, Calls: float64(s.Calls), Total: s.Total,
	}
	live := a.texts[s.Digest]
	if live == nil || live.Text == "" {
		return q
	}
	q.Text = live.Text
	for _, args := range live.Samples.List() {
		q.Samples = append(q.Samples, Sample{Text: live.Text, Args: args})
		q.Source = fromCapture
	}
	return q
}

// job is the progress of a piece of work as the stream sends it.
type job struct {
	ID     string  `json:"id"`
	Phase  string  `json:"phase"`
	Detail string  `json:"detail"`
	Done   float64 `json:"done"`
}

// progress tells of phases as they begin, not of each statement within one.
func (a *Advisor) progress(phase, detail string, done float64) {
	a.setAnalysis(func(an *Analysis) {
		if an.Phase != phase {
			an.Phase = phase
			a.feed.publish("job", job{"analysis", phase, detail, done})
		}
	})
}

func (a *Advisor) setAnalysis(change func(*Analysis)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(&a.analysis)
}

func (a *Advisor) finished(report *Report) {
	now := time.Now().UTC()
	a.setAnalysis(func(an *Analysis) {
		an.Running, an.Phase = false, ""
		if report != nil {
			an.Last, an.Statements, an.Skipped = &now, report.Statements, report.Skipped
		}
	})
	a.feed.publish("job", job{"analysis", "done", "", 1})
}

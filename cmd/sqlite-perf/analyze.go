package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/sqliteperf/sqliteperf/advisor"
	"github.com/sqliteperf/sqliteperf/internal/sqltext"
)

// analysis is what analyze prints as JSON.
type analysis struct {
	Schema string `json:"schema"`
	*advisor.Report
	BadLines int `json:"bad_lines"`
}

// source are the flags that say what to analyze and how.
type source struct {
	workload string
	noProof  bool
	limits   advisor.Limits
	token    string
}

func (s *source) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.workload, "workload", "", `trace of statements, one JSON object a line: {"sql": "…", "params": […], "weight": 1.0}`)
	cmd.Flags().BoolVar(&s.noProof, "no-proof", false, "do not replay the workload to prove advice")
	cmd.Flags().Int64Var(&s.limits.Bytes, "budget-bytes", 0, "how much the indexes advised may take together, 0 for no limit")
	cmd.Flags().IntVar(&s.limits.Indexes, "max-indexes", 0, "how many indexes to advise at most, 0 for no limit")
	cmd.Flags().StringVar(&s.token, "token", "", "start-up token of a running application; default $SQLITE_PERF_TOKEN")
}

func analyzeCommand() *cobra.Command {
	var s source
	var format string
	cmd := &cobra.Command{
		Use:   "analyze FILE|URL",
		Short: "Advise on a database file for a workload, or show the advice of a running application",
		Example: `  sqlite-perf analyze app.db --workload trace.ndjson
  sqlite-perf analyze app.db --workload trace.ndjson --format sql > indexes.sql
  sqlite-perf analyze http://127.0.0.1:8420/performance`,
		Args: oneTarget,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains([]string{"table", "json", "sql"}, format) {
				return coded{fmt.Errorf("--format must be table, json or sql, not %q", format), exitUsage}
			}
			out, err := s.analyze(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			switch format {
			case "sql":
				printSQL(cmd.OutOrStdout(), cmd.ErrOrStderr(), out)
				return nil
			case "json":
				e := json.NewEncoder(cmd.OutOrStdout())
				e.SetIndent("", "  ")
				return e.Encode(out)
			}
			printReport(cmd.OutOrStdout(), out)
			return nil
		},
	}
	s.flags(cmd)
	cmd.Flags().StringVar(&format, "format", "table", "table, json, or sql: the statements to run")
	return cmd
}

// analyze advises on a file, or asks a running application for its advice.
func (s *source) analyze(ctx context.Context, target string) (*analysis, error) {
	if isURL(target) {
		if s.limits != (advisor.Limits{}) {
			return nil, coded{errors.New("--budget-bytes and --max-indexes are for files"), exitUsage}
		}
		if s.noProof {
			return nil, coded{errors.New("--no-proof is for files: a running application proves its own advice"), exitUsage}
		}
		if s.workload != "" {
			return nil, coded{fmt.Errorf("--workload is for files: a running application knows its own"), exitUsage}
		}
		c, err := newClient(target, s.token)
		if err != nil {
			return nil, err
		}
		return c.recommendations(ctx)
	}
	if s.limits.Bytes < 0 || s.limits.Indexes < 0 {
		return nil, coded{errors.New("--budget-bytes and --max-indexes must not be negative"), exitUsage}
	}
	out := &analysis{Schema: "sqlite-perf/analyze/v1"}
	workload, err := s.readWorkload(out)
	if err != nil {
		return nil, err
	}
	p := newProgress()
	out.Report, err = advisor.Analyze(ctx, target, workload, advisor.Options{NoProof: s.noProof, Limits: s.limits, Progress: p.show})
	p.clear()
	return out, err
}

// readWorkload reads the trace. Lines that cannot be used are reported and counted.
func (s *source) readWorkload(out *analysis) ([]advisor.Query, error) {
	if s.workload == "" {
		return nil, nil
	}
	f, err := os.Open(s.workload)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return advisor.ReadTrace(f, func(line int, reason string) {
		out.BadLines++
		fmt.Fprintf(os.Stderr, "sqlite-perf: %s: line %d: %s\n", clean(s.workload), line, clean(reason))
	})
}

// printSQL writes the statements to run, one a line, the best first, each with what undoes it. What was
// rejected, or is not for a program to do, is left out, and so is what does not fit on a line, with a word
// on errs. Statistics come last: they are of the indexes too.
func printSQL(w, errs io.Writer, a *analysis) {
	analyze, undo := false, []string(nil)
	for _, r := range a.Recommendations {
		if !r.Applicable || !r.State.Advised() || r.Type == "pragma" {
			continue
		}
		if r.Type == "statistics" {
			analyze, undo = true, tablesDropped(r.Undo)
			continue
		}
		lines, ok := sqlLines(r)
		if !ok {
			fmt.Fprintf(errs, "sqlite-perf: left out, for a name with a control character: %s\n", clean(r.Title))
			continue
		}
		for _, line := range lines {
			fmt.Fprintln(w, line)
		}
		analyze = analyze || slices.ContainsFunc(r.Statements, isAnalyze)
	}
	switch {
	case analyze && len(undo) > 0:
		fmt.Fprintf(w, "ANALYZE; -- undo: %s;\n", strings.Join(undo, "; "))
	case analyze:
		fmt.Fprintln(w, "ANALYZE; -- undo: none needed, statistics are only read by the planner")
	}
}

// sqlLines are the statements of r but for ANALYZE, each on a line with what undoes it; ok is false if
// one of them cannot be.
func sqlLines(r *advisor.Recommendation) (lines []string, ok bool) {
	changes := slices.DeleteFunc(slices.Clone(r.Statements), isAnalyze)
	for i, text := range changes {
		undo := r.Undo // of a single change, all of it: an index made again wants its statistics
		if len(changes) > 1 {
			last := max(len(r.Undo)-i, 0) // the last change is undone first
			undo = r.Undo[max(last-1, 0):last]
		}
		line := flat(text) + ";"
		for i, text := range undo {
			if i == 0 {
				line += " -- undo:"
			}
			line += " " + flat(text) + ";"
		}
		if clean(line) != line {
			return nil, false
		}
		lines = append(lines, line)
	}
	return lines, true
}

func isAnalyze(text string) bool { return strings.HasPrefix(text, "ANALYZE") }

// tablesDropped are the last statements of undo, as far as they drop tables: those that ANALYZE makes and
// that were not there. Rows of statistics need not be put back.
func tablesDropped(undo []string) []string {
	n := len(undo)
	for n > 0 && strings.HasPrefix(undo[n-1], "DROP TABLE") {
		n--
	}
	return undo[n:]
}

// flat writes a statement without comments, on one line as far as no name or string of it has several.
func flat(text string) string {
	var b strings.Builder
	for pos := 0; ; {
		t := sqltext.Next(text, pos)
		if t.Kind == sqltext.EOF {
			return b.String()
		}
		if b.Len() > 0 && t.Start > pos {
			b.WriteByte(' ')
		}
		b.WriteString(t.Text(text))
		pos = t.End
	}
}

// printReport writes a report for people.
func printReport(w io.Writer, a *analysis) {
	fmt.Fprintf(w, "%s: %s, %s", clean(a.Database), count(len(a.Recommendations), "recommendation"), count(a.Statements, "statement")+" used")
	if len(a.Skipped) > 0 {
		fmt.Fprintf(w, ", %d left out", len(a.Skipped))
	}
	if a.BadLines > 0 {
		fmt.Fprintf(w, ", %s of the trace not understood", count(a.BadLines, "line"))
	}
	fmt.Fprintf(w, " (%.1f s)\n", a.TookMS/1000)
	for _, r := range a.Recommendations {
		printRecommendation(w, r)
	}
	if len(a.Skipped) > 0 {
		fmt.Fprintln(w, "\nleft out:")
	}
	for _, s := range a.Skipped {
		fmt.Fprintf(w, "  %s\n    %s\n", clean(cut(s.Fingerprint, 120)), clean(s.Reason))
	}
}

func printRecommendation(w io.Writer, r *advisor.Recommendation) {
	fmt.Fprintf(w, "\n%-12s %s  %s  [%s]\n", clean(strings.ToUpper(string(r.State))), clean(r.Code), clean(r.Title), clean(r.ID))
	fmt.Fprintf(w, "  %s\n", clean(strings.TrimSpace(r.Why)))
	for _, f := range r.Facts {
		fmt.Fprintf(w, "    %s: %s\n", clean(f.Name), clean(figure(f)))
	}
	if r.Evidence != nil {
		printEvidence(w, r.Evidence)
	}
	if r.Rewrite != nil {
		printRewrite(w, r.Rewrite)
	}
	printLines(w, "  by hand: ", r.Manual)
	printStatements(w, r)
	fmt.Fprintf(w, "  %s\n", basis(r))
}

// printRewrite shows what to write instead of what.
func printRewrite(w io.Writer, r *advisor.Rewrite) {
	printLines(w, "  before: ", r.Before)
	printLines(w, "  after:  ", r.After)
	switch {
	case !r.Checked:
		fmt.Fprintln(w, "  not checked")
	case r.Speedup > 1:
		fmt.Fprintf(w, "  same rows, %.3g× faster\n", r.Speedup)
	default:
		fmt.Fprintln(w, "  same rows")
	}
}

// printLines writes a text that may have several lines, each below the other.
func printLines(w io.Writer, label, text string) {
	if text == "" {
		return
	}
	for line := range strings.Lines(strings.ReplaceAll(text, "\t", "  ")) {
		fmt.Fprintf(w, "%s%s\n", label, clean(strings.TrimRight(line, "\r\n")))
		label = strings.Repeat(" ", len(label))
	}
}

// basis says what advice rests on, and no more than that: a trial may also have failed.
func basis(r *advisor.Recommendation) string {
	e := r.Evidence
	switch {
	case r.Basis == "rule":
		return "by rule: not measured on a copy"
	case r.Basis == "experiment":
		return "measured on a copy"
	case r.Basis == "estimate" || e != nil && e.Verdict == advisor.Estimated:
		return "estimated on a sample"
	case e != nil && e.Verdict != advisor.Proved:
		return "tried on a copy"
	case e == nil && r.Rewrite != nil && !r.Rewrite.Checked:
		return "measured on a copy"
	}
	return "proved on a copy"
}

// printStatements shows what would be run. What was rejected was only tried.
func printStatements(w io.Writer, r *advisor.Recommendation) {
	sign := "+"
	if r.State == advisor.Rejected || r.State == advisor.Inconclusive {
		sign = "tried"
	}
	for _, text := range r.Statements {
		fmt.Fprintf(w, "  %s %s;\n", sign, clean(flat(text)))
	}
	if sign != "+" {
		return
	}
	for _, text := range r.Undo {
		fmt.Fprintf(w, "  undo %s;\n", clean(flat(text)))
	}
}

func printEvidence(w io.Writer, e *advisor.Evidence) {
	for _, m := range e.Queries {
		if m.Samples == 0 {
			continue
		}
		fmt.Fprintf(w, "  %s\n", clean(cut(m.Fingerprint, 120)))
		rows := "same rows"
		if !m.SameRows {
			rows = "DIFFERENT ROWS"
		}
		fmt.Fprintf(w, "    p50 %s → %s, p95 %s → %s; %s ×%.1f (95 %%: %.1f–%.1f, n=%d), %s\n",
			duration(m.Before.P50), duration(m.After.P50), duration(m.Before.P95), duration(m.After.P95),
			clean(m.Verdict), m.Speedup, m.SpeedupLow, m.SpeedupHigh, m.Samples, rows)
		if m.Role == "target" {
			fmt.Fprintf(w, "    before %s\n    after  %s\n", clean(strings.Join(m.PlanBefore, " | ")), clean(strings.Join(m.PlanAfter, " | ")))
		}
	}
	if e.Bytes != 0 {
		fmt.Fprintf(w, "  %+.1f MB, built in %s\n", float64(e.Bytes)/1e6, duration(e.BuildMS))
	}
	if e.Write.Source != "none" {
		fmt.Fprintf(w, "  one write %+.1f µs (%.1f → %.1f, %s)\n", e.Write.AddedUS, e.Write.BeforeUS, e.Write.AfterUS, clean(e.Write.Source))
	}
	for _, reason := range e.Reasons {
		fmt.Fprintf(w, "  %s\n", clean(reason))
	}
}

package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/sqliteperf/sqliteperf/advisor"
)

// optimizing are the flags of optimize.
type optimizing struct {
	source
	yes     bool
	undo    string
	only    []string
	history string
}

func optimizeCommand() *cobra.Command {
	var o optimizing
	cmd := &cobra.Command{
		Use:   "optimize FILE|URL",
		Short: "Apply proved advice, or undo what was applied",
		Long: `Shows what would be done and does it after a confirmation, or at once with --yes.
What is applied to a file is remembered beside it, so that --undo can revert it.`,
		Example: `  sqlite-perf optimize app.db --workload trace.ndjson --yes
  sqlite-perf optimize app.db --undo ix01-0123456789ab`,
		Args: oneTarget,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.undo != "" {
				return o.revert(cmd, args[0])
			}
			return o.apply(cmd, args[0])
		},
	}
	o.flags(cmd)
	cmd.Flags().BoolVar(&o.yes, "yes", false, "apply without asking")
	cmd.Flags().StringVar(&o.undo, "undo", "", "revert the recommendation with this ID")
	cmd.Flags().StringSliceVar(&o.only, "only", nil, "apply only these IDs")
	cmd.Flags().StringVar(&o.history, "history", "", "history of a file; default advisor.db beside it")
	return cmd
}

func (o *optimizing) apply(cmd *cobra.Command, target string) error {
	found, err := o.analyze(cmd.Context(), target)
	if err != nil {
		return err
	}
	if err := o.known(found.Recommendations); err != nil {
		return err
	}
	plan := advisor.Plan(found.Recommendations, o.only)
	if len(plan) == 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "%s: nothing to apply among %s\n", clean(found.Database), count(len(found.Recommendations), "recommendation"))
		return nil
	}
	for _, r := range plan {
		printRecommendation(cmd.OutOrStdout(), r)
	}
	if err := o.confirm(len(plan)); err != nil {
		return err
	}
	return o.each(cmd, target, plan)
}

// known fails if one of the IDs asked for is not among the advice.
func (o *optimizing) known(list []*advisor.Recommendation) error {
	for _, id := range o.only {
		if !slices.ContainsFunc(list, func(r *advisor.Recommendation) bool { return r.ID == id }) {
			return fmt.Errorf("%s: %w", clean(id), advisor.ErrUnknown)
		}
	}
	return nil
}

// confirm asks on a terminal. Elsewhere it refuses, since nobody can answer.
func (o *optimizing) confirm(n int) error {
	if o.yes {
		return nil
	}
	if !isTerminal(os.Stdin) {
		return coded{errors.New("nothing applied: pass --yes to apply this plan"), exitRefused}
	}
	fmt.Fprintf(os.Stderr, "\napply %s? [y/N] ", count(n, "change"))
	line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
	if a := strings.ToLower(strings.TrimSpace(line)); a != "y" && a != "yes" {
		return coded{errors.New("nothing applied"), exitRefused}
	}
	return nil
}

// each applies one change after the other and stops at the first that fails.
func (o *optimizing) each(cmd *cobra.Command, target string, plan []*advisor.Recommendation) error {
	done := func(r *advisor.Recommendation) {
		fmt.Fprintf(cmd.OutOrStdout(), "applied %s  %s\n", clean(r.ID), clean(r.Title))
	}
	if isURL(target) {
		return o.eachRemote(cmd.Context(), target, plan, done)
	}
	history, err := historyOf(target, o.history)
	if err != nil {
		return err
	}
	ledger, err := advisor.OpenLedger(cmd.Context(), history)
	if err != nil {
		return err
	}
	defer ledger.Close()
	return refusal(ledger.Apply(cmd.Context(), target, plan, "cli", done))
}

// eachRemote asks a running application. A change makes its other advice on the same table stale
// until it has looked again, which the client waits for.
func (o *optimizing) eachRemote(ctx context.Context, target string, plan []*advisor.Recommendation, done func(*advisor.Recommendation)) error {
	c, err := newClient(target, o.token)
	if err != nil {
		return err
	}
	for i, r := range plan {
		if i == 0 {
			err = c.send(ctx, "apply", r.ID, r.PlanHash) // exactly what was shown
		} else {
			err = c.changeLater(ctx, "apply", r.ID)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", r.ID, err)
		}
		done(r)
	}
	return nil
}

// historyOf is where changes of a file are remembered, which cannot be that file.
func historyOf(target, history string) (string, error) {
	history = cmp.Or(history, advisor.DefaultHistory(target))
	a, errA := os.Stat(target)
	b, errB := os.Stat(history)
	if errA == nil && errB == nil && os.SameFile(a, b) {
		return "", coded{fmt.Errorf("%s: cannot be its own history, name another file with --history", target), exitUsage}
	}
	return history, nil
}

func (o *optimizing) revert(cmd *cobra.Command, target string) error {
	title := o.undo
	if isURL(target) {
		c, err := newClient(target, o.token)
		if err != nil {
			return err
		}
		if err := c.change(cmd.Context(), "undo", o.undo); err != nil {
			return err
		}
	} else {
		history, err := historyOf(target, o.history)
		if err != nil {
			return err
		}
		if _, err := os.Stat(history); err != nil { // opening would create it
			return fmt.Errorf("%s: %w in %s: nothing was applied to this file", o.undo, advisor.ErrUnknown, history)
		}
		ledger, err := advisor.OpenLedger(cmd.Context(), history)
		if err != nil {
			return err
		}
		defer ledger.Close()
		r, err := ledger.Undo(cmd.Context(), target, o.undo, "cli")
		if err != nil {
			return refusal(fmt.Errorf("%s: %w", o.undo, err))
		}
		title += "  " + clean(r.Title)
	}
	fmt.Fprintln(cmd.OutOrStdout(), "undone", title)
	return nil
}

// refusal gives the errors that mean "not done, on purpose" their exit code.
func refusal(err error) error {
	if errors.Is(err, advisor.ErrStale) || errors.Is(err, advisor.ErrNotApplicable) || errors.Is(err, advisor.ErrBusy) {
		return coded{err, exitRefused}
	}
	return err
}

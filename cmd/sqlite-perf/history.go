package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/sqliteperf/sqliteperf/advisor"
)

// ledger is what history prints as JSON.
type ledger struct {
	Schema  string               `json:"schema"`
	Entries []advisor.AuditEntry `json:"entries"` // the oldest first
	*advisor.Past
}

func historyCommand() *cobra.Command {
	var history, format string
	cmd := &cobra.Command{
		Use:   "history FILE",
		Short: "Show what was done to a database file, by whom and why",
		Long: `Shows the ledger of a database file: every proof, change, undo and decision, the oldest first. As JSON it
also holds what follows from it alone: the state of each recommendation and the statements that were executed.`,
		Example: "  sqlite-perf history app.db --format json",
		Args:    oneTarget,
		RunE: func(cmd *cobra.Command, args []string) error {
			if format != "table" && format != "json" {
				return coded{fmt.Errorf("--format must be table or json, not %q", format), exitUsage}
			}
			path, err := historyOf(args[0], history)
			if err != nil {
				return err
			}
			l, err := readLedger(cmd, path)
			if err != nil {
				return err
			}
			if format == "json" {
				e := json.NewEncoder(cmd.OutOrStdout())
				e.SetIndent("", "  ")
				return e.Encode(l)
			}
			printLedger(cmd.OutOrStdout(), l)
			return nil
		},
	}
	cmd.Flags().StringVar(&history, "history", "", "history of the file; default advisor.db beside it")
	cmd.Flags().StringVar(&format, "format", "table", "table or json")
	return cmd
}

func readLedger(cmd *cobra.Command, path string) (*ledger, error) {
	if _, err := os.Stat(path); err != nil { // opening would create it
		return nil, fmt.Errorf("%s: nothing was done to this file: %w", path, err)
	}
	l, err := advisor.OpenLedger(cmd.Context(), path)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	entries, err := l.Entries(cmd.Context(), math.MaxInt)
	if err != nil {
		return nil, err
	}
	slices.Reverse(entries)
	past, err := advisor.Replay(entries)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &ledger{Schema: "sqlite-perf/ledger/v1", Entries: entries, Past: past}, nil
}

func printLedger(w io.Writer, l *ledger) {
	for _, e := range l.Entries {
		fmt.Fprintf(w, "%4d  %s  %-9s  %-12s  %s  %s\n", e.Seq, e.At.Local().Format(time.DateTime), clean(e.Actor), clean(e.Action), clean(e.Subject), clean(cut(e.Detail, 200)))
	}
}

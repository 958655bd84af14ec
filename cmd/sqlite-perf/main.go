// Command sqlite-perf advises on SQLite databases: files, or those of a running application that
// has the admin interface.
//
// Standard output carries results only; progress and errors go to standard error. Exit codes: 0 ok,
// 1 error, 2 usage, 5 unreachable or not authorized, 6 refused, 130 interrupted.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitError       = 1
	exitUsage       = 2
	exitUnreachable = 5
	exitRefused     = 6
	exitInterrupted = 130
)

// exitError with a code of its own.
type coded struct {
	error
	code int
}

func (c coded) Unwrap() error { return c.error }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:]))
}

func run(ctx context.Context, args []string) int {
	root := &cobra.Command{
		Use:           "sqlite-perf",
		Short:         "Performance advice for SQLite, proved on a copy of your own database",
		SilenceErrors: true, SilenceUsage: true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return coded{err, exitUsage} })
	root.AddCommand(demoCommand(), analyzeCommand(), optimizeCommand(), historyCommand(), versionCommand())
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if ctx.Err() != nil { // whatever it was that noticed
		fmt.Fprintln(os.Stderr, "sqlite-perf: interrupted")
		return exitInterrupted
	}
	fmt.Fprintln(os.Stderr, "sqlite-perf:", clean(oneLine(err)))
	var c coded
	switch {
	case errors.As(err, &c):
		return c.code
	case strings.HasPrefix(err.Error(), "unknown command"):
		return exitUsage
	}
	return exitError
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// oneTarget makes a wrong number of arguments a usage error.
func oneTarget(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return coded{fmt.Errorf("%s needs one FILE or URL, see --help", cmd.Name()), exitUsage}
	}
	return nil
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			fmt.Fprintln(cmd.OutOrStdout(), "sqlite-perf", version())
		},
	}
}

// version is what the Go build recorded, and SQLite's driver.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	text := info.Main.Version
	for _, dep := range info.Deps {
		if dep.Path == "modernc.org/sqlite" {
			text += " (modernc.org/sqlite " + dep.Version + ", " + info.GoVersion + ")"
		}
	}
	return text
}

// Command advicebench measures the advice for the README: the indexes of sqlite-perf and those of SQLite's own
// .expert, scored on two workloads with other parameters than those advised on, and how long a thousand
// statements on a database of 100 MB take.
//
// The workloads and the score are advbench's, which is kept beside the project. Everything happens in a
// temporary directory that is removed at the end; standard output is a Markdown table, standard error
// says what is being done. It needs the sqlite3 program and ends after an hour at the latest.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// most is how long all of it may take: on two cores it is some ten minutes.
const most = time.Hour

func main() {
	project := flag.String("project", "../..", "directory of the project")
	advbench := flag.String("advbench", "../../../shared/advbench", "directory of advbench's sources")
	only := flag.String("only", "webapp,tpch,thousand", "what to measure, separated by commas")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	if err := run(ctx, *project, *advbench, strings.Split(*only, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "advicebench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, project, advbench string, only []string) error {
	if _, err := os.Stat(filepath.Join(advbench, "go.mod")); err != nil {
		return fmt.Errorf("the workloads are missing: %w", err)
	}
	if _, err := exec.LookPath("sqlite3"); err != nil {
		return fmt.Errorf("the sqlite3 program is missing: %w", err)
	}
	dir, err := os.MkdirTemp("", "advicebench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{dir: dir, ours: filepath.Join(dir, "sqlite-perf"), score: filepath.Join(dir, "advbench")}
	if err := b.build(ctx, project, advbench); err != nil {
		return err
	}
	var rows []row
	var more []string
	for _, name := range only {
		if name != "thousand" {
			list, err := b.workload(ctx, name)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			rows = append(rows, list...)
			continue
		}
		line, err := b.thousand(ctx)
		if err != nil {
			return fmt.Errorf("a thousand statements: %w", err)
		}
		more = append(more, line)
	}
	print(os.Stdout, rows, more)
	return nil
}

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// bench is a temporary directory with the two programs.
type bench struct {
	dir   string
	ours  string // sqlite-perf
	score string // advbench
}

// build builds both. advbench's sources are copied, so that nothing is ever written beside them.
func (b *bench) build(ctx context.Context, project, advbench string) error {
	copied := filepath.Join(b.dir, "advbench-source")
	if err := os.CopyFS(copied, os.DirFS(advbench)); err != nil {
		return err
	}
	if _, err := b.run(ctx, copied, "go", "build", "-o", b.score, "."); err != nil {
		return err
	}
	_, err := b.run(ctx, project, "go", "build", "-o", b.ours, "./cmd/sqlite-perf")
	return err
}

// cost is what a process took.
type cost struct {
	wall, cpu time.Duration
	resident  int64 // bytes, at most
	out       []byte
}

// run runs a program to its end. What it complains of is in the error.
func (b *bench) run(ctx context.Context, dir, name string, args ...string) (c cost, err error) {
	fmt.Fprintln(os.Stderr, strings.ReplaceAll(strings.Join(append([]string{filepath.Base(name)}, args...), " "), b.dir+"/", ""))
	var out, complaints bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &complaints
	cmd.Env = append(os.Environ(), "TMPDIR="+b.dir)
	start := time.Now()
	err = cmd.Run()
	c = cost{wall: time.Since(start), out: out.Bytes()}
	if ctx.Err() != nil {
		return c, ctx.Err()
	}
	if err != nil {
		return c, fmt.Errorf("%s: %w: %s", filepath.Base(name), err, bytes.TrimSpace(complaints.Bytes()))
	}
	c.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		c.resident = usage.Maxrss << 10 // KiB on Linux
	}
	return c, nil
}

// advise asks sqlite-perf for advice on a file, without a proof and with it.
func (b *bench) advise(ctx context.Context, database, trace string) (advice, proof cost, err error) {
	args := []string{"analyze", database, "--workload", trace, "--format", "sql"}
	if advice, err = b.run(ctx, b.dir, b.ours, append(args, "--no-proof")...); err != nil {
		return advice, proof, err
	}
	proof, err = b.run(ctx, b.dir, b.ours, args...)
	return advice, proof, err
}

package advisor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// Bounds of the experiment.
const (
	burstRows  = 200             // inserted in each way
	burstLimit = 3 * time.Second // to begin no more rows after
)

// scratchName begins as the names of copies do, so that a scratch file whose process was killed is removed with them.
const scratchName = "sqliteperf-shadow-scratch-"

// measureBurst inserts rows of the table into a scratch file beside the copy, in the application's journal mode and with its
// syncs: one by one, in one transaction, and with one statement.
func (p *pass) measureBurst(ctx context.Context, r *Recommendation) (err error) {
	t := p.schema.Table(r.Table)
	if t == nil || !t.Indexable() || t.Rows < 1 {
		return nil
	}
	copies, err := p.copies(ctx)
	if err != nil || copies == nil {
		return err
	}
	dir, err := os.MkdirTemp(p.options.ShadowDir, scratchName)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	c := copies.After()
	if err := c.Set(ctx, "ATTACH "+sqlString(filepath.Join(dir, "scratch.db"))+" AS sqliteperf_scratch"); err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, c.Set(context.WithoutCancel(ctx), "DETACH sqliteperf_scratch"))
	}()
	for _, text := range []string{
		"PRAGMA sqliteperf_scratch.journal_mode = " + p.setting("journal_mode", "delete"),
		"PRAGMA sqliteperf_scratch.synchronous = " + p.setting("synchronous", "2"),
		fmt.Sprintf("CREATE TABLE sqliteperf_scratch.source AS SELECT * FROM main.%s LIMIT %d", quoteName(t.Name), burstRows),
		"CREATE TABLE sqliteperf_scratch.target AS SELECT * FROM sqliteperf_scratch.source LIMIT 0",
	} {
		if err := c.Set(ctx, text); err != nil {
			return err
		}
	}
	return burstFacts(ctx, c, r, min(t.Rows, burstRows))
}

func (p *pass) setting(name, otherwise string) string {
	if v := p.pragmas[name]; v != "" {
		return v
	}
	return otherwise
}

// sqlString writes text as an SQL string.
func sqlString(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// burstFacts inserts in the three ways and adds what a row took.
func burstFacts(ctx context.Context, c replayer, r *Recommendation, rows int64) (err error) {
	const one = "INSERT INTO sqliteperf_scratch.target SELECT * FROM sqliteperf_scratch.source WHERE rowid = ?"
	single := func() (n int64, took time.Duration, err error) {
		start := time.Now()
		for n = 0; n < rows && time.Since(start) < burstLimit; n++ {
			if _, err := c.Run(ctx, trial.Call{SQL: one, Args: []any{n + 1}}); err != nil {
				return n, 0, err
			}
		}
		return n, time.Since(start), nil
	}
	n, alone, err := single()
	if err != nil || n == 0 {
		return err
	}
	start := time.Now()
	if err := c.Set(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	m, _, err := single()
	end := "COMMIT"
	if err != nil {
		end = "ROLLBACK"
	}
	if err = errors.Join(err, c.Set(context.WithoutCancel(ctx), end)); err != nil || m == 0 {
		return err
	}
	together := time.Since(start)
	start = time.Now()
	if err := c.Set(ctx, "INSERT INTO sqliteperf_scratch.target SELECT * FROM sqliteperf_scratch.source"); err != nil {
		return err
	}
	perRow := func(d time.Duration, n int64) float64 { return float64(d) / 1e3 / float64(n) }
	r.Basis = "replay"
	r.Facts = append(r.Facts,
		Fact{Name: "a row on its own, on a scratch file", Value: perRow(alone, n), Unit: "µs"},
		Fact{Name: "in one transaction", Value: perRow(together, m), Unit: "µs"},
		Fact{Name: "with one statement", Value: perRow(time.Since(start), rows), Unit: "µs"})
	return nil
}

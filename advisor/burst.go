package advisor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/digest"
	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// autocommitBurst is TX02: a loop that writes row after row without a transaction pays for a commit each time. A row
// took 13.3 µs so, 2.3 µs within one transaction and 0.4 µs in inserts of many rows, without waiting for the
// disk (field measurement); with it, 290 µs to 12 µs. https://sqlite.org/faq.html#q19
type autocommitBurst struct{}

// burstCalls is how many writes of loops are worth a change: a thousand commits of 0.3 ms are a third of a second.
const burstCalls = 1000

func (autocommitBurst) code() string { return "TX02" }

func (rule autocommitBurst) check(ctx context.Context, p *pass) ([]*Recommendation, error) {
	if p.traffic == nil {
		return nil, nil
	}
	var list []*Recommendation
	for _, s := range p.traffic.statements {
		if s.Bursts < burstCalls || s.Statement == nil {
			continue
		}
		r := rule.advise(p, s)
		if err := p.measureBurst(ctx, r); err != nil {
			return list, err
		}
		list = append(list, r)
	}
	return list, nil
}

func (rule autocommitBurst) advise(p *pass, s *digest.Summary) *Recommendation {
	hex := Query{Digest: s.Digest}.hex()
	r := p.recommendation(rule.code(), "transaction", "", hex)
	r.Level, r.Digests = "warning", []string{hex}
	if at := slices.IndexFunc(p.queries, func(q *query) bool { return q.Digest == s.Digest }); at >= 0 {
		r.Table = p.queries[at].read.Target
	}
	r.Title = "Write many rows in one transaction"
	r.Why = "The statement runs again and again within milliseconds, each time in a transaction of its own, and each of them is a commit."
	r.Manual = "Put the loop between BeginTx and Commit, some hundred to a few thousand rows each, or insert many rows with one statement."
	r.Risk = "Rows of a batch are committed together or not at all, and others wait for its end."
	before := "for _, row := range rows {\n\tdb.ExecContext(ctx, query, row...)\n}"
	after := "tx, err := db.BeginTx(ctx, nil)\nif err != nil {\n\treturn err\n}\ndefer tx.Rollback()\nfor _, row := range rows {\n\tif _, err := tx.ExecContext(ctx, query, row...); err != nil {\n\t\treturn err\n\t}\n}\nreturn tx.Commit()"
	r.Rewrite = &Rewrite{Before: before, After: after}
	if many := manyRows(s.Statement.Fingerprint); many != "" {
		r.Rewrite.After += "\n\n// or, several rows at a time:\n" + many
	}
	p50, _ := s.Time.Quantile(0.5)
	r.Facts = append(r.Facts,
		Fact{Name: "calls outside of transactions", Value: float64(s.Outside), Unit: "calls"},
		Fact{Name: "of them within 10 ms of the one before", Value: share(s.Bursts, s.Outside), Unit: "of them"},
		Fact{Name: "median of a call", Value: ms(time.Duration(p50)), Unit: "ms"})
	r.Facts = append(r.Facts, callSites(s)...)
	return r
}

// manyRows is an INSERT of one row of parameters with three rows, or "".
func manyRows(fingerprint string) string {
	head, row, ok := strings.Cut(fingerprint, " VALUES ")
	if !ok || !strings.HasPrefix(head, "INSERT") || strings.Trim(row, "(?, )") != "" || strings.Count(row, "(") != 1 {
		return ""
	}
	return head + " VALUES " + strings.Join([]string{row, row, row}, ", ")
}

// Bounds of the experiment.
const (
	burstRows  = 200             // inserted in each way
	burstLimit = 3 * time.Second // to begin no more rows after
)

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
	dir, err := os.MkdirTemp(p.options.ShadowDir, "sqliteperf-scratch-")
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

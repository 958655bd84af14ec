package advisor

import (
	"context"
	"strings"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/sqlite"
	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// journalMode is PR01: outside WAL mode a writer blocks every reader and each commit syncs more
// often. BenchmarkAutocommitInsert of internal/sqlite, November 2026, two shared cores: 3.0–3.5 ms
// an insert with a rollback journal, 0.2–0.6 ms in WAL mode. https://sqlite.org/wal.html
//
// Where the workload writes, commits are timed on the disk of the copies. The advice stays proposed
// even so: whether the file lies on a network file system only a person knows.
type journalMode struct{}

func (journalMode) code() string { return "PR01" }

func (rule journalMode) check(ctx context.Context, p *pass) ([]*Recommendation, error) {
	mode := strings.ToLower(p.pragmas["journal_mode"])
	switch mode {
	case "delete", "truncate", "persist":
	default:
		return nil, nil
	}
	r := pragmaAdvice(p, rule.code(), "journal_mode", "wal")
	r.Level, r.Manual = "warning", ""
	r.Why = "In " + mode + " mode a writer blocks all readers, and each commit waits for the disk more often than in WAL mode."
	r.Risk = "The database gains two files beside it, -wal and -shm, and must not lie on a network file system. " +
		"Undo needs every connection to it closed."
	r.Statements, r.Undo = []string{"PRAGMA journal_mode = wal"}, []string{"PRAGMA journal_mode = " + mode}
	r.Applicable = true
	level := p.syncLevel()
	c, err := p.commits(ctx, rule.code(), sqlite.Durability{Journal: mode, Synchronous: level}, sqlite.Durability{Journal: "wal", Synchronous: level})
	if err == nil && c != nil && c.Difference == trial.Faster {
		r.rely(p, c, "journal_mode "+mode, "journal_mode wal")
		r.State = Proposed
	}
	return []*Recommendation{r}, err
}

// syncLevel is the setting synchronous as a word; a file alone does not tell, and SQLite's default is full.
func (p *pass) syncLevel() string {
	words := map[string]string{"0": "off", "1": "normal", "2": "full", "3": "extra"}
	if word := words[p.pragmas["synchronous"]]; word != "" && p.live {
		return word
	}
	return "full"
}

// commitRounds are the pairs of runs of an experiment on commits. Each takes the mean of eight.
const commitRounds = 12

// commits times commits under two settings by turns, on the disk of the copies if that is the disk of
// the database. nil means that nothing was measured.
func (p *pass) commits(ctx context.Context, code string, present, proposed sqlite.Durability) (*trial.Comparison, error) {
	if !p.writes() {
		return nil, nil
	}
	lab, err := p.lab(ctx)
	if lab == nil || err != nil || !lab.SameDisk(p.engine()) {
		return nil, err
	}
	var c trial.Comparison
	ended, err := p.bounded(ctx, code, func(ctx context.Context) error {
		a, err := lab.Committer(ctx, code+"-present", present)
		if err != nil {
			return err
		}
		b, err := lab.Committer(ctx, code+"-proposed", proposed)
		if err != nil {
			return err
		}
		one := trial.Case{Calls: []trial.Call{{Writes: true}}}
		c, err = trial.Compare(ctx, a, b, one, trial.Budget{Samples: commitRounds, Time: 2 * time.Second}, newRandom())
		return err
	})
	if err != nil || !ended {
		return nil, err
	}
	return &c, nil
}

// rely makes a comparison of commits the evidence.
func (r *Recommendation) rely(p *pass, c *trial.Comparison, present, proposed string) {
	e := newEvidence(p.shadow)
	e.Samples, e.Parameters, e.Verdict = c.Samples, "synthetic", Proved
	e.Reasons = append(e.Reasons, "commits of one row of 100 bytes, by turns, on the disk of the database")
	r.Facts = append(r.Facts,
		Fact{Name: "commit with " + present, Value: c.Before.P50.Value / 1e6, Unit: "ms"},
		Fact{Name: "commit with " + proposed, Value: c.After.P50.Value / 1e6, Unit: "ms"},
		Fact{Name: "commits faster by", Value: c.Speedup.Value, Unit: "times"},
		Fact{Name: "at least", Value: c.Speedup.Low, Unit: "times"})
	r.Evidence, r.Basis, r.State = e, "experiment", Proved
}

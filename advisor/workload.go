package advisor

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/plan"
	"github.com/sqliteperf/sqliteperf/internal/predicate"
	"github.com/sqliteperf/sqliteperf/internal/schema"
	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// Query is one statement of a workload.
type Query struct {
	Digest      uint64
	Fingerprint string
	Text        string // one text as written, for reading its structure
	ReadOnly    bool

	Calls   float64       // how often it ran, in any unit that is the same for the whole workload
	Total   time.Duration // how long that took; zero if unknown
	Samples []Sample      // how it was called; empty if nothing was kept
	Source  string        // of Samples: captured or trace
}

// Sample is one call of a Query.
type Sample struct {
	Text string
	Args []any
}

// Where parameters come from.
const (
	fromCapture = "captured"
	fromTrace   = "trace"
	fromColumns = "drawn" // from the columns the parameters are compared with
)

// sampled is how many calls of one statement a proof replays by turns.
const sampled = 16

// query is a Query as the rules see it: read, explained and ready to be replayed.
type query struct {
	Query
	read  *predicate.Statement
	plan  plan.Plan
	calls []trial.Call
	cost  time.Duration // total, measured or estimated, for ranking
}

// hex is the digest as pages show it.
func (q Query) hex() string { return fmt.Sprintf("%016x", q.Digest) }

// ties says whether LIMIT may cut through rows that ORDER BY does not tell apart: then only the
// number of rows can be compared. No LIMIT, no ties.
func (q *query) ties() bool {
	for _, b := range q.read.Blocks {
		if b.Limit {
			return true
		}
	}
	return false
}

// tableOf is the table that a plan calls by name, which may be an alias.
func (q *query) tableOf(name string) string {
	for _, b := range q.read.Blocks {
		for _, t := range b.Tables {
			if strings.EqualFold(t.Alias, name) && t.Name != "" {
				return t.Name
			}
		}
	}
	return name
}

func (q *query) testCase() trial.Case { return trial.Case{Calls: q.calls, Ties: q.ties()} }

// errTooLong reports a statement of which only the beginning is known.
var errTooLong = errors.New("the statement is too long to be kept, and so to be explained")

// prepare reads and explains a statement and finds parameters for it. The error says why it cannot
// be used for advice.
func prepare(ctx context.Context, db database, s *schema.Schema, in Query) (*query, error) {
	if capture.Shortened(in.Text) {
		return nil, errTooLong
	}
	q := &query{Query: in, cost: in.Total}
	var err error
	if q.read, err = predicate.Read(in.Text); err != nil {
		return nil, err
	}
	if len(q.read.Blocks) == 0 && q.read.Target == "" {
		return nil, cmp.Or(known(q.read.Verb), errNothingToAdvise)
	}
	if err := volatile(q.read); err != nil {
		return nil, err
	}
	if len(in.Samples) == 0 {
		if q.Samples, err = draw(ctx, db, s, q.read, in.Text); err != nil {
			return nil, err
		}
		q.Source = fromColumns
	}
	for _, sample := range spread(q.Samples, sampled) {
		read := q.read
		if sample.Text != in.Text { // another spelling, perhaps with other parameters
			if read, err = predicate.Read(sample.Text); err != nil {
				return nil, err
			}
		}
		q.calls = append(q.calls, trial.Call{SQL: sample.Text, Args: arguments(sample.Args, read), Writes: !in.ReadOnly})
	}
	if q.plan, err = db.Explain(ctx, q.calls[0].SQL, q.calls[0].Args); err != nil {
		return nil, err
	}
	return q, nil
}

// commands are how statements begin on which there is nothing to advise. https://sqlite.org/lang.html
var commands = strings.Fields("ALTER ANALYZE ATTACH BEGIN COMMIT CREATE DETACH DROP END EXPLAIN PRAGMA REINDEX RELEASE ROLLBACK SAVEPOINT VACUUM VALUES SELECT")

// known fails for a text that begins as no statement does.
func known(verb string) error {
	if verb == "" || slices.Contains(commands, verb) {
		return nil
	}
	return fmt.Errorf("no statement begins with %.20q", verb)
}

// spread picks at most n elements, evenly over the list.
func spread[T any](list []T, n int) []T {
	if len(list) <= n {
		return list
	}
	picked := make([]T, n)
	for i := range picked {
		picked[i] = list[i*len(list)/n]
	}
	return picked
}

// arguments makes args fit the statement's parameters: those that were not given are NULL, as SQLite
// itself would bind them, and those of named parameters carry the name, which the driver asks for.
func arguments(args []any, read *predicate.Statement) []any {
	if slices.ContainsFunc(args, func(arg any) bool { _, named := arg.(sql.NamedArg); return named }) {
		return args
	}
	list := make([]any, read.Count)
	copy(list, args)
	for n, name := range read.Names {
		list[n-1] = sql.Named(name, list[n-1])
	}
	return list
}

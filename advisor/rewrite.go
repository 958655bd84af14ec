package advisor

import (
	"context"
	"database/sql"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/plan"
	"github.com/sqliteperf/sqliteperf/internal/predicate"
	"github.com/sqliteperf/sqliteperf/internal/schema"
	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// rewriter writes a statement otherwise, with the same parameters under the same numbers; "" if it cannot.
type rewriter func(text string) string

// rewritten is a statement written otherwise, and what came of running both.
type rewritten struct {
	*Rewrite
	plan     plan.Plan // of the new form
	compared bool      // both were run
	faster   bool      // the new form was
}

// rewriteBudget bounds the runs of both forms of one statement.
var rewriteBudget = trial.Budget{Samples: 16, Time: time.Second}

// rewriteForms bounds the forms compared in one analysis to about a minute. The heaviest statements come first.
const rewriteForms = 50

// rewrite writes a query otherwise and runs both forms on the unchanged copy, if there is one. It is nil if
// the new form does not prepare, or gives other rows. What is shown is made of fingerprints: a text may hold
// values.
func (p *pass) rewrite(ctx context.Context, q *query, shown string, f rewriter) (*rewritten, error) {
	var before, after []trial.Call
	for _, c := range q.calls {
		if text := f(c.SQL); text != "" {
			before, after = append(before, c), append(after, trial.Call{SQL: text, Args: c.Args, Writes: c.Writes})
		}
	}
	if len(after) == 0 || shown == "" {
		return nil, nil
	}
	return p.compareForms(ctx, &Rewrite{Before: q.Fingerprint, After: shown}, before, after, q.ties())
}

// compareForms runs the calls of both forms by turns.
func (p *pass) compareForms(ctx context.Context, shown *Rewrite, before, after []trial.Call, ties bool) (*rewritten, error) {
	made := &rewritten{Rewrite: shown}
	var err error
	if made.plan, err = p.db.Explain(ctx, after[0].SQL, after[0].Args); err != nil {
		return nil, ctx.Err()
	}
	copies, err := p.copies(ctx)
	if err != nil || copies == nil {
		return made, err
	}
	if p.forms++; p.forms > rewriteForms {
		return nil, nil
	}
	c := trial.Case{Ties: ties}
	for i := range before {
		c.Calls = append(c.Calls, trial.Call{Args: []any{i}})
	}
	old, new := &form{runner: copies.Before(), calls: before}, &form{runner: copies.Before(), calls: after}
	result, err := trial.Compare(ctx, old, new, c, rewriteBudget, rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())))
	if err != nil || !result.SameRows {
		return nil, ctx.Err()
	}
	made.compared, made.faster = true, result.Difference == trial.Faster
	made.Checked, made.Speedup = old.rows > 0, result.Speedup.Value // of no rows, any two forms give the same
	return made, nil
}

// form runs one form of a statement: a call's argument is its place.
type form struct {
	runner trial.Runner
	calls  []trial.Call
	rows   int64
}

func (f *form) Run(ctx context.Context, c trial.Call) (trial.Outcome, error) {
	out, err := f.runner.Run(ctx, f.calls[c.Args[0].(int)])
	f.rows += out.Rows
	return out, err
}

// worth says whether the new form is to be advised: measured, it must be faster and give the same rows; where nothing
// can be measured, its plan must say enough.
func (r *rewritten) worth(planned bool) bool {
	if r == nil {
		return false
	}
	if r.compared {
		return r.Checked && r.faster
	}
	return planned
}

// queryAdvice starts advice on how a statement is written.
func queryAdvice(p *pass, code, subject string, q *query) *Recommendation {
	r := p.recommendation(code, "query", "", subject+q.hex())
	r.Digests = []string{q.hex()}
	for _, b := range q.read.Blocks {
		if t := b.Tables; len(t) > 0 && r.Table == "" {
			r.Table = t[0].Name
		}
	}
	r.Facts = append(r.Facts, Fact{Name: "calls", Value: q.Calls, Unit: "calls"})
	r.Facts = append(r.Facts, callSites(p.traffic.statement(q))...)
	return r
}

// show adds a new form to advice.
func (r *Recommendation) show(form *rewritten) {
	r.Rewrite = form.Rewrite
	if form.compared {
		r.Basis = "replay"
		r.Facts = append(r.Facts, Fact{Name: "median speed-up of the new form", Value: form.Speedup, Unit: "times"})
	}
}

// constant says whether an expression has no column and no query in it.
func constant(e *predicate.Expr) bool {
	ok := true
	e.Walk(func(e *predicate.Expr) {
		ok = ok && e.Op != predicate.OpColumn && e.Op != predicate.OpQuery && e.Name != "*"
	})
	return ok && e.Text != ""
}

// columnOf is the table and the column that an expression is, or nil.
func (p *pass) columnOf(b *predicate.Block, e *predicate.Expr) (*schema.Table, string) {
	if e.Op != predicate.OpColumn {
		return nil, ""
	}
	t, name := resolve(p.schema, b.Tables, e.Qualifier, e.Name)
	if t == nil || !t.Indexable() {
		return nil, ""
	}
	return t, name
}

// leads says whether a search by the column can use the rowid or an index that begins with it.
func leads(t *schema.Table, column string) bool {
	return t.IsRowid(column) || slices.ContainsFunc(t.Indexes, func(ix *schema.Index) bool {
		return !ix.Partial && strings.EqualFold(ix.Columns[0].Name, column)
	})
}

// searches says whether a plan of a query seeks in the table by an index that begins with the column, or by rowid.
func (q *query) searches(list plan.Plan, t *schema.Table, column string) bool {
	return slices.ContainsFunc(list, func(n plan.Node) bool {
		if n.Op != plan.Search || !strings.EqualFold(q.tableOf(n.Table), t.Name) {
			return false
		}
		return n.Rowid && t.IsRowid(column) || slices.ContainsFunc(t.Indexes, func(ix *schema.Index) bool {
			return strings.EqualFold(ix.Name, n.Index) && strings.EqualFold(ix.Columns[0].Name, column)
		})
	})
}

// notNull says whether a column can hold no NULL.
func notNull(t *schema.Table, column string) bool {
	c, ok := t.Column(column)
	return t.IsRowid(column) || ok && (c.NotNull || t.WithoutRowid && c.PrimaryKey > 0)
}

// scans says whether the plan reads all rows of the table or of an index of it.
func (q *query) scans(t *schema.Table) bool {
	return slices.ContainsFunc(q.plan, func(n plan.Node) bool {
		return n.Op == plan.Scan && strings.EqualFold(q.tableOf(n.Table), t.Name)
	})
}

// plainValue is an argument without its name.
func plainValue(arg any) any {
	if named, ok := arg.(sql.NamedArg); ok {
		return named.Value
	}
	return arg
}

package advisor

import (
	"context"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/plan"
	"github.com/sqliteperf/sqliteperf/internal/predicate"
)

// orUnion is QY07 too: SQLite searches an index for each branch of an OR only if all are about one table and
// nothing else was chosen; else it reads all rows. Each branch as a SELECT of its own can be
// searched. https://sqlite.org/optoverview.html#or_optimizations
type orUnion struct{}

// orBranches bounds the SELECTs that one statement becomes.
const orBranches = 4

func (orUnion) code() string { return "QY07" }

func (rule orUnion) check(ctx context.Context, p *pass) ([]*Recommendation, error) {
	var list []*Recommendation
	for _, q := range p.queries[:min(heaviest, len(p.queries))] {
		if !q.ReadOnly || !p.scansLarge(q, q.plan) || union(q.Fingerprint) == "" {
			continue
		}
		form, err := p.rewrite(ctx, q, plainly(union(q.Fingerprint)), union)
		if err != nil {
			return list, err
		}
		if form == nil || p.scansLarge(q, form.plan) || !form.worth(true) {
			continue
		}
		r := queryAdvice(p, rule.code(), "or", q)
		r.Level = "warning"
		r.Title = "Ask for each branch of the OR by itself"
		r.Why = "No index serves all branches of the OR at once, so the statement reads all rows."
		r.Manual = "Write the statement as shown: each branch is searched by its own index, and what an earlier one found " +
			"is left out of the later ones."
		r.Risk = "The rows may come in another order, which the statement does not ask for."
		r.show(form)
		r.Facts = append(r.Facts, Fact{Name: "plan", Text: strings.Join(q.plan.Lines(), " | ")}, Fact{Name: "plan of the new form", Text: strings.Join(form.plan.Lines(), " | ")})
		list = append(list, r)
	}
	return list, nil
}

// scansLarge says whether a plan of a query reads all rows of a table that is worth a search.
func (p *pass) scansLarge(q *query, list plan.Plan) bool {
	for _, n := range list {
		t := p.schema.Table(q.tableOf(n.Table))
		if n.Op == plan.Scan && t != nil && (t.Rows < 0 || t.Rows >= sargableRows) {
			return true
		}
	}
	return false
}

// union says a SELECT with one OR among its conditions as several; "" if it orders, limits or sums up.
func union(text string) string {
	text = strings.TrimRight(numbered(text), "; \t\n")
	read, err := predicate.Read(text)
	if err != nil || read.Verb != "SELECT" || len(read.Blocks) != 1 {
		return ""
	}
	b := read.Blocks[0]
	if b.Limit || b.Distinct || len(b.GroupBy)+len(b.OrderBy)+len(b.Others) > 0 || calls(b.Results) {
		return ""
	}
	var found *predicate.Expr
	for _, term := range b.Terms {
		if term.Op == predicate.OpOr {
			if found != nil {
				return ""
			}
			found = term
		}
	}
	if found == nil {
		return ""
	}
	branches := branchesOf(found)
	if len(branches) > orBranches {
		return ""
	}
	var parts []string
	earlier := ""
	for _, branch := range branches {
		part := replaceOnce(text, found.Text, "("+branch+earlier+")")
		if part == "" {
			return ""
		}
		parts = append(parts, part)
		earlier += " AND " + branch + " IS NOT TRUE"
	}
	return strings.Join(parts, " UNION ALL ")
}

// branchesOf are the texts of the branches of an OR, in parentheses where they need them.
func branchesOf(e *predicate.Expr) []string {
	if e.Op == predicate.OpOr {
		return append(branchesOf(e.Args[0]), branchesOf(e.Args[1])...)
	}
	return []string{"(" + e.Text + ")"}
}

// calls says whether a function is called in one of the expressions: it may be one that sums up rows.
func calls(list []*predicate.Expr) (found bool) {
	for _, e := range list {
		e.Walk(func(e *predicate.Expr) { found = found || e.Op == predicate.OpCall })
	}
	return found
}

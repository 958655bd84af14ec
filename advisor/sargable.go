package advisor

import (
	"context"
	"fmt"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/schema"
	"github.com/sqliteperf/sqliteperf/internal/sqltext"
)

// nonSargable is QY01: a comparison of something computed from a column cannot use the column's index. Where
// the same can be said of the column itself, it is rewritten so: date(col) = ? as a range took 0.3 ms instead
// of 14.8 (field measurement). https://sqlite.org/optoverview.html#where_clause_analysis
//
// Advised is what an index that exists is then used for. Where there is none, or nothing else can be said, as
// of lower(col), an index on the expression is the remedy.
type nonSargable struct{}

// sargableRows is from which size on it matters: reading 1,000 rows takes some 50 µs.
const sargableRows = 1000

func (nonSargable) code() string { return "QY01" }

func (rule nonSargable) check(ctx context.Context, p *pass) ([]*Recommendation, error) {
	var list []*Recommendation
	for _, q := range p.queries[:min(heaviest, len(p.queries))] {
		r, err := rule.advise(ctx, p, q)
		if err != nil {
			return list, err
		}
		if r != nil {
			list = append(list, r)
		}
	}
	return list, nil
}

func (rule nonSargable) advise(ctx context.Context, p *pass, q *query) (*Recommendation, error) {
	for _, found := range p.computed(numbered(q.Text)) {
		if found.table.Rows >= 0 && found.table.Rows < sargableRows || !leads(found.table, found.column) || q.searches(q.plan, found.table, found.column) {
			continue
		}
		f := func(text string) string { return p.restated(text, found.place, "") }
		form, err := p.rewrite(ctx, q, plainly(p.restated(q.Fingerprint, found.place, found.format)), f)
		if err != nil {
			return nil, err
		}
		if form == nil || !q.searches(form.plan, found.table, found.column) || !form.worth(true) {
			continue
		}
		if found.date {
			iso, err := p.isoDates(ctx, found.table, found.column)
			if err != nil {
				return nil, err
			}
			if !iso {
				continue
			}
		}
		r := queryAdvice(p, rule.code(), "sargable", q)
		r.Table, r.Columns, r.Level = found.table.Name, []string{found.column}, "warning"
		r.Title = fmt.Sprintf("Compare %s.%s itself", found.table.Name, found.column)
		r.Why = fmt.Sprintf("The statement compares something computed from %s, which no index of the column can be searched for.", found.column)
		r.Manual = "Write the condition as shown: it says the same of the column itself."
		r.Risk = "The new form gave the same rows for the values tried. " + found.risk
		r.show(form)
		r.Facts = append(r.Facts, Fact{Name: "plan", Text: strings.Join(q.plan.Lines(), " | ")}, Fact{Name: "plan of the new form", Text: strings.Join(form.plan.Lines(), " | ")})
		return r, nil
	}
	return nil, nil
}

// isoDates says whether every value of a column begins with its date in UTC, so that texts sort as times do. Without a copy
// a sample tells.
func (p *pass) isoDates(ctx context.Context, t *schema.Table, column string) (bool, error) {
	name := quoteName(column)
	rows, ok, err := p.rowsBefore(ctx, fmt.Sprintf("SELECT 1 FROM %s WHERE %s IS NOT NULL AND (typeof(%[2]s) <> 'text' "+
		"OR date(%[2]s) IS NOT substr(%[2]s, 1, 10)) LIMIT 1", quoteName(t.Name), name), 1)
	if ok || err != nil {
		return len(rows) == 0, err
	}
	values, err := p.db.Values(ctx, t.Name, []string{column}, sampled)
	for _, v := range values {
		text, is := v[0].(string)
		if !is || len(text) < 10 || text[4] != '-' || text[7] != '-' || goTime.MatchString(text) || sqltext.Next(text, 0).Kind != sqltext.Number {
			return false, err
		}
	}
	return len(values) > 0, err
}

package advisor

import (
	"context"
	"fmt"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/predicate"
	"github.com/sqliteperf/sqliteperf/internal/schema"
	"github.com/sqliteperf/sqliteperf/internal/sqltext"
)

// notIn is QY07: NOT IN with a query makes the list of all its rows first, however few are looked up in it. NOT EXISTS
// searches for each: 0.36 ms instead of 7.4 (field measurement). The two mean the same only where neither side is
// NULL: one NULL in the list makes NOT IN return nothing. https://sqlite.org/lang_expr.html#in_op
type notIn struct{}

func (notIn) code() string { return "QY07" }

func (rule notIn) check(ctx context.Context, p *pass) ([]*Recommendation, error) {
	var list []*Recommendation
	for _, q := range p.queries[:min(heaviest, len(p.queries))] {
		found := p.exclusion(numbered(q.Text))
		if found == nil || found.inner.Rows >= 0 && found.inner.Rows < sargableRows || !leads(found.inner, found.innerColumn) {
			continue
		}
		holds, err := p.noNulls(ctx, found.outer, found.outerColumn)
		if err != nil {
			return list, err
		}
		if also, err := p.noNulls(ctx, found.inner, found.innerColumn); err != nil {
			return list, err
		} else if !holds || !also {
			continue
		}
		f := func(text string) string {
			text = numbered(text)
			if e := p.exclusion(text); e != nil {
				return replaceOnce(text, e.text, e.says)
			}
			return ""
		}
		form, err := p.rewrite(ctx, q, plainly(f(q.Fingerprint)), f)
		if err != nil {
			return list, err
		}
		if !form.worth(false) {
			continue
		}
		r := queryAdvice(p, rule.code(), "not in", q)
		r.Table, r.Columns, r.Level = found.inner.Name, []string{found.innerColumn}, "warning"
		r.Title = "Ask NOT EXISTS instead of NOT IN"
		r.Why = fmt.Sprintf("NOT IN makes a list of all rows of %s that the query in it returns, for each execution.", found.inner.Name)
		r.Manual = "Write the condition as shown."
		r.Risk = "The same rows come only while neither column holds NULL."
		for _, side := range []struct {
			t      *schema.Table
			column string
		}{{found.outer, found.outerColumn}, {found.inner, found.innerColumn}} {
			if !notNull(side.t, side.column) {
				r.Risk += fmt.Sprintf(" %s.%s is not declared NOT NULL; it holds none now.", side.t.Name, side.column)
			}
		}
		r.show(form)
		list = append(list, r)
	}
	return list, nil
}

// exclusion is a NOT IN with a query on one table.
type exclusion struct {
	outer, inner             *schema.Table
	outerColumn, innerColumn string
	text, says               string
}

// exclusion finds the first NOT IN of a text that NOT EXISTS can say, or nil.
func (p *pass) exclusion(text string) *exclusion {
	read, err := predicate.Read(text)
	if err != nil {
		return nil
	}
	for _, b := range read.Blocks {
		for _, term := range b.Terms {
			if term.Op != predicate.OpIn || !term.Negated || len(term.Args) != 2 || len(term.Args[1].Blocks) != 1 {
				continue
			}
			inner := term.Args[1].Blocks[0]
			if len(inner.Tables) != 1 || len(inner.Results) != 1 || inner.Limit || len(inner.GroupBy)+len(inner.Others) > 0 {
				continue
			}
			e := &exclusion{text: term.Text}
			e.outer, e.outerColumn = p.columnOf(b, term.Args[0])
			e.inner, e.innerColumn = p.columnOf(inner, inner.Results[0])
			alias := p.aliasOf(b, term.Args[0])
			if e.outer == nil || e.inner == nil || alias == "" || strings.EqualFold(alias, inner.Tables[0].Alias) {
				continue
			}
			if e.says = notExists(term.Text, alias, e.outerColumn, inner.Tables[0].Alias, e.innerColumn); e.says != "" {
				return e
			}
		}
	}
	return nil
}

// aliasOf is what a block calls the table of a column.
func (p *pass) aliasOf(b *predicate.Block, e *predicate.Expr) string {
	for _, ref := range b.Tables {
		if t, _ := resolve(p.schema, []predicate.Table{ref}, e.Qualifier, e.Name); t != nil {
			return ref.Alias
		}
	}
	return ""
}

// notExists says "x NOT IN (SELECT y FROM … WHERE …)" with NOT EXISTS.
func notExists(text, outer, outerColumn, inner, innerColumn string) string {
	depth, from, where, closing := 0, 0, 0, 0
	for _, t := range splitTokens(text) {
		switch word := strings.ToUpper(t.Text(text)); {
		case word == "(":
			depth++
		case word == ")":
			closing = t.Start
			depth--
		case depth != 1 || t.Kind != sqltext.Word:
		case word == "FROM":
			from = t.Start
		case word == "WHERE":
			where = t.Start
		case word == "ORDER", word == "WITH":
			return ""
		}
	}
	if from == 0 || closing < from {
		return ""
	}
	same := fmt.Sprintf("%s.%s = %s.%s", quoteName(inner), quoteName(innerColumn), quoteName(outer), quoteName(outerColumn))
	if where == 0 {
		return fmt.Sprintf("NOT EXISTS (SELECT 1 %s WHERE %s)", strings.TrimSpace(text[from:closing]), same)
	}
	return fmt.Sprintf("NOT EXISTS (SELECT 1 %sWHERE (%s) AND %s)", text[from:where], strings.TrimSpace(text[where+len("WHERE"):closing]), same)
}

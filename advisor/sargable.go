package advisor

import (
	"context"
	"fmt"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/predicate"
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

// computation is a comparison of something computed from a column.
type computation struct {
	table  *schema.Table
	column string
	place  int    // among the terms of the statement
	format string // of strftime
	date   bool   // the values must be dates in text
	text   string // as written
	says   string // the same of the column itself
	risk   string
}

// computed lists the comparisons of a text whose parameters have numbers.
func (p *pass) computed(text string) []computation {
	return p.computedWith(text, "")
}

func (p *pass) computedWith(text, format string) []computation {
	read, err := predicate.Read(text)
	if err != nil {
		return nil
	}
	var list []computation
	place := 0
	for _, b := range read.Blocks {
		for _, term := range b.Terms {
			if c, ok := p.computation(b, term, format); ok {
				c.place, c.text = place, term.Text
				list = append(list, c)
			}
			place++
		}
	}
	return list
}

// restated is a text with the term at a place said of the column itself.
func (p *pass) restated(text string, place int, format string) string {
	text = numbered(text)
	for _, c := range p.computedWith(text, format) {
		if c.place == place {
			return replaceOnce(text, c.text, c.says)
		}
	}
	return ""
}

// mirrored are the operators with their sides exchanged.
var mirrored = map[string]string{"=": "=", "==": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

func (p *pass) computation(b *predicate.Block, term *predicate.Expr, format string) (c computation, ok bool) {
	op, known := mirrored[term.Name]
	switch {
	case term.Negated:
		return c, false
	case term.Op == predicate.OpBetween && constant(term.Args[1]) && constant(term.Args[2]):
		low, lowOK := p.says(b, term.Args[0], ">=", term.Args[1].Text, format)
		high, highOK := p.says(b, term.Args[0], "<=", term.Args[2].Text, format)
		low.says += " AND " + high.says
		return low, lowOK && highOK
	case !known || term.Op != predicate.OpEqual && term.Op != predicate.OpRange || len(term.Args) != 2:
		return c, false
	case term.Op == predicate.OpEqual && p.asText(b, term, &c):
		return c, true
	case constant(term.Args[1]):
		return p.says(b, term.Args[0], strings.Replace(term.Name, "==", "=", 1), term.Args[1].Text, format)
	case constant(term.Args[0]):
		return p.says(b, term.Args[1], op, term.Args[0].Text, format)
	}
	return c, false
}

// asText states the equality of a text and a number, of two columns, as one of texts: compared with a number, the
// text is converted, and no index of texts can be searched. https://sqlite.org/datatype3.html#type_conversions_prior_to_comparison
func (p *pass) asText(b *predicate.Block, term *predicate.Expr, c *computation) bool {
	for i, e := range term.Args {
		other := term.Args[1-i]
		t, name := p.columnOf(b, e)
		number, numberName := p.columnOf(b, other)
		if t == nil || number == nil || affinity(t, name) != "TEXT" || affinity(number, numberName) != "INTEGER" {
			continue
		}
		c.table, c.column = t, name
		c.says = fmt.Sprintf("%s = CAST(%s AS TEXT)", e.Text, other.Text)
		c.risk = "Texts such as '007' are equal to a number and not to its text. Better declare both columns alike."
		return true
	}
	return false
}

// says states "left op value", left being computed from a column, of the column itself.
func (p *pass) says(b *predicate.Block, left *predicate.Expr, op, value, format string) (c computation, ok bool) {
	inner := func(i int) *predicate.Expr { return left.Args[i] }
	for i := range left.Args {
		if c.table, c.column = p.columnOf(b, left.Args[i]); c.table == nil {
			continue
		}
		name := inner(i).Text
		switch {
		case left.Op == predicate.OpCall && strings.EqualFold(left.Name, "date") && len(left.Args) == 1:
			c.says, c.date = dayRange(name, op, value, "%Y-%m-%d"), true
			c.risk = "All values must be texts that begin with the date, without an offset from UTC, as they were when this was found."
		case left.Op == predicate.OpCall && strings.EqualFold(left.Name, "strftime") && len(left.Args) == 2 && i == 1:
			c.format = strings.Trim(inner(0).Text, "'")
			if inner(0).Op == predicate.OpParam {
				c.format = format
			}
			c.says, c.date = dayRange(name, op, value, c.format), true
			c.risk = "All values must be texts that begin with the date, without an offset from UTC, as they were when this was found."
		case left.Op == predicate.OpOther && (left.Name == "+" || left.Name == "-") && len(left.Args) == 2 && constant(inner(1-i)) && affinity(c.table, c.column) == "INTEGER":
			c.says = shifted(left.Name, i, name, op, value, inner(1-i).Text)
			c.risk = "Sums beyond 64 bits are rounded."
		case left.Op == predicate.OpCall && left.Name == "CAST" && castTo(left.Text) == affinity(c.table, c.column):
			c.says = name + " " + op + " " + value
			c.risk = "Values of another type than the column's were converted by the cast."
		case isDefault(left) && i == 0 && op == "=" && constant(inner(1)):
			c.says = fmt.Sprintf("(%[1]s = %[2]s OR %[1]s IS NULL AND %[3]s = %[2]s)", name, value, inner(1).Text)
		}
		return c, c.says != ""
	}
	return c, false
}

func isDefault(e *predicate.Expr) bool {
	return e.Op == predicate.OpCall && len(e.Args) == 2 && (strings.EqualFold(e.Name, "coalesce") || strings.EqualFold(e.Name, "ifnull"))
}

// dayRange states a comparison of a column's day, month or year as a range of the column; "" for other formats.
func dayRange(column, op, value, format string) string {
	start, unit := value, "day"
	switch format {
	case "%Y-%m-%d", "%F":
	case "%Y-%m":
		start, unit = value+" || '-01'", "month"
	case "%Y":
		start, unit = value+" || '-01-01'", "year"
	default:
		return ""
	}
	first, next := fmt.Sprintf("date(%s)", start), fmt.Sprintf("date(%s, '+1 %s')", start, unit)
	switch op {
	case "=":
		return fmt.Sprintf("%[1]s >= %[2]s AND %[1]s < %[3]s", column, first, next)
	case "<", ">=":
		return column + " " + op + " " + first
	case "<=":
		return column + " < " + next
	}
	return column + " >= " + next
}

// shifted states "column ± other op value" or, with the column second, "other ± column op value".
func shifted(sign string, place int, column, op, value, other string) string {
	switch {
	case sign == "+":
		return fmt.Sprintf("%s %s (%s) - (%s)", column, op, value, other)
	case place == 0:
		return fmt.Sprintf("%s %s (%s) + (%s)", column, op, value, other)
	}
	return fmt.Sprintf("%s %s (%s) - (%s)", column, mirrored[op], other, value)
}

// castTo is the affinity that a CAST gives.
func castTo(text string) string {
	var words []string
	for _, t := range splitTokens(text) {
		if words = append(words, t.Text(text)); strings.EqualFold(words[len(words)-1], "AS") {
			words = nil
		}
	}
	return affinityOf(strings.TrimSuffix(strings.Join(words, " "), " )"))
}

func affinity(t *schema.Table, column string) string {
	if t.IsRowid(column) {
		return "INTEGER"
	}
	c, _ := t.Column(column)
	return affinityOf(c.Type)
}

// affinityOf follows https://sqlite.org/datatype3.html#determination_of_column_affinity
func affinityOf(declared string) string {
	declared = strings.ToUpper(declared)
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(declared, w) {
				return true
			}
		}
		return false
	}
	switch {
	case has("INT"):
		return "INTEGER"
	case has("CHAR", "CLOB", "TEXT"):
		return "TEXT"
	case declared == "", has("BLOB"):
		return "BLOB"
	case has("REAL", "FLOA", "DOUB"):
		return "REAL"
	}
	return "NUMERIC"
}

// isoDates says whether every value of a column begins with its date in UTC, so that texts sort as times do. Without a copy
// a sample tells.
func (p *pass) isoDates(ctx context.Context, t *schema.Table, column string) (bool, error) {
	name := quoteName(column)
	rows, ok, err := p.rowsBefore(ctx, fmt.Sprintf("SELECT 1 FROM %s WHERE %s IS NOT NULL AND (typeof(%[2]s) <> 'text' OR date(%[2]s) IS NOT substr(%[2]s, 1, 10)) LIMIT 1", quoteName(t.Name), name), 1)
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

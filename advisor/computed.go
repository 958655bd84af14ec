package advisor

import (
	"fmt"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/predicate"
	"github.com/sqliteperf/sqliteperf/internal/schema"
)

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
		case isSum(left) && constant(inner(1-i)) && affinity(c.table, c.column) == "INTEGER":
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

func isSum(e *predicate.Expr) bool {
	return e.Op == predicate.OpOther && (e.Name == "+" || e.Name == "-") && len(e.Args) == 2
}

func isDefault(e *predicate.Expr) bool {
	return e.Op == predicate.OpCall && len(e.Args) == 2 && (strings.EqualFold(e.Name, "coalesce") || strings.EqualFold(e.Name, "ifnull"))
}

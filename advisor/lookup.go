package advisor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/predicate"
	"github.com/sqliteperf/sqliteperf/internal/schema"
	"github.com/sqliteperf/sqliteperf/internal/sqltext"
)

// lookup is a query that asks for one key, taken apart, so that it can be written for many.
type lookup struct {
	block  *predicate.Block
	term   *predicate.Expr // key = ?
	key    *predicate.Expr
	table  *schema.Table
	column string
	link   string // how the query before calls the column that the key comes from; "" if it cannot be told

	text                string
	results, from, last int    // where the results, FROM, and the first of ORDER BY and LIMIT begin
	order, limit        string // without their words
	unique              bool   // a key has one row
	aggregate           bool   // the answer is one row of sums
	shown               bool   // the key is among the results, under its own name
}

// lookup takes a fingerprint apart; nil if it is not of this form. source is the query whose rows it runs for.
func (p *pass) lookup(fingerprint, source string) *lookup {
	l := &lookup{text: strings.TrimRight(fingerprint, "; ")}
	if capture.Shortened(fingerprint) {
		return nil
	}
	read, err := predicate.Read(l.text)
	if err != nil || read.Verb != "SELECT" || len(read.Blocks) != 1 || len(read.With) > 0 {
		return nil
	}
	l.block = read.Blocks[0]
	if l.block.Distinct || len(l.block.GroupBy) > 0 || !l.split() {
		return nil
	}
	if !p.chooseKey(l, source) {
		return nil
	}
	for _, e := range l.block.Results {
		e.Walk(func(e *predicate.Expr) { l.aggregate = l.aggregate || aggregates(e) })
		l.shown = l.shown || p.shows(l, e)
	}
	l.unique = len(l.block.Tables) == 1 && (l.table.IsRowid(l.column) || unique(l.table, l.column))
	return l
}

// chooseKey finds the equality with a parameter that is another for each row: one that a column of the source can be followed to, or
// else one that no other row of the table has, or else the first.
func (p *pass) chooseKey(l *lookup, source string) bool {
	best := 0
	for _, term := range l.block.Terms {
		if term.Op != predicate.OpEqual || term.Negated || len(term.Args) != 2 || strings.Count(l.text, term.Text) != 1 {
			continue
		}
		for i, e := range term.Args {
			t, column := p.columnOf(l.block, e)
			if t == nil || term.Args[1-i].Op != predicate.OpParam || l.outer(p.aliasOf(l.block, e)) {
				continue
			}
			link := p.linked(source, t, column)
			worth := 1
			if t.IsRowid(column) || unique(t, column) {
				worth = 2
			}
			if link != "" {
				worth += 2
			}
			if worth > best {
				best, l.term, l.key, l.table, l.column, l.link = worth, term, e, t, column, link
			}
		}
	}
	return best > 0
}

// shows says whether a result is the key, or all columns of its table.
func (p *pass) shows(l *lookup, e *predicate.Expr) bool {
	same := len(l.block.Tables) == 1 || strings.EqualFold(e.Qualifier, l.key.Qualifier) || e.Name == "*" && e.Qualifier == ""
	return same && slices.ContainsFunc(p.resultColumns(l.block, e), func(c resultColumn) bool {
		return c.table == l.table && strings.EqualFold(c.column, l.column) && strings.EqualFold(c.called, l.column)
	})
}

// outer says whether a table is joined by an outer join: a condition on it may stand in its ON.
func (l *lookup) outer(alias string) bool {
	return slices.ContainsFunc(l.block.Tables, func(t predicate.Table) bool { return t.Outer && strings.EqualFold(t.Alias, alias) })
}

// split finds the clauses.
func (l *lookup) split() bool {
	depth, where, order, limit, offset := 0, 0, 0, 0, 0
	for _, t := range splitTokens(l.text) {
		switch word := strings.ToUpper(t.Text(l.text)); {
		case word == "(":
			depth++
		case word == ")":
			depth--
		case depth > 0 || t.Kind != sqltext.Word:
		case word == "SELECT":
			l.results = t.End
		case word == "FROM" && l.from == 0:
			l.from = t.Start
		case word == "WHERE":
			where = t.Start
		case word == "ORDER":
			order = t.Start
		case word == "LIMIT":
			limit = t.Start
		case word == "OFFSET":
			offset = t.Start
		}
	}
	l.last = len(l.text)
	inOrder := slices.DeleteFunc([]int{l.results, l.from, where, order, limit}, func(at int) bool { return at == 0 })
	if l.results == 0 || l.from == 0 || offset > 0 || !slices.IsSorted(inOrder) {
		return false
	}
	if limit > 0 {
		l.last, l.limit = limit, strings.TrimSpace(l.text[limit+len("LIMIT"):])
	}
	if order > 0 {
		words := strings.TrimSpace(l.text[order:l.last])
		l.order = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(strings.TrimPrefix(words, "ORDER")), "BY"))
		l.last = order
	}
	return !strings.Contains(l.limit, ",")
}

// many is the query for several keys at a time, with the key among its results so that the rows can be told apart; "" if
// it cannot be written so.
func (l *lookup) many() string {
	body := strings.TrimSpace(strings.Replace(l.text[l.from:l.last], l.term.Text, l.key.Text+" IN (?, ?, ?)", 1))
	head := "SELECT " + l.withKey("")
	switch {
	case l.aggregate && (l.order != "" || len(l.block.Others) > 0):
		return ""
	case l.aggregate:
		return head + " " + body + " GROUP BY " + l.key.Text
	case l.limit == "" || l.unique:
		return head + " " + body + l.ordered()
	}
	over := "PARTITION BY " + l.key.Text
	if l.order != "" {
		over += " ORDER BY " + l.order
	}
	return fmt.Sprintf("SELECT * FROM (%s, row_number() OVER (%s) AS place %s) WHERE place <= %s", head, over, body, l.limit)
}

func (l *lookup) ordered() string {
	if l.order == "" || l.unique {
		return ""
	}
	return " ORDER BY " + l.order
}

// withKey is the list of results with the key, which is called name if one is given.
func (l *lookup) withKey(name string) string {
	results := strings.TrimSpace(l.text[l.results:l.from])
	if name != "" {
		return l.key.Text + " AS " + name + ", " + results
	}
	if l.shown {
		return results
	}
	return l.key.Text + ", " + results
}

// joined is both queries as one; "" where the column that the key comes from is not known, or a key's answer is not all of its rows.
func (l *lookup) joined(source string) string {
	if l.link == "" || l.aggregate || l.limit != "" && !l.unique || capture.Shortened(source) {
		return ""
	}
	body := l.withoutTerm()
	if body == "" {
		return ""
	}
	return fmt.Sprintf("SELECT listed.*, found.* FROM (%s) AS listed JOIN (SELECT %s %s) AS found ON found.join_key = listed.%s",
		strings.TrimRight(source, "; "), l.withKey("join_key"), body, quoteName(l.link))
}

// withoutTerm is FROM and WHERE without the comparison with the key.
func (l *lookup) withoutTerm() string {
	body := strings.TrimSpace(l.text[l.from:l.last])
	at := strings.Index(body, l.term.Text)
	if at < 0 {
		return ""
	}
	before, after := strings.TrimSpace(body[:at]), strings.TrimSpace(body[at+len(l.term.Text):])
	upper := strings.ToUpper(after)
	switch {
	case strings.HasSuffix(strings.ToUpper(before), " AND"):
		return strings.TrimSpace(before[:len(before)-len(" AND")] + " " + after)
	case strings.HasPrefix(upper, "AND "):
		return before + " " + after[len("AND "):]
	case strings.HasSuffix(strings.ToUpper(before), " WHERE") && after == "":
		return strings.TrimSpace(before[:len(before)-len("WHERE")])
	}
	return ""
}

var aggregateNames = []string{"COUNT", "SUM", "TOTAL", "AVG", "GROUP_CONCAT", "STRING_AGG", "JSON_GROUP_ARRAY", "JSON_GROUP_OBJECT"}

// aggregates says whether an expression sums up rows. https://sqlite.org/lang_aggfunc.html
func aggregates(e *predicate.Expr) bool {
	name := strings.ToUpper(e.Name)
	return e.Op == predicate.OpCall && (slices.Contains(aggregateNames, name) || len(e.Args) == 1 && (name == "MIN" || name == "MAX"))
}

// prepares says whether a text is a statement of this database.
func (p *pass) prepares(ctx context.Context, text string) bool {
	if text == "" {
		return false
	}
	marks := 0
	for _, t := range splitTokens(text) {
		if t.Kind == sqltext.Param {
			marks++
		}
	}
	_, err := p.db.Explain(ctx, text, make([]any, marks))
	return err == nil
}

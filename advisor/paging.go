package advisor

import (
	"fmt"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/predicate"
	"github.com/sqliteperf/sqliteperf/internal/schema"
	"github.com/sqliteperf/sqliteperf/internal/sqltext"
)

// paging is a statement with ORDER BY, LIMIT and OFFSET on one table, taken apart.
type paging struct {
	read    *predicate.Statement
	table   *schema.Table
	columns []string // that tell the rows apart, in the order's order
	keys    []string // the same as they are written
	desc    bool

	text                       string
	from, where, order, limits int // where they begin; where is 0 without one
	limit, offset              string
	added                      string // to ORDER BY
}

// paging takes a text apart whose parameters have numbers; nil if it is not of this form, or orders by what
// cannot be compared as one row.
func (p *pass) paging(text string) *paging {
	read, err := predicate.Read(text)
	if err != nil || read.Verb != "SELECT" || len(read.Blocks) != 1 {
		return nil
	}
	b := read.Blocks[0]
	if !b.Limit || b.Distinct || len(b.Tables) != 1 || len(b.GroupBy)+len(b.Others) > 0 || len(b.OrderBy) == 0 {
		return nil
	}
	pg := &paging{read: read, table: p.schema.Table(b.Tables[0].Name), text: strings.TrimRight(text, "; \t\n"), desc: b.OrderBy[0].Desc}
	if pg.table == nil || !pg.table.Indexable() || !pg.split() {
		return nil
	}
	for _, o := range b.OrderBy {
		t, name := p.columnOf(b, o.Expr)
		if t == nil || o.Nulls || o.Desc != pg.desc {
			return nil
		}
		pg.columns, pg.keys = append(pg.columns, name), append(pg.keys, o.Expr.Text)
	}
	pg.tellApart(b.Tables[0].Alias)
	return pg
}

// split finds the clauses outside of parentheses.
func (pg *paging) split() bool {
	depth, comma, offset := 0, 0, 0
	for _, t := range splitTokens(pg.text) {
		switch word := strings.ToUpper(t.Text(pg.text)); {
		case word == "(":
			depth++
		case word == ")":
			depth--
		case depth > 0 || t.Kind != sqltext.Word && word != ",":
		case word == "FROM" && pg.from == 0:
			pg.from = t.Start
		case word == "WHERE":
			pg.where = t.Start
		case word == "ORDER":
			pg.order = t.Start
		case word == "LIMIT":
			pg.limits = t.Start
		case word == "OFFSET":
			offset = t.Start
		case word == "," && pg.limits > 0:
			comma = t.Start
		}
	}
	if pg.from == 0 || pg.order < pg.from || pg.limits < pg.order {
		return false
	}
	first := pg.limits + len("LIMIT")
	switch {
	case offset > first:
		pg.limit, pg.offset = strings.TrimSpace(pg.text[first:offset]), strings.TrimSpace(pg.text[offset+len("OFFSET"):])
	case comma > first:
		pg.offset, pg.limit = strings.TrimSpace(pg.text[first:comma]), strings.TrimSpace(pg.text[comma+1:])
	}
	return pg.offset != ""
}

// tellApart adds the key to the order, unless a column of it is unique.
func (pg *paging) tellApart(alias string) {
	for _, name := range pg.columns {
		if pg.table.IsRowid(name) || unique(pg.table, name) {
			return
		}
	}
	keys := []string{"rowid"}
	switch {
	case pg.table.RowidColumn != "":
		keys[0] = pg.table.RowidColumn
	case pg.table.WithoutRowid:
		keys = nil
		for _, c := range pg.table.Columns {
			if c.PrimaryKey > 0 {
				keys = append(keys, c.Name)
			}
		}
	}
	for _, k := range keys {
		written := quoteName(alias) + "." + quoteName(k)
		pg.columns, pg.keys = append(pg.columns, k), append(pg.keys, written)
		if pg.added += ", " + written; pg.desc {
			pg.added += " DESC"
		}
	}
}

// ordered is ORDER BY with the key.
func (pg *paging) ordered() string {
	return strings.TrimSpace(pg.text[pg.order:pg.limits]) + pg.added
}

// told is the statement as it is, with an order that tells rows apart.
func (pg *paging) told() string { return pg.text[:pg.order] + pg.ordered() + " " + pg.text[pg.limits:] }

// keyset is the statement without its OFFSET, beginning after the row whose key is given by the parameters after
// the first count ones.
func (pg *paging) keyset(count int) string {
	marks := make([]string, len(pg.keys))
	for i := range marks {
		marks[i] = fmt.Sprintf("?%d", count+i+1)
	}
	left, op, right := strings.Join(pg.keys, ", "), ">", strings.Join(marks, ", ")
	if pg.desc {
		op = "<"
	}
	if len(marks) > 1 {
		left, right = "("+left+")", "("+right+")"
	}
	head := pg.text[:pg.order] + "WHERE "
	if pg.where > 0 {
		terms := strings.TrimSpace(pg.text[pg.where+len("WHERE") : pg.order])
		head = pg.text[:pg.where] + "WHERE (" + terms + ") AND "
	}
	return head + left + " " + op + " " + right + " " + pg.ordered() + " LIMIT " + pg.limit
}

// last asks for the key of the last row before an offset.
func (pg *paging) last(offset int64) string {
	return fmt.Sprintf("SELECT %s %s%s LIMIT 1 OFFSET %d", strings.Join(pg.keys, ", "), pg.text[pg.from:pg.order], pg.ordered(), offset-1)
}

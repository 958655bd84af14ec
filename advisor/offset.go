package advisor

import (
	"context"
	"fmt"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/plan"
	"github.com/sqliteperf/sqliteperf/internal/predicate"
	"github.com/sqliteperf/sqliteperf/internal/schema"
	"github.com/sqliteperf/sqliteperf/internal/sqltext"
	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// offsetPaging is QY06: OFFSET reads and throws away all rows before the page. A page that begins after the last row
// shown is found by the index: 29 µs instead of 1,795 at an offset of 50,000 (field measurement).
// https://sqlite.org/rowvalue.html#scrolling_window_queries
type offsetPaging struct{}

// offsetDeep is from which offset on it matters: 1,000 rows thrown away at 0.035 µs each cost more than the page.
const offsetDeep = 1000

func (offsetPaging) code() string { return "QY06" }

func (rule offsetPaging) check(ctx context.Context, p *pass) ([]*Recommendation, error) {
	var list []*Recommendation
	for _, q := range p.queries {
		pg := p.paging(numbered(q.Text))
		if pg == nil || !q.ReadOnly || pg.table.Rows >= 0 && pg.table.Rows < offsetDeep {
			continue
		}
		deepest, calls := p.deepCalls(q)
		if deepest < offsetDeep {
			continue
		}
		shown := p.paging(numbered(q.Fingerprint))
		if shown == nil {
			continue
		}
		form, err := p.keysetForm(ctx, &Rewrite{Before: q.Fingerprint, After: plainly(shown.keyset(shown.read.Count))}, calls)
		if err != nil {
			return list, err
		}
		holds, err := p.noNulls(ctx, pg.table, pg.columns...)
		if err != nil {
			return list, err
		}
		if !holds || !form.worth(form != nil && !sortsOrScans(form.plan)) {
			continue
		}
		r := queryAdvice(p, rule.code(), "offset", q)
		r.Table, r.Columns, r.Level = pg.table.Name, pg.columns, "warning"
		r.Title = "Begin a page after the last row of the one before"
		r.Why = fmt.Sprintf("OFFSET reads all rows before the page and throws them away: %d at the deepest seen.", deepest)
		r.Manual = fmt.Sprintf("Keep %s of the last row shown, and give them instead of the offset.", strings.Join(pg.columns, ", "))
		r.Risk = "There is no jump to a page by its number. A row whose key is NULL would be on no page. Rows equal in the order are told apart by the key that was added, which the order did not say before."
		r.show(form)
		r.Facts = append(r.Facts, Fact{Name: "deepest offset", Value: float64(deepest), Unit: "rows"})
		list = append(list, r)
	}
	return list, nil
}

// sortsOrScans says whether a plan sorts or reads all rows, which no keyset helps.
func sortsOrScans(list plan.Plan) bool {
	for _, n := range list {
		if n.Op == plan.TempBTree || n.Op == plan.Scan && n.Index == "" {
			return true
		}
	}
	return false
}

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

// deepCalls are the calls that skip many rows, and the most that one of them skips.
func (p *pass) deepCalls(q *query) (deepest int64, calls []trial.Call) {
	if q.Source == fromColumns && q.read.Count > 0 {
		return 0, nil // the offsets drawn are none
	}
	for _, c := range q.calls {
		if n := p.offsetOf(c); n >= offsetDeep {
			deepest, calls = max(deepest, n), append(calls, c)
		}
	}
	return deepest, calls
}

// offsetOf is the offset of a call, 0 if it is no plain number.
func (p *pass) offsetOf(c trial.Call) (n int64) {
	pg := p.paging(numbered(c.SQL))
	if pg == nil {
		return 0
	}
	if _, err := fmt.Sscan(pg.offset, &n); err == nil {
		return n
	}
	for number, param := range pg.read.Params {
		if param.Use == predicate.UseOffset && number <= len(c.Args) {
			switch v := plainValue(c.Args[number-1]).(type) {
			case int64:
				return v
			case int:
				return int64(v)
			case float64: // as JSON has it
				return int64(v)
			}
		}
	}
	return 0
}

// keysetForm runs the calls with the key of the last row before their offsets: first against the statement with the
// same order, for the rows, then against it as it is, for the time.
func (p *pass) keysetForm(ctx context.Context, shown *Rewrite, calls []trial.Call) (*rewritten, error) {
	copies, err := p.copies(ctx)
	if err != nil {
		return nil, err
	}
	var reader rowReader
	if copies != nil {
		reader, _ = copies.Before().(rowReader)
	}
	var before, told, after []trial.Call
	for _, c := range calls {
		pg := p.paging(numbered(c.SQL))
		args := c.Args[:len(c.Args):len(c.Args)]
		key := make([]any, len(pg.keys))
		if reader != nil {
			rows, err := reader.Rows(ctx, pg.last(p.offsetOf(c)), c.Args, 1)
			if err != nil || len(rows) == 0 {
				continue // beyond the end
			}
			key = rows[0]
		}
		before, told = append(before, c), append(told, trial.Call{SQL: pg.told(), Args: c.Args})
		after = append(after, trial.Call{SQL: pg.keyset(len(c.Args)), Args: append(args, key...)})
	}
	if len(after) == 0 {
		return nil, ctx.Err()
	}
	same, err := p.compareForms(ctx, shown, told, after, false)
	if err != nil || same == nil || !same.compared {
		return same, err
	}
	checked := same.Checked
	form, err := p.compareForms(ctx, shown, before, after, true)
	if form != nil {
		form.Checked = form.Checked && checked
	}
	return form, err
}

// noNulls says whether columns can hold no NULL, or hold none.
func (p *pass) noNulls(ctx context.Context, t *schema.Table, columns ...string) (bool, error) {
	for _, name := range columns {
		if notNull(t, name) {
			continue
		}
		rows, ok, err := p.rowsBefore(ctx, fmt.Sprintf("SELECT 1 FROM %s WHERE %s IS NULL LIMIT 1", quoteName(t.Name), quoteName(name)), 1)
		if err != nil || !ok || len(rows) > 0 {
			return false, err
		}
	}
	return true, nil
}

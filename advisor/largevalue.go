package advisor

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/plan"
	"github.com/sqliteperf/sqliteperf/internal/predicate"
	"github.com/sqliteperf/sqliteperf/internal/schema"
)

// largeValue is SC05: large values share the pages of a table with the short ones beside them, so that statements
// which need only the short ones read more pages, and follow overflow pages to columns that come after a
// large one. https://sqlite.org/fileformat2.html#b_tree_pages
type largeValue struct{}

const (
	largeShare  = 4    // a value is large that takes 1/4 of a page: then a leaf holds four rows at most
	largeRows   = 1000 // a thousand such rows are a megabyte
	largeHot    = 0.5  // share of the table's calls that do without the column
	largeCalls  = 2    // least statements that do without it, or calls of one
	widthSample = 200  // rows whose lengths are read
)

// widthReader reads how wide columns are.
type widthReader interface {
	Widths(ctx context.Context, table string, columns []string, n int) ([]float64, error)
}

func (largeValue) code() string { return "SC05" }

func (rule largeValue) check(ctx context.Context, p *pass) ([]*Recommendation, error) {
	pageSize, err := strconv.ParseFloat(p.pragmas["page_size"], 64)
	if err != nil {
		return nil, nil
	}
	var list []*Recommendation
	for _, t := range p.schema.Tables {
		if !t.Indexable() || t.Rows < largeRows || len(p.on(t.Name)) == 0 {
			continue
		}
		names, widths, err := p.widths(ctx, t)
		if err != nil {
			return list, err
		}
		for i, name := range names {
			if widths[i] < pageSize/largeShare {
				continue
			}
			if without, all := p.callsWithout(t, name); without >= largeCalls && without >= largeHot*all {
				r := rule.advise(p, t, name, widths[i], without, all)
				if err := p.factBytes(ctx, r, "bytes of the table", t.Name); err != nil {
					return list, err
				}
				list = append(list, r)
			}
		}
	}
	return list, nil
}

// widths are the average bytes of the columns of a table that are stored.
func (p *pass) widths(ctx context.Context, t *schema.Table) (names []string, widths []float64, err error) {
	reader, ok := p.db.(widthReader)
	if !ok {
		return nil, nil, nil
	}
	for _, c := range t.Columns {
		if !c.Generated && !c.Hidden {
			names = append(names, c.Name)
		}
	}
	widths, err = reader.Widths(ctx, t.Name, names, widthSample)
	return names, widths, err
}

// callsWithout counts the calls that scan the table itself, more than a row, without need of the column, and all calls on it.
func (p *pass) callsWithout(t *schema.Table, column string) (without, all float64) {
	for _, q := range p.on(t.Name) {
		calls := max(q.Calls, 1)
		all += calls
		if q.ReadOnly && q.readsPages(t.Name) && !q.needs(p.schema, t, column) {
			without += calls
		}
	}
	return without, all
}

// readsPages says whether the plan reads rows of the table itself, more than one by its rowid.
func (q *query) readsPages(table string) bool {
	return slices.ContainsFunc(q.plan, func(n plan.Node) bool {
		return strings.EqualFold(q.tableOf(n.Table), table) && (n.Op == plan.Scan || n.Op == plan.Search && !n.Rowid) && !n.Covering
	})
}

// needs says whether the statement names the column, or all columns.
func (q *query) needs(s *schema.Schema, t *schema.Table, column string) (needs bool) {
	for _, b := range q.read.Blocks {
		b.Walk(func(e *predicate.Expr) {
			needs = needs || e.Op == predicate.OpColumn && (e.Name == "*" || strings.EqualFold(e.Name, column))
		})
	}
	return needs
}

func (rule largeValue) advise(p *pass, t *schema.Table, column string, width, without, all float64) *Recommendation {
	r := p.recommendation(rule.code(), "schema", t.Name, column)
	r.Columns, r.subject = []string{column}, describeTable(t)
	r.Title = fmt.Sprintf("Move %s.%s to a table of its own", t.Name, column)
	r.Why = fmt.Sprintf("%s takes %.0f bytes a row, which statements that do not need it read past.", column, width)
	r.Risk = "Statements that need the column must join the new table, and inserts write to both. " + migrationRisk
	r.Manual = "Move the column while the application is stopped, and change the statements that use it. Where the large " +
		"column stays, let it be the last one: those before it are read without its overflow pages."
	if t.RowidColumn != "" { // else there is no key to refer to that is sure to stay
		r.Rewrite = &Rewrite{Before: p.createText(t), After: moveColumn(t, column)}
	}
	r.Facts = append(r.Facts, Fact{Name: "average size of " + column, Value: width, Unit: "bytes"},
		Fact{Name: "calls that read past it", Value: without / all, Unit: "of all calls on " + t.Name})
	for _, q := range p.on(t.Name) {
		if q.ReadOnly && q.readsPages(t.Name) && !q.needs(p.schema, t, column) {
			r.Digests = append(r.Digests, q.hex())
		}
	}
	return r
}

// moveColumn writes how to give a column a table of its own. SQLite refuses to drop one that an index, a view or a
// trigger names. https://sqlite.org/lang_altertable.html#alter_table_drop_column
func moveColumn(t *schema.Table, column string) string {
	c, _ := t.Column(column)
	return strings.NewReplacer("$SIDE", quoteName(t.Name+"_"+column), "$TABLE", quoteName(t.Name), "$COLUMN", quoteName(column),
		"$TYPE", c.Type, "$KEY", quoteName(t.RowidColumn)).Replace(`BEGIN IMMEDIATE;
CREATE TABLE $SIDE($KEY INTEGER PRIMARY KEY REFERENCES $TABLE, $COLUMN $TYPE);
INSERT INTO $SIDE SELECT $KEY, $COLUMN FROM $TABLE WHERE $COLUMN IS NOT NULL;
ALTER TABLE $TABLE DROP COLUMN $COLUMN;
COMMIT;
VACUUM;
`)
}

package advisor

import (
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/predicate"
	"github.com/sqliteperf/sqliteperf/internal/schema"
)

// linked is how a query calls the result that another one's key column is compared with: a reference says so, or else their
// names do. It is "" if neither does.
func (p *pass) linked(source string, t *schema.Table, column string) string {
	read, err := predicate.Read(source)
	if err != nil || len(read.Blocks) == 0 {
		return ""
	}
	named := ""
	b := read.Blocks[0]
	var columns []resultColumn
	for _, e := range b.Results {
		columns = append(columns, p.resultColumns(b, e)...)
	}
	for _, c := range columns {
		switch {
		case !alone(columns, c.called):
		case refers(t, column, c.table, c.column) || refers(c.table, c.column, t, column):
			return c.called
		case named == "" && sameThing(t, column, c.table, c.column):
			named = c.called
		}
	}
	return named
}

// alone says whether one result only is called so: of two, a join could mean either.
func alone(columns []resultColumn, called string) bool {
	n := 0
	for _, c := range columns {
		if strings.EqualFold(c.called, called) {
			n++
		}
	}
	return n == 1
}

// resultColumn is a column among the results of a query.
type resultColumn struct {
	table          *schema.Table
	column, called string
}

// resultColumns are the columns that a result stands for.
func (p *pass) resultColumns(b *predicate.Block, e *predicate.Expr) (list []resultColumn) {
	if e.Op != predicate.OpColumn {
		return nil
	}
	if e.Name != "*" {
		if t, name := p.columnOf(b, e); t != nil {
			called := e.Alias
			if called == "" {
				called = e.Name
			}
			list = append(list, resultColumn{t, name, called})
		}
		return list
	}
	for _, ref := range b.Tables {
		t := p.schema.Table(ref.Name)
		if t == nil || e.Qualifier != "" && !strings.EqualFold(e.Qualifier, ref.Alias) {
			continue
		}
		for _, c := range t.Columns {
			list = append(list, resultColumn{t, c.Name, c.Name})
		}
	}
	return list
}

// refers says whether a column is declared to refer to another.
func refers(t *schema.Table, column string, parent *schema.Table, key string) bool {
	for _, f := range t.ForeignKeys {
		if len(f.Columns) != 1 || !strings.EqualFold(f.Columns[0], column) || !strings.EqualFold(f.Parent, parent.Name) {
			continue
		}
		if len(f.Keys) == 1 && strings.EqualFold(f.Keys[0], key) {
			return true
		}
		if c, ok := parent.Column(key); len(f.Keys) == 0 && (parent.IsRowid(key) || ok && c.PrimaryKey == 1) {
			return true
		}
	}
	return false
}

// sameThing guesses by names: order_id is the id of orders, and customer_id here what it is there.
func sameThing(t *schema.Table, column string, other *schema.Table, name string) bool {
	switch {
	case strings.EqualFold(column, name):
		return t == other || !t.IsRowid(column) || !other.IsRowid(name)
	case other.IsRowid(name):
		return namedAfter(column, other)
	case t.IsRowid(column):
		return namedAfter(name, t)
	}
	return false
}

// namedAfter says whether a column is called like a table's key, such as order_id, orderId or order of orders.
func namedAfter(column string, t *schema.Table) bool {
	plain := strings.ToLower(strings.ReplaceAll(column, "_", ""))
	table := strings.ToLower(strings.ReplaceAll(t.Name, "_", ""))
	plain = strings.TrimSuffix(plain, "id")
	return plain != "" && (plain == table || plain+"s" == table || plain+"es" == table || strings.TrimSuffix(plain, "y")+"ies" == table)
}

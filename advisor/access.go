package advisor

import (
	"slices"
	"strconv"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/predicate"
	"github.com/sqliteperf/sqliteperf/internal/schema"
)

// tinyTable is the number of rows below which a scan is as good as a search: 100 rows of 100 bytes
// lie on three pages of 4 KiB.
const tinyTable = 100

// access is what one block asks of one table.
type access struct {
	table  *schema.Table
	equal  []schema.Key // compared with values
	join   []schema.Key // compared for equality with columns of other tables
	ranges []schema.Key
	order  []schema.Key // ORDER BY, if all of it is this table's
	group  []schema.Key // GROUP BY or DISTINCT, if all of it is this table's
	used   []string     // every column the block reads of the table
	star   bool         // all columns are read
}

// reader collects accesses from a block.
type reader struct {
	schema   *schema.Schema
	block    *predicate.Block
	accesses map[string]*access // by alias, in lower case
}

// accesses lists what a block asks of each table worth an index.
func accesses(s *schema.Schema, b *predicate.Block) []*access {
	r := reader{schema: s, block: b, accesses: map[string]*access{}}
	var list []*access
	for _, ref := range b.Tables {
		t := s.Table(ref.Name)
		if t == nil || !t.Indexable() || t.Rows >= 0 && t.Rows < tinyTable {
			continue
		}
		a := &access{table: t, star: b.Changes}
		r.accesses[strings.ToLower(ref.Alias)] = a
		list = append(list, a)
	}
	for _, term := range b.Terms {
		r.term(term)
	}
	r.sorting()
	b.Walk(r.use)
	return list
}

// column finds the access and key that an expression names, or nil.
func (r *reader) column(e *predicate.Expr) (*access, schema.Key) {
	var collation string
	if e.Op == predicate.OpCollate {
		collation, e = e.Name, e.Args[0]
	}
	if e.Op != predicate.OpColumn {
		return nil, schema.Key{}
	}
	for _, ref := range r.block.Tables {
		t, name := resolve(r.schema, []predicate.Table{ref}, e.Qualifier, e.Name)
		if t == nil {
			continue
		}
		a := r.accesses[strings.ToLower(ref.Alias)]
		if a == nil || name == "rowid" || strings.EqualFold(name, t.RowidColumn) {
			return nil, schema.Key{}
		}
		return a, schema.Key{Name: name, Collation: collation}
	}
	return nil, schema.Key{}
}

// local says whether e names a column of this block; outer references count as values.
func (r *reader) local(e *predicate.Expr) (found bool) {
	e.Walk(func(e *predicate.Expr) {
		if e.Op == predicate.OpColumn {
			if t, _ := resolve(r.schema, r.block.Tables, e.Qualifier, e.Name); t != nil {
				found = true
			}
		}
	})
	return found
}

// term sorts one demanded comparison into the accesses. The branches of an OR count each: SQLite
// can search once per branch. https://sqlite.org/optoverview.html#or_optimizations
func (r *reader) term(e *predicate.Expr) {
	if e.Negated {
		return
	}
	switch e.Op {
	case predicate.OpEqual:
		r.compare(e.Args[0], e.Args[1], true)
		r.compare(e.Args[1], e.Args[0], true)
	case predicate.OpRange:
		r.compare(e.Args[0], e.Args[1], false)
		r.compare(e.Args[1], e.Args[0], false)
	case predicate.OpIsNull, predicate.OpIn:
		if a, k := r.column(e.Args[0]); a != nil {
			a.equal = addKey(a.equal, k)
		}
	case predicate.OpBetween:
		if a, k := r.column(e.Args[0]); a != nil {
			a.ranges = addKey(a.ranges, k)
		}
	case predicate.OpOr:
		r.term(e.Args[0])
		r.term(e.Args[1])
	}
}

func (r *reader) compare(column, value *predicate.Expr, equal bool) {
	a, k := r.column(column)
	if value.Op == predicate.OpCollate && k.Collation == "" {
		k.Collation = value.Name // either operand may name it
	}
	switch {
	case a == nil:
	case equal && r.local(value):
		if other, _ := r.column(value); other != a {
			a.join = addKey(a.join, k)
		}
	case equal:
		a.equal = addKey(a.equal, k)
	default:
		a.ranges = addKey(a.ranges, k)
	}
}

// sorting notes the ORDER BY, GROUP BY and DISTINCT that one table alone decides.
func (r *reader) sorting() {
	var order, group []*predicate.Expr
	for _, o := range r.block.OrderBy {
		if o.Nulls {
			order = nil
			break
		}
		order = append(order, r.result(o.Expr))
	}
	for len(order) > 1 && r.isRowid(order[len(order)-1]) {
		order = order[:len(order)-1] // every index ends with the rowid
	}
	if a, keys := r.single(order); a != nil {
		for i := range keys {
			keys[i].Desc = r.block.OrderBy[i].Desc
		}
		a.order = normalize(keys)
	}
	named := r.block.GroupBy
	if len(named) == 0 && r.block.Distinct {
		named = r.block.Results
	}
	for _, e := range named {
		group = append(group, r.result(e))
	}
	if a, keys := r.single(group); a != nil {
		a.group = keys
	}
}

// isRowid says whether e names the rowid of a table.
func (r *reader) isRowid(e *predicate.Expr) bool {
	if e.Op != predicate.OpColumn {
		return false
	}
	t, name := resolve(r.schema, r.block.Tables, e.Qualifier, e.Name)
	return t != nil && t.IsRowid(name)
}

// result replaces the alias or number of a result column by what it stands for.
func (r *reader) result(e *predicate.Expr) *predicate.Expr {
	if e.Op == predicate.OpLiteral {
		if n, err := strconv.Atoi(e.Text); err == nil && n >= 1 && n <= len(r.block.Results) {
			return r.block.Results[n-1]
		}
	}
	if e.Op != predicate.OpColumn || e.Qualifier != "" {
		return e
	}
	for _, result := range r.block.Results {
		if result.Alias != "" && strings.EqualFold(result.Alias, e.Name) {
			return result
		}
	}
	return e
}

// single returns the keys if every expression is a column of one and the same table.
func (r *reader) single(list []*predicate.Expr) (*access, []schema.Key) {
	var owner *access
	var keys []schema.Key
	for _, e := range list {
		a, k := r.column(e)
		if a == nil || owner != nil && a != owner {
			return nil, nil
		}
		owner, keys = a, addKey(keys, k)
	}
	if len(keys) != len(list) {
		return nil, nil
	}
	return owner, keys
}

// normalize makes the first key ascending: an index is read backwards as well as forwards.
func normalize(keys []schema.Key) []schema.Key {
	if len(keys) > 0 && keys[0].Desc {
		for i := range keys {
			keys[i].Desc = !keys[i].Desc
		}
	}
	return keys
}

// use notes that the block reads a column.
func (r *reader) use(e *predicate.Expr) {
	if e.Op != predicate.OpColumn {
		return
	}
	if e.Name == "*" {
		for alias, a := range r.accesses {
			if e.Qualifier == "" || strings.EqualFold(e.Qualifier, alias) {
				a.star = true
			}
		}
		return
	}
	if a, k := r.column(e); a != nil && !slices.Contains(a.used, k.Name) {
		a.used = append(a.used, k.Name)
	}
}

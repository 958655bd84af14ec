package advisor

import (
	"strconv"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/predicate"
	"github.com/sqliteperf/sqliteperf/internal/schema"
)

// extreme notes min() and max(), which the end of an index answers.
// https://sqlite.org/optoverview.html#the_min_max_optimization
func (r *reader) extreme(e *predicate.Expr) {
	e.Walk(func(e *predicate.Expr) {
		if e.Op != predicate.OpCall || len(e.Args) != 1 || !strings.EqualFold(e.Name, "min") && !strings.EqualFold(e.Name, "max") {
			return
		}
		if a, k := r.column(e.Args[0]); a != nil {
			a.extreme = addKey(a.extreme, k)
		}
	})
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

package advisor

import (
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/predicate"
	"github.com/sqliteperf/sqliteperf/internal/schema"
)

// column finds the accesses and the key that an expression names: a column, perhaps with a collation, or an
// expression over the columns of one table.
func (r *reader) column(e *predicate.Expr) (*access, schema.Key) {
	var collation string
	if e.Op == predicate.OpCollate {
		collation, e = e.Name, e.Args[0]
	}
	if e.Op != predicate.OpColumn {
		if a := r.owner(e); a != nil && indexable(e) {
			return a, schema.Key{Name: unqualified(e.Text), Expression: true, Collation: collation}
		}
		return nil, schema.Key{}
	}
	for _, ref := range r.block.Tables {
		alias := strings.ToLower(ref.Alias)
		if inner := r.inner[alias]; inner != nil {
			if a, k := innerColumn(inner, ref, e); a != nil {
				return a, k
			}
			continue
		}
		t, name := resolve(r.schema, []predicate.Table{ref}, e.Qualifier, e.Name)
		if t == nil {
			continue
		}
		a := r.accesses[alias]
		if a == nil || name == "rowid" || strings.EqualFold(name, t.RowidColumn) {
			return nil, schema.Key{}
		}
		return a, schema.Key{Name: name, Collation: plainCollation(collation)}
	}
	return nil, schema.Key{}
}

// plainCollation is a collation as an index names it: BINARY is what it has without.
func plainCollation(name string) string {
	if strings.EqualFold(name, "BINARY") {
		return ""
	}
	return name
}

// innerColumn finds what a column of a subquery stands for.
func innerColumn(inner []*reader, ref predicate.Table, e *predicate.Expr) (*access, schema.Key) {
	if e.Qualifier != "" && !strings.EqualFold(e.Qualifier, ref.Alias) {
		return nil, schema.Key{}
	}
	for _, in := range inner {
		for _, result := range in.block.Results {
			switch {
			case result.Op == predicate.OpColumn && result.Name == "*":
				if a, k := in.column(&predicate.Expr{Op: predicate.OpColumn, Name: e.Name, Text: e.Name}); a != nil {
					return a, k
				}
			case strings.EqualFold(result.Alias, e.Name), result.Alias == "" && result.Op == predicate.OpColumn && strings.EqualFold(result.Name, e.Name):
				return in.column(result)
			}
		}
	}
	return nil, schema.Key{}
}

// owner is the access of the one table whose columns e is made of, or nil.
func (r *reader) owner(e *predicate.Expr) (owner *access) {
	mixed := false
	e.Walk(func(e *predicate.Expr) {
		if e.Op != predicate.OpColumn {
			return
		}
		a := r.plainOwner(e)
		mixed = mixed || a == nil || owner != nil && a != owner
		owner = a
	})
	if mixed {
		return nil
	}
	return owner
}

// plainOwner is the access of the table of this block that a column belongs to, its rowid counting too.
func (r *reader) plainOwner(e *predicate.Expr) *access {
	for _, ref := range r.block.Tables {
		if t, _ := resolve(r.schema, []predicate.Table{ref}, e.Qualifier, e.Name); t != nil {
			return r.accesses[strings.ToLower(ref.Alias)]
		}
	}
	return nil
}

// local says whether e names a column of this block; outer references count as values.
func (r *reader) local(e *predicate.Expr) (found bool) {
	e.Walk(func(e *predicate.Expr) {
		if e.Op != predicate.OpColumn {
			return
		}
		if t, _ := resolve(r.schema, r.block.Tables, e.Qualifier, e.Name); t != nil {
			found = true
		}
		for _, ref := range r.block.Tables {
			if in := r.inner[strings.ToLower(ref.Alias)]; in != nil {
				a, _ := innerColumn(in, ref, e)
				found = found || a != nil
			}
		}
	})
	return found
}

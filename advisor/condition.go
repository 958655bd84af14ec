package advisor

import (
	"slices"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/predicate"
)

// term sorts one demanded comparison into the accesses.
func (r *reader) term(e *predicate.Expr) {
	if e.Negated {
		return
	}
	switch e.Op {
	case predicate.OpEqual:
		r.compare(e.Args[0], e.Args[1], true)
		r.compare(e.Args[1], e.Args[0], true)
	case predicate.OpRange:
		r.compareRange(e)
	case predicate.OpIsNull, predicate.OpIn:
		if a, k := r.column(e.Args[0]); a != nil {
			a.equal = addKey(a.equal, k)
		}
	case predicate.OpBetween:
		if a, k := r.column(e.Args[0]); a != nil {
			a.ranges = addKey(a.ranges, k)
		}
	case predicate.OpLike:
		r.pattern(e)
	case predicate.OpAnd:
		r.term(e.Args[0])
		r.term(e.Args[1])
	}
}

// compareRange notes < and its like, also those of rows: (a, b) > (?, ?) is a range over a, then b.
func (r *reader) compareRange(e *predicate.Expr) {
	if left := e.Args[0]; left.Op == predicate.OpRow {
		if a, k := r.column(left.Args[0]); a != nil {
			a.ranges = addKey(a.ranges, k)
		}
		return
	}
	r.compare(e.Args[0], e.Args[1], false)
	r.compare(e.Args[1], e.Args[0], false)
}

// pattern notes a LIKE or GLOB: with a pattern that begins with letters it is a range, LIKE over an index
// that ignores case. https://sqlite.org/optoverview.html#the_like_optimization
func (r *reader) pattern(e *predicate.Expr) {
	if len(e.Args) < 2 || e.Args[0].Op != predicate.OpColumn {
		return
	}
	pattern := strings.TrimPrefix(e.Args[1].Text, "'")
	if e.Args[1].Op == predicate.OpLiteral && strings.ContainsAny(pattern[:min(1, len(pattern))], "%_*?[") {
		return
	}
	if a, k := r.column(e.Args[0]); a != nil && !k.Expression {
		if e.Name == "LIKE" {
			k.Collation = "NOCASE"
		}
		a.ranges = addKey(a.ranges, k)
	}
}

func (r *reader) compare(column, value *predicate.Expr, equal bool) {
	a, k := r.column(column)
	if value.Op == predicate.OpCollate && k.Collation == "" {
		k.Collation = plainCollation(value.Name) // either operand may name it
	}
	switch {
	case a == nil:
	case equal && r.local(value):
		if other, _ := r.column(value); other != a {
			a.join = addKey(a.join, k)
		}
	case equal:
		a.equal = addKey(a.equal, k)
	case !r.local(value):
		a.ranges = addKey(a.ranges, k)
	}
}

// condition notes a demand that holds whatever the parameters, if it is about one table.
func (r *reader) condition(e *predicate.Expr) {
	a := r.owner(e)
	if a == nil || !indexable(e) || e.Text == "" {
		return
	}
	c := condition{text: unqualified(e.Text)}
	c.columns, c.equal = comparedWithLiterals(e)
	if e.Op == predicate.OpOr {
		c.text = "(" + c.text + ")"
	}
	literal := e.Op == predicate.OpEqual && (isLiteral(e.Args[0]) || isLiteral(e.Args[1]))
	if !e.Negated && (e.Op == predicate.OpIsNull || literal) {
		for _, arg := range e.Args {
			if _, k := r.column(arg); k.Name != "" {
				c.key = k.Name
			}
		}
	}
	if !slices.Contains(a.fixed, c) {
		a.fixed = append(a.fixed, c)
	}
}

// comparedWithLiterals lists what e compares with literals: they may be constants of the application or
// values that it writes into its statements, see shaper.constant.
func comparedWithLiterals(e *predicate.Expr) (columns string, equal bool) {
	var list []string
	equal = true
	var walk func(e *predicate.Expr)
	walk = func(e *predicate.Expr) {
		switch e.Op {
		case predicate.OpIsNull:
			return
		case predicate.OpAnd, predicate.OpOr, predicate.OpNot:
			for _, arg := range e.Args {
				walk(arg)
			}
			return
		}
		equal = equal && (e.Op == predicate.OpEqual || e.Op == predicate.OpIn || e.Op == predicate.OpColumn) && !e.Negated
		literal := false
		for _, arg := range e.Args {
			literal = literal || isLiteral(arg)
		}
		for _, arg := range e.Args {
			if text := unqualified(arg.Text); literal && !isLiteral(arg) && !slices.Contains(list, text) {
				list = append(list, text)
			}
		}
	}
	walk(e)
	return strings.Join(list, ", "), equal
}

// isLiteral says whether e is a literal, perhaps with a collation.
func isLiteral(e *predicate.Expr) bool {
	for e.Op == predicate.OpCollate {
		e = e.Args[0]
	}
	return e.Op == predicate.OpLiteral
}

// branches are the accesses that a has in each branch of an OR: SQLite can search once per branch, with an
// index for each. https://sqlite.org/optoverview.html#or_optimizations
func (r *reader) branches(a *access) []*access {
	var list []*access
	for _, term := range r.block.Terms {
		if term.Op != predicate.OpOr {
			continue
		}
		for _, branch := range disjuncts(term) {
			copied := *a
			copied.order, copied.group, copied.extreme = nil, nil, nil
			alone := *r
			alone.accesses = map[string]*access{}
			for alias, other := range r.accesses {
				if other == a {
					alone.accesses[alias] = &copied
				}
			}
			alone.term(branch)
			if len(copied.equal)+len(copied.ranges) > len(a.equal)+len(a.ranges) {
				list = append(list, &copied)
			}
		}
	}
	return list
}

// disjuncts are the branches of an OR.
func disjuncts(e *predicate.Expr) []*predicate.Expr {
	if e.Op != predicate.OpOr {
		return []*predicate.Expr{e}
	}
	return append(disjuncts(e.Args[0]), disjuncts(e.Args[1])...)
}

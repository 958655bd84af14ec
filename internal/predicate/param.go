package predicate

import "strconv"

// position names the column at place i of a table, from 0, where a statement gives no name.
func position(i int) string { return "#" + strconv.Itoa(i) }

// bind notes what the parameter e stands for, unless it is known already or e is none. A value
// wrapped in a cast, a collation or lower(), such as CAST(? AS INTEGER), counts as the value.
func (p *parser) bind(e *Expr, use Param) {
	for len(e.Args) == 1 && (e.Op == OpCollate || e.Op == OpCall && (e.Name == "CAST" || foldsCase[e.Name])) {
		e = e.Args[0]
	}
	if e.Op != OpParam {
		return
	}
	if _, known := p.out.Params[e.Param]; !known {
		p.out.Params[e.Param] = use
	}
}

// bindTerms notes what the parameters compared in the block's expressions stand for.
func (p *parser) bindTerms(b *Block) {
	b.Walk(func(e *Expr) {
		switch e.Op {
		case OpEqual:
			p.compare(b, UseEqual, e.Args)
		case OpIn:
			p.compare(b, UseEqual, e.Args)
		case OpRange, OpBetween:
			p.compare(b, UseRange, e.Args)
		case OpLike:
			p.compare(b, UseLike, e.Args)
		case OpOther:
			if e.Name == "<>" || e.Name == "!=" {
				p.compare(b, UseEqual, e.Args)
			}
		}
	})
}

// compare binds the parameters among args to the first column among them, and those of row values
// place by place.
func (p *parser) compare(b *Block, use Use, args []*Expr) {
	if len(args) == 2 && args[0].Op == OpRow && args[1].Op == OpRow && len(args[0].Args) == len(args[1].Args) {
		for i := range args[0].Args {
			p.compare(b, use, []*Expr{args[0].Args[i], args[1].Args[i]})
		}
		return
	}
	var column *Expr
	for _, arg := range args {
		if c := arg.comparedColumn(); c != nil {
			column = c
			break
		}
	}
	if column == nil {
		return
	}
	for _, arg := range args {
		p.bind(arg, Param{Use: use, Qualifier: column.Qualifier, Column: column.Name, Tables: b.Tables})
	}
}

// comparedColumn is the column whose values e has, perhaps in another case, or nil.
func (e *Expr) comparedColumn() *Expr {
	for {
		switch {
		case e.Op == OpColumn:
			return e
		case e.Op == OpCollate:
			e = e.Args[0]
		case e.Op == OpCall && len(e.Args) == 1 && foldsCase[e.Name]:
			e = e.Args[0]
		default:
			return nil
		}
	}
}

var foldsCase = map[string]bool{"lower": true, "LOWER": true, "upper": true, "UPPER": true}

package predicate

import (
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/sqltext"
)

func (p *parser) prefix() *Expr {
	if !p.enter() {
		return &Expr{}
	}
	defer p.leave()
	t := p.peek()
	start := t.Start
	var e *Expr
	switch word := p.word(); {
	case t.Kind == sqltext.String && p.peekAt(1).Text(p.sql) == ".":
		e = p.column() // SQLite takes 'x'.y for x.y
	case t.Kind == sqltext.Number, t.Kind == sqltext.String, t.Kind == sqltext.Blob:
		p.next()
		e = &Expr{Op: OpLiteral}
	case t.Kind == sqltext.Param:
		p.next()
		e = &Expr{Op: OpParam, Param: p.param(t.Text(p.sql))}
	case t.Kind == sqltext.Quoted && p.peekAt(1).Text(p.sql) == "(":
		e = p.call()
	case t.Kind == sqltext.Quoted:
		e = p.column()
	case t.Kind == sqltext.Op:
		e = p.prefixOp(word)
	case t.Kind == sqltext.Word:
		e = p.prefixWord(word)
	default:
		p.fail("expression")
		return &Expr{}
	}
	e.Text = p.since(start)
	return e
}

func (p *parser) prefixOp(op string) *Expr {
	switch op {
	case "(":
		p.next()
		return p.paren()
	case "-", "+", "~":
		p.next()
		arg := p.expr(bindSign)
		if arg.Op == OpLiteral && op != "~" {
			return &Expr{Op: OpLiteral}
		}
		return &Expr{Name: op, Args: []*Expr{arg}}
	case "*": // count(*)
		p.next()
		return &Expr{Name: "*"}
	}
	p.fail("expression")
	return &Expr{}
}

// paren parses what stands in parentheses: a query, a row or one expression.
func (p *parser) paren() *Expr {
	if p.atQuery() {
		e := &Expr{Op: OpQuery, Blocks: p.query()}
		p.expect(")")
		return e
	}
	list := p.list()
	p.expect(")")
	if len(list) == 1 {
		return list[0]
	}
	return &Expr{Op: OpRow, Args: list}
}

func (p *parser) prefixWord(word string) *Expr {
	switch word {
	case "NULL", "TRUE", "FALSE", "CURRENT_TIME", "CURRENT_DATE", "CURRENT_TIMESTAMP":
		p.next()
		return &Expr{Op: OpLiteral, Name: word}
	case "NOT":
		p.next()
		return &Expr{Op: OpNot, Args: []*Expr{p.expr(bindNot)}}
	case "EXISTS":
		p.next()
		p.expect("(")
		return p.paren()
	case "CASE":
		p.next()
		return p.caseExpr()
	case "CAST":
		p.next()
		return p.cast()
	}
	if p.peekAt(1).Text(p.sql) == "(" {
		return p.call()
	}
	return p.column()
}

func (p *parser) caseExpr() *Expr {
	e := &Expr{Name: "CASE"}
	if p.word() != "WHEN" {
		e.Args = append(e.Args, p.expr(0))
	}
	for p.err == nil && p.accept("WHEN") {
		e.Args = append(e.Args, p.expr(0))
		p.expect("THEN")
		e.Args = append(e.Args, p.expr(0))
	}
	if p.accept("ELSE") {
		e.Args = append(e.Args, p.expr(0))
	}
	p.expect("END")
	return e
}

func (p *parser) cast() *Expr {
	p.expect("(")
	e := &Expr{Op: OpCall, Name: "CAST", Args: []*Expr{p.expr(0)}}
	p.expect("AS")
	p.skipTo(")")
	p.expect(")")
	return e
}

func (p *parser) call() *Expr {
	e := &Expr{Op: OpCall, Name: sqltext.Name(p.next().Text(p.sql))}
	p.expect("(")
	_ = p.accept("DISTINCT") || p.accept("ALL")
	if p.word() != ")" {
		e.Args = p.list()
	}
	if p.accept("ORDER") {
		p.expect("BY")
		p.orderTerms()
	}
	p.expect(")")
	if p.accept("FILTER") {
		p.expect("(")
		p.expect("WHERE")
		e.Args = append(e.Args, p.expr(0))
		p.expect(")")
	}
	if p.accept("OVER") && !p.skipParens() {
		p.next()
	}
	return e
}

// column parses name, table.name or schema.table.name; the name may be "*".
func (p *parser) column() *Expr {
	t := p.next()
	e := &Expr{Op: OpColumn, Name: sqltext.Name(t.Text(p.sql)), Quoted: strings.HasPrefix(t.Text(p.sql), `"`)}
	for p.err == nil && p.accept(".") {
		e.Qualifier, e.Quoted = e.Name, false
		e.Name = sqltext.Name(p.next().Text(p.sql))
	}
	return e
}

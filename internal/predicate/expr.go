package predicate

import (
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/sqltext"
)

// Op is what an expression does.
type Op uint8

// The operations that predicates are made of. Everything else is OpOther.
const (
	OpOther Op = iota
	OpColumn
	OpLiteral
	OpParam
	OpCall
	OpAnd
	OpOr
	OpNot
	OpEqual   // = == IS
	OpRange   // < <= > >=
	OpBetween // Args: value, low, high
	OpIn      // Args: value, members; or value and a query
	OpLike    // LIKE GLOB
	OpIsNull
	OpCollate // Args: value; Name is the collation
	OpQuery   // a subquery or EXISTS
	OpRow     // (a, b, …)
)

// Expr is one node of an expression.
type Expr struct {
	Op        Op
	Name      string // column, function, collation, or the operator as written
	Qualifier string // table or alias before a column
	Quoted    bool   // a column in double quotes, which SQLite may take for a string
	Param     int    // number of a parameter, from 1
	Negated   bool   // NOT IN, NOT LIKE, IS NOT, NOT BETWEEN
	Args      []*Expr
	Blocks    []*Block // of a subquery
	Text      string   // as written
	Alias     string   // AS name, of a result
}

// Binding strengths, weakest first. https://sqlite.org/lang_expr.html#operators_and_parse_affecting_attributes
const (
	bindOr = iota + 1
	bindAnd
	bindNot
	bindEqual
	bindCompare
	bindBits
	bindAdd
	bindMultiply
	bindConcat
	bindCollate
	bindSign
)

var binary = map[string]int{
	"OR": bindOr, "AND": bindAnd,
	"=": bindEqual, "==": bindEqual, "<>": bindEqual, "!=": bindEqual, "IS": bindEqual, "IN": bindEqual,
	"LIKE": bindEqual, "GLOB": bindEqual, "MATCH": bindEqual, "REGEXP": bindEqual, "BETWEEN": bindEqual,
	"ISNULL": bindEqual, "NOTNULL": bindEqual, "NOT": bindEqual,
	"<": bindCompare, "<=": bindCompare, ">": bindCompare, ">=": bindCompare,
	"&": bindBits, "|": bindBits, "<<": bindBits, ">>": bindBits,
	"+": bindAdd, "-": bindAdd, "*": bindMultiply, "/": bindMultiply, "%": bindMultiply,
	"||": bindConcat, "->": bindConcat, "->>": bindConcat, "COLLATE": bindCollate,
}

// expr parses an expression whose operators bind stronger than limit.
func (p *parser) expr(limit int) *Expr {
	start := p.peek().Start
	left := p.prefix()
	for n := 0; p.err == nil; n++ {
		op := p.word()
		strength, ok := binary[op]
		if !ok || strength <= limit || (op == "NOT" && !p.negatedOperator()) {
			break
		}
		if n == nestingLimit { // each operator nests the ones before it
			p.fail("fewer operators")
			break
		}
		left = p.infix(left, op, strength)
		left.Text = p.since(start)
	}
	return left
}

// negatedOperator says whether NOT here begins NOT NULL, NOT IN, NOT LIKE and their like.
func (p *parser) negatedOperator() bool {
	switch strings.ToUpper(p.peekAt(1).Text(p.sql)) {
	case "NULL", "IN", "LIKE", "GLOB", "MATCH", "REGEXP", "BETWEEN":
		return true
	}
	return false
}

func (p *parser) infix(left *Expr, op string, strength int) *Expr {
	p.next()
	e := &Expr{Name: op, Args: []*Expr{left}}
	if op == "NOT" {
		e.Negated = true
		op = p.word()
		p.next()
	}
	switch op {
	case "NULL", "ISNULL", "NOTNULL":
		e.Op, e.Negated = OpIsNull, e.Negated || op == "NOTNULL"
	case "IS":
		p.is(e)
	case "IN":
		p.in(e)
	case "BETWEEN":
		e.Op = OpBetween
		e.Args = append(e.Args, p.expr(bindEqual))
		p.expect("AND")
		e.Args = append(e.Args, p.expr(bindEqual))
	case "COLLATE":
		e.Op, e.Name = OpCollate, sqltext.Name(p.next().Text(p.sql))
	default:
		p.plain(e, op, strength)
	}
	return e
}

// plain finishes an operator with one operand on each side.
func (p *parser) plain(e *Expr, op string, strength int) {
	e.Args = append(e.Args, p.expr(strength))
	switch op {
	case "AND":
		e.Op = OpAnd
	case "OR":
		e.Op = OpOr
	case "=", "==":
		e.Op = OpEqual
	case "<", "<=", ">", ">=":
		e.Op = OpRange
	case "LIKE", "GLOB":
		e.Op, e.Name = OpLike, op
		if p.accept("ESCAPE") {
			p.expr(bindEqual)
		}
	}
}

// is reads what follows IS: [NOT] NULL, [NOT] DISTINCT FROM x, [NOT] x.
func (p *parser) is(e *Expr) {
	e.Op = OpEqual
	e.Negated = p.accept("NOT")
	if p.accept("DISTINCT") {
		p.expect("FROM")
		e.Negated = !e.Negated
	}
	if p.accept("NULL") {
		e.Op = OpIsNull
		return
	}
	e.Args = append(e.Args, p.expr(bindEqual))
}

func (p *parser) in(e *Expr) {
	e.Op = OpIn
	if !p.accept("(") { // IN table-name or table-function
		p.tableName()
		p.skipParens()
		e.Op = OpOther
		return
	}
	if p.atQuery() {
		e.Args = append(e.Args, &Expr{Op: OpQuery, Blocks: p.query()})
	} else if p.word() != ")" {
		e.Args = append(e.Args, p.list()...)
	}
	p.expect(")")
}

func (p *parser) list() []*Expr {
	list := []*Expr{p.expr(0)}
	for p.err == nil && p.accept(",") {
		list = append(list, p.expr(0))
	}
	return list
}

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

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

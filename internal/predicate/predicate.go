// Package predicate reads from a statement's text what it asks of tables: which columns it
// compares, joins, orders and groups by, and what each parameter stands for.
//
// It understands the shape of a statement, not its meaning: names are not resolved, and a text it
// cannot follow gives an error and no advice. Nesting is bounded; a Statement is not changed after
// Read.
package predicate

import (
	"fmt"

	"github.com/sqliteperf/sqliteperf/internal/sqltext"
)

// Statement is what one statement asks for.
type Statement struct {
	Verb   string // SELECT, INSERT, UPDATE, DELETE, or another first word, for which nothing is read
	Target string // the table an INSERT, UPDATE or DELETE changes
	Blocks []*Block
	Params map[int]Param // by number; parameters of no known use are absent
	Count  int           // the highest parameter number

	With  map[string][]*Block // of common table expressions, by name in lower case
	Names map[int]string      // of the parameters written :a, @a or $a, without the first character

	Set      []string // columns an UPDATE assigns to
	Columns  []string // columns an INSERT names; empty if it names none
	Conflict bool     // the INSERT has an ON CONFLICT clause or OR action, or is a REPLACE
}

// Block is one SELECT without its compounds, or an UPDATE or DELETE.
type Block struct {
	Tables   []Table
	Terms    []*Expr // what WHERE and ON demand, all of it: joined by AND
	Results  []*Expr
	GroupBy  []*Expr
	OrderBy  []Order
	Others   []*Expr // expressions that are neither demanded nor returned, such as HAVING
	Distinct bool
	Limit    bool
	Changes  bool // the WHERE of an UPDATE or DELETE
}

// Table is one table a block reads.
type Table struct {
	Name, Alias string   // Alias is Name where none is given; a subquery or function has no Name
	Outer       bool     // joined by an outer join
	Blocks      []*Block // of a subquery
}

// Order is one term of an ORDER BY.
type Order struct {
	Expr  *Expr
	Desc  bool
	Nulls bool // NULLS FIRST or LAST is given
}

// Use is what a parameter stands for.
type Use uint8

// The uses of parameters.
const (
	UseEqual  Use = iota // compared with the column for equality, or a member of its IN list
	UseRange             // compared with the column by < <= > >= or BETWEEN
	UseLike              // a pattern for the column
	UseAssign            // stored in the column
	UseLimit
	UseOffset
)

// Param says what a parameter stands for.
type Param struct {
	Use       Use
	Qualifier string // table or alias of Column, if given
	Column    string
	Tables    []Table // the tables Column may belong to
}

// Read reads one statement. The error says where the text could not be followed.
func Read(sql string) (*Statement, error) {
	p := newParser(sql)
	p.statement()
	p.accept(";")
	if p.err == nil && p.peek().Kind != sqltext.EOF {
		p.fail("the end of the statement")
	}
	p.out.Count = p.last
	if p.err != nil {
		return nil, fmt.Errorf("read statement: %w", p.err)
	}
	for _, b := range p.out.Blocks {
		p.bindTerms(b)
	}
	return p.out, nil
}

func (p *parser) statement() {
	if p.accept("EXPLAIN") && p.accept("QUERY") {
		p.expect("PLAN")
	}
	if p.word() == "WITH" {
		p.with()
	}
	p.out.Verb = p.word()
	switch p.out.Verb {
	case "SELECT", "VALUES":
		p.query()
	case "INSERT", "REPLACE", "UPDATE", "DELETE":
		p.change()
	default:
		p.at = len(p.tokens) - 1
	}
}

// where adds what e demands to the block's terms.
func (b *Block) where(e *Expr) {
	if e.Op == OpAnd {
		b.where(e.Args[0])
		b.where(e.Args[1])
		return
	}
	b.Terms = append(b.Terms, e)
}

// Walk calls f for e and every expression in it, but not for subqueries.
func (e *Expr) Walk(f func(*Expr)) {
	f(e)
	for _, arg := range e.Args {
		arg.Walk(f)
	}
}

// Walk calls f for every expression of the block.
func (b *Block) Walk(f func(*Expr)) {
	for _, list := range [][]*Expr{b.Results, b.Terms, b.GroupBy, b.Others} {
		for _, e := range list {
			e.Walk(f)
		}
	}
	for _, o := range b.OrderBy {
		o.Expr.Walk(f)
	}
}

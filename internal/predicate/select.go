package predicate

import (
	"cmp"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/sqltext"
)

// atQuery says whether a query begins here.
func (p *parser) atQuery() bool {
	switch p.word() {
	case "SELECT", "VALUES", "WITH":
		return true
	}
	return false
}

// query parses a SELECT with its WITH, compounds, ORDER BY and LIMIT. The blocks of subqueries
// come before those that hold them.
func (p *parser) query() []*Block {
	if !p.enter() {
		return nil
	}
	defer p.leave()
	outer := p.out.Blocks
	p.out.Blocks = nil
	p.with()
	block := p.core()
	compound := false
	for p.err == nil && p.compound() {
		compound = true
		p.core()
	}
	order := p.orderBy()
	if !compound {
		block.OrderBy = order
	}
	p.limit(block)
	blocks := p.out.Blocks
	p.out.Blocks = append(outer, blocks...)
	return blocks
}

func (p *parser) with() {
	if !p.accept("WITH") {
		return
	}
	p.accept("RECURSIVE")
	for p.err == nil {
		name := sqltext.Name(p.next().Text(p.sql))
		p.skipParens()
		p.expect("AS")
		p.accept("NOT")
		p.accept("MATERIALIZED")
		p.expect("(")
		if p.atQuery() {
			p.out.With[strings.ToLower(name)] = p.query()
		} else {
			p.change()
		}
		p.expect(")")
		if !p.accept(",") {
			return
		}
	}
}

func (p *parser) compound() bool {
	if p.accept("UNION") {
		p.accept("ALL")
		return true
	}
	return p.accept("INTERSECT") || p.accept("EXCEPT")
}

// core parses one SELECT … or VALUES … without what follows compounds.
func (p *parser) core() *Block {
	b := &Block{}
	if p.accept("VALUES") {
		p.rows(nil)
		return b
	}
	p.expect("SELECT")
	b.Distinct = p.accept("DISTINCT")
	p.accept("ALL")
	p.results(b)
	if p.accept("FROM") {
		p.from(b)
	}
	if p.accept("WHERE") {
		b.where(p.expr(0))
	}
	if p.accept("GROUP") {
		p.expect("BY")
		b.GroupBy = p.list()
		if p.accept("HAVING") {
			b.Others = append(b.Others, p.expr(0))
		}
	}
	p.windows()
	p.out.Blocks = append(p.out.Blocks, b)
	return b
}

func (p *parser) windows() {
	if !p.accept("WINDOW") {
		return
	}
	for p.err == nil {
		p.next()
		p.expect("AS")
		p.skipParens()
		if !p.accept(",") {
			return
		}
	}
}

func (p *parser) results(b *Block) {
	for p.err == nil {
		e := p.expr(0)
		if e.Name == "*" && len(e.Args) == 0 {
			e.Op = OpColumn // all columns
		}
		e.Alias = p.alias()
		b.Results = append(b.Results, e)
		if !p.accept(",") {
			return
		}
	}
}

// ends are the words that cannot be an alias because they go on with the statement.
var ends = map[string]bool{
	"FROM": true, "WHERE": true, "GROUP": true, "HAVING": true, "WINDOW": true, "UNION": true,
	"INTERSECT": true, "EXCEPT": true, "ORDER": true, "LIMIT": true, "ON": true,
	"USING": true, "LEFT": true, "RIGHT": true, "FULL": true, "INNER": true, "OUTER": true,
	"CROSS": true, "NATURAL": true, "JOIN": true, "INDEXED": true, "NOT": true, "SET": true,
	"RETURNING": true, "VALUES": true, "SELECT": true, "DEFAULT": true, "DO": true, "WITH": true,
}

// alias parses [AS] name, if there is one.
func (p *parser) alias() string {
	as := p.accept("AS")
	switch t := p.peek(); {
	case t.Kind == sqltext.Quoted, t.Kind == sqltext.String, t.Kind == sqltext.Word && (as || !ends[p.word()]):
		p.next()
		return sqltext.Name(t.Text(p.sql))
	}
	return ""
}

func (p *parser) from(b *Block) {
	p.source(b, false)
	for p.err == nil {
		outer, ok := p.joiner()
		if !ok {
			return
		}
		p.source(b, outer)
		if p.accept("ON") {
			b.where(p.expr(0))
		} else if p.accept("USING") {
			p.using(b)
		}
	}
}

// joiner parses the operator between two tables. outer: rows of the right table may be missing.
func (p *parser) joiner() (outer, ok bool) {
	if p.accept(",") {
		return false, true
	}
	p.accept("NATURAL")
	for p.err == nil {
		switch w := p.word(); w {
		case "LEFT", "RIGHT", "FULL", "OUTER":
			outer = true
			p.next()
		case "INNER", "CROSS":
			p.next()
		default:
			return outer, p.accept("JOIN")
		}
	}
	return false, false
}

// using turns USING (a, b) into equalities with the table joined last. A subquery without a name
// cannot be spoken of.
func (p *parser) using(b *Block) {
	p.expect("(")
	for p.err == nil && p.word() != ")" {
		name := sqltext.Name(p.next().Text(p.sql))
		right := b.Tables[len(b.Tables)-1]
		for _, left := range b.Tables[:len(b.Tables)-1] {
			if left.Alias == "" || right.Alias == "" {
				continue
			}
			b.Terms = append(b.Terms, &Expr{Op: OpEqual, Name: "=", Args: []*Expr{
				{Op: OpColumn, Qualifier: left.Alias, Name: name}, {Op: OpColumn, Qualifier: right.Alias, Name: name},
			}})
		}
		p.accept(",")
	}
	p.expect(")")
}

// source parses a table, a table-valued function, a subquery or a join in parentheses.
func (p *parser) source(b *Block, outer bool) {
	if p.accept("(") {
		if p.atQuery() {
			blocks := p.query()
			p.expect(")")
			b.Tables = append(b.Tables, Table{Alias: p.alias(), Outer: outer, Blocks: blocks})
			return
		}
		if p.enter() {
			p.from(b)
			p.leave()
		}
		p.expect(")")
		p.alias()
		return
	}
	name := p.tableName()
	if p.accept("(") { // a table-valued function
		if p.word() != ")" {
			b.Others = append(b.Others, p.list()...)
		}
		p.expect(")")
		b.Tables = append(b.Tables, Table{Alias: cmp.Or(p.alias(), name), Outer: outer})
		return
	}
	b.Tables = append(b.Tables, Table{Name: name, Alias: cmp.Or(p.alias(), name), Outer: outer})
	p.hint()
}

// hint skips INDEXED BY name and NOT INDEXED.
func (p *parser) hint() {
	if p.accept("INDEXED") {
		p.expect("BY")
		p.next()
	} else if p.word() == "NOT" && p.peekAt(1).Kind == sqltext.Word {
		p.next()
		p.next()
	}
}

func (p *parser) tableName() string {
	name := sqltext.Name(p.next().Text(p.sql))
	if p.accept(".") {
		name = sqltext.Name(p.next().Text(p.sql))
	}
	return name
}

func (p *parser) orderBy() []Order {
	if !p.accept("ORDER") {
		return nil
	}
	p.expect("BY")
	return p.orderTerms()
}

func (p *parser) orderTerms() []Order {
	var list []Order
	for p.err == nil {
		o := Order{Expr: p.expr(0)}
		if p.accept("DESC") {
			o.Desc = true
		} else {
			p.accept("ASC")
		}
		if p.accept("NULLS") {
			o.Nulls = true
			p.next()
		}
		list = append(list, o)
		if !p.accept(",") {
			break
		}
	}
	return list
}

func (p *parser) limit(b *Block) {
	if !p.accept("LIMIT") {
		return
	}
	b.Limit = true
	first := p.expr(0)
	switch {
	case p.accept("OFFSET"):
		p.bind(first, Param{Use: UseLimit})
		p.bind(p.expr(0), Param{Use: UseOffset})
	case p.accept(","):
		p.bind(first, Param{Use: UseOffset})
		p.bind(p.expr(0), Param{Use: UseLimit})
	default:
		p.bind(first, Param{Use: UseLimit})
	}
}

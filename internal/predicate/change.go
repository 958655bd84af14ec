package predicate

import "github.com/sqliteperf/sqliteperf/internal/sqltext"

// change parses an INSERT, UPDATE or DELETE.
func (p *parser) change() {
	switch {
	case p.accept("INSERT"):
		p.out.Conflict = p.orAction()
		p.insert()
	case p.accept("REPLACE"):
		p.out.Conflict = true
		p.insert()
	case p.accept("UPDATE"):
		p.update()
	case p.accept("DELETE"):
		p.delete()
	default:
		p.fail("INSERT, UPDATE or DELETE")
	}
}

// orAction parses OR ABORT and its like.
func (p *parser) orAction() bool {
	if !p.accept("OR") {
		return false
	}
	p.next()
	return true
}

func (p *parser) insert() {
	p.expect("INTO")
	table := Table{Name: p.tableName()}
	p.out.Target, table.Alias = table.Name, table.Name
	if p.accept("AS") {
		table.Alias = sqltext.Name(p.next().Text(p.sql))
	}
	if p.accept("(") {
		p.out.Columns = p.names()
	}
	switch {
	case p.accept("DEFAULT"):
		p.expect("VALUES")
	case p.accept("VALUES"):
		p.rows(func(i int, e *Expr) { p.bindInsert(table, i, e) })
		for p.err == nil && p.compound() {
			p.core()
		}
		p.orderBy()
		p.limit(&Block{})
	default:
		p.query()
	}
	for p.err == nil && p.accept("ON") {
		p.upsert(table)
	}
	p.returning(&Block{Tables: []Table{table}})
}

// bindInsert notes that e is stored in column i of those an INSERT names. Without names the
// position counts, as "#0" and so on, for the schema to resolve.
func (p *parser) bindInsert(table Table, i int, e *Expr) {
	name := position(i)
	if len(p.out.Columns) > 0 {
		if i >= len(p.out.Columns) {
			return
		}
		name = p.out.Columns[i]
	}
	p.bind(e, Param{Use: UseAssign, Column: name, Tables: []Table{table}})
}

// rows parses (a, b), (c, d) … and calls f with each value and its place in the row.
func (p *parser) rows(f func(i int, e *Expr)) {
	for p.err == nil {
		p.expect("(")
		for i, e := range p.list() {
			if f != nil {
				f(i, e)
			}
		}
		p.expect(")")
		if !p.accept(",") {
			return
		}
	}
}

func (p *parser) upsert(table Table) {
	p.expect("CONFLICT")
	p.out.Conflict = true
	p.skipParens()
	if p.accept("WHERE") {
		p.expr(0)
	}
	p.expect("DO")
	if p.accept("NOTHING") {
		return
	}
	p.expect("UPDATE")
	p.expect("SET")
	p.assign(table)
	if p.accept("WHERE") {
		p.expr(0)
	}
}

func (p *parser) update() {
	p.orAction()
	b := &Block{Changes: true}
	p.source(b, false)
	if len(b.Tables) == 0 {
		p.fail("a table")
		return
	}
	p.out.Target = b.Tables[0].Name
	p.expect("SET")
	p.out.Set = p.assign(b.Tables[0])
	if p.accept("FROM") {
		p.from(b)
	}
	p.tail(b)
}

func (p *parser) delete() {
	p.expect("FROM")
	b := &Block{Changes: true}
	p.source(b, false)
	if len(b.Tables) > 0 {
		p.out.Target = b.Tables[0].Name
	}
	p.tail(b)
}

func (p *parser) tail(b *Block) {
	if p.accept("WHERE") {
		b.where(p.expr(0))
	}
	p.out.Blocks = append(p.out.Blocks, b)
	p.returning(b)
	p.orderBy()
	p.limit(b)
}

func (p *parser) returning(b *Block) {
	if p.accept("RETURNING") {
		p.results(b)
	}
}

// assign parses SET a = x, (b, c) = (y, z) and returns the names of the columns.
func (p *parser) assign(table Table) []string {
	var all []string
	for p.err == nil {
		names := []string{}
		if p.accept("(") {
			names = p.names()
		} else {
			names = append(names, sqltext.Name(p.next().Text(p.sql)))
		}
		p.expect("=")
		p.bindAssign(table, names, p.expr(0))
		all = append(all, names...)
		if !p.accept(",") {
			break
		}
	}
	return all
}

func (p *parser) bindAssign(table Table, names []string, e *Expr) {
	values := []*Expr{e}
	if e.Op == OpRow {
		values = e.Args
	}
	for i, v := range values {
		if i < len(names) {
			p.bind(v, Param{Use: UseAssign, Column: names[i], Tables: []Table{table}})
		}
	}
}

// names parses a, b, c) after its opening parenthesis.
func (p *parser) names() []string {
	var list []string
	for p.err == nil {
		list = append(list, sqltext.Name(p.next().Text(p.sql)))
		if !p.accept(",") {
			break
		}
	}
	p.expect(")")
	return list
}

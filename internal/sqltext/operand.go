package sqltext

import "strings"

// operator prints an Op. A sign where an operand is due starts a chain that a number will fold.
func (p *printer) operator(t Token) {
	it := item{kind: Op, op: p.sql[t.Start]}
	if t.End-t.Start > 1 {
		it.op = opLong
		if strings.HasPrefix(p.sql[t.Start:], "->") {
			it.op = opArrow
		}
	}
	before, sign := p.prev, -1
	switch it.op {
	case '(':
		p.open()
	case ')':
		p.depth = max(p.depth-1, 0)
	case '-', '+':
		if operandDue(before) {
			it.role, sign = unary, p.sign
			if sign < 0 {
				sign, p.beforeSign = len(p.dst), before
			}
		}
	case '~':
		if operandDue(before) {
			it.role = unary
		}
	}
	p.put(p.sql[t.Start:t.End], it)
	p.sign = sign
}

// operandDue reports whether an operand or a name must follow the item, so that a sign is unary.
func operandDue(it item) bool {
	return it.kind == Op && it.op != ')' && it.op != ';' || it.kw.is(opens)
}

// number prints "?" for a number and the signs before it, or both as they are.
func (p *printer) number(t Token) {
	before := p.prev
	if p.sign >= 0 {
		before = p.beforeSign
	}
	switch {
	case p.secret:
		p.hide()
	case p.keepsNumber(before):
		p.put(t.Text(p.sql), item{kind: Number})
	default:
		if p.sign >= 0 {
			p.dst, p.prev = p.dst[:p.sign], before
		}
		p.put("?", item{kind: Param})
	}
}

func (p *printer) keepsNumber(before item) bool {
	l := p.level()
	return p.verbatim || l.clause == inType || before.op == opArrow || l.role == likelihood ||
		l.clause == inBy && (before.op == ',' || before.kw == kwBy)
}

func (p *printer) blob(t Token) {
	switch {
	case p.secret:
		p.hide()
	case p.verbatim || p.level().clause == inType:
		p.put(t.Text(p.sql), item{kind: Blob})
	default:
		p.put("?", item{kind: Param})
	}
}

func (p *printer) quoted(t Token) {
	if p.secret {
		p.hide()
		return
	}
	p.put(t.Text(p.sql), item{kind: Quoted})
}

// hide prints the value of PRAGMA key.
func (p *printer) hide() { p.put("'?'", item{kind: String}) }

func (p *printer) string(t Token) {
	text := t.Text(p.sql)
	switch {
	case p.secret:
		p.hide()
	case p.keepsString(t, text):
		p.put(text, item{kind: String})
	case p.prev.kw == kwLike && (text[1] == '%' || text[1] == '_'):
		p.put("'%?'", item{kind: String})
	case p.prev.kw == kwGlob && (text[1] == '*' || text[1] == '?' || text[1] == '['):
		p.put("'*?'", item{kind: String})
	default:
		p.put("?", item{kind: Param})
	}
}

// keepsString reports whether a string is structure: a path, a type or a name. SQLite takes a string for
// a name wherever only a name fits. https://sqlite.org/lang_keywords.html
func (p *printer) keepsString(t Token, text string) bool {
	l := p.level()
	switch l.clause {
	case inType, inNames, inTarget:
		return true
	case inResult, inFrom:
		if endsOperand(p.prev) || l.clause == inFrom && p.prev.op == ',' { // an alias without AS; a table
			return true
		}
	case inSet:
		if p.prev.op == ',' && p.peekOp(t.End) == '=' {
			return true
		}
	}
	return p.verbatim || p.prev.op == opArrow || p.prev.op == '.' || p.nameFollows() ||
		l.role == jsonPath && isPath(text) || p.dotFollows(t.End)
}

// nameFollows reports whether the keyword printed last wants a name, or a string that may not be a parameter.
func (p *printer) nameFollows() bool {
	switch p.prev.kw {
	case kwAs, kwJoin, kwUpdate, kwCollate, kwSet, kwWith, kwEscape: // LIKE needs its ESCAPE literal to use an index
		return true
	case kwFrom:
		return p.prev2.kw != kwDistinct // IS DISTINCT FROM
	case kwInto:
		return p.b.verb != kwVacuum
	case kwBy:
		return p.prev2.kw == kwIndexed
	}
	return false
}

// endsOperand reports whether the item is the end of an operand.
func endsOperand(it item) bool {
	switch it.kind {
	case Word:
		return it.kw == 0 || it.kw.is(ends)
	case Op:
		return it.op == ')'
	case EOF, Bad:
		return false
	}
	return true
}

// isPath reports whether a string is a JSON path: '$', '$.a' or '$[0]'. https://sqlite.org/json1.html#path_arguments
func isPath(text string) bool {
	return strings.HasPrefix(text, "'$") && (text[2] == '.' || text[2] == '[' || text[2] == '\'')
}

// peekOp returns the one-byte operator that follows pos, "==" as "=", or 0.
func (p *printer) peekOp(pos int) byte {
	if t := Next(p.sql, pos); t.Kind == Op && (t.End == t.Start+1 || p.sql[t.Start] == '=') {
		return p.sql[t.Start]
	}
	return 0
}

// dotFollows reports whether a "." follows pos; what mostly does instead is told by one byte.
func (p *printer) dotFollows(pos int) bool {
	if at(p.sql, pos) == ' ' {
		pos++
	}
	if b := at(p.sql, pos); isID[b] || b == ',' || b == ')' {
		return false
	}
	return p.peekOp(pos) == '.'
}

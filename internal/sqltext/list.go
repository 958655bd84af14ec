package sqltext

// in prints "(?)" for the list of literals at pos and returns its end, or pos when it is something else.
func (p *printer) in(pos int) int {
	l, ok := p.list(pos)
	if !ok {
		return pos
	}
	p.parameters(1)
	return l.end
}

// rows prints one row of parameters for the rows of literals at pos and returns their end, or pos when
// a row differs in length or holds anything but literals.
func (p *printer) rows(pos int) int {
	first, ok := p.list(pos)
	if !ok {
		return pos
	}
	end, count := first.end, 1
	for ; p.peekOp(end) == ','; count++ {
		l, ok := p.list(Next(p.sql, end).End)
		if !ok || l.length != first.length {
			return pos
		}
		end = l.end
	}
	if count == 1 && first.constants {
		return pos // one row keeps its NULL
	}
	p.parameters(first.length)
	return end
}

// parameters prints a list of n parameters.
func (p *printer) parameters(n int) {
	p.put("(", item{kind: Op, op: '('})
	p.put("?", item{kind: Param})
	for range n - 1 {
		p.dst = append(p.dst, ", ?"...)
	}
	p.put(")", item{kind: Op, op: ')'})
}

// list is a parenthesised list of literals and parameters.
type list struct {
	end, length int
	constants   bool // it holds NULL, TRUE or FALSE
}

// list reads the list at pos. ok is false when there is none, or it is empty, or holds anything else.
func (p *printer) list(pos int) (l list, ok bool) {
	t := Next(p.sql, pos)
	if !isOp(p.sql, t, '(') {
		return list{}, false
	}
	for {
		end, constant, ok := p.element(t.End)
		if !ok {
			return list{}, false
		}
		l.length, l.constants = l.length+1, l.constants || constant
		switch t = Next(p.sql, end); {
		case isOp(p.sql, t, ')'):
			l.end = t.End
			return l, true
		case !isOp(p.sql, t, ','):
			return list{}, false
		}
	}
}

// element reads a literal, a parameter or a number with signs.
func (p *printer) element(pos int) (end int, constant, ok bool) {
	t := Next(p.sql, pos)
	signed := false
	for isOp(p.sql, t, '-') || isOp(p.sql, t, '+') {
		t, signed = Next(p.sql, t.End), true
	}
	switch t.Kind {
	case Number:
		return t.End, false, true
	case String, Blob, Param:
		return t.End, false, !signed
	case Word:
		return t.End, true, !signed && wordOf(p.sql, t).is(constWord)
	}
	return 0, false, false
}

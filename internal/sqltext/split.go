package sqltext

// Split returns the statements of a text without their ";", in order, with the spaces around them
// trimmed and comments left. Statements of nothing but spaces and comments are dropped. They are
// parts of sql, not copies.
func Split(sql string) []string {
	var (
		out        []string
		b          boundary
		start, end = -1, 0 // of the statement with its comments, start -1 before its first byte
	)
	for pos := 0; ; {
		t := scan(sql, pos)
		pos = t.End
		if t.Kind == Space {
			continue
		}
		if t.Kind == EOF || t.Kind != Comment && b.next(wordOf(sql, t), isOp(sql, t, ';')) {
			if b.tokens > 0 {
				out = append(out, sql[start:end])
			}
			if t.Kind == EOF {
				return out
			}
			b, start = boundary{}, -1
			continue
		}
		if start < 0 {
			start = t.Start
		}
		end = t.End
	}
}

// boundary finds the ";" that end statements. Inside CREATE TRIGGER that is the one after "; END", as in
// sqlite3_complete: no statement of a trigger starts with END, so CASE … END cannot be mistaken for it.
// https://sqlite.org/c3ref/complete.html
type boundary struct {
	tokens int     // of the statement, without the ";" that ends it
	verb   keyword // first keyword after EXPLAIN [QUERY PLAN]
	verbAt int     // its place among the tokens
	object keyword // what a CREATE creates
	body   uint8   // 1 after a ";" of a trigger, 2 after "; END"
}

// next takes the next token, as the keyword it may be and whether it is a ";", and reports whether it
// ends the statement.
func (b *boundary) next(kw keyword, semicolon bool) bool {
	if semicolon && (b.object != kwTrigger || b.body == 2) {
		return true
	}
	b.tokens++
	if b.tokens <= b.verbAt+3 {
		b.head(kw)
	}
	switch {
	case semicolon:
		b.body = 1
	case b.body == 1 && kw == kwEnd:
		b.body = 2
	default:
		b.body = 0
	}
	return false
}

// head notes the verb and, after CREATE, the kind of object.
func (b *boundary) head(kw keyword) {
	switch {
	case b.verb == 0 && b.tokens == b.verbAt+1:
		if kw == kwExplain || b.verbAt > 0 && (kw == kwQuery || kw == kwPlan) {
			b.verbAt++
			return
		}
		b.verb = kw
	case b.verb == kwCreate && b.object == 0:
		switch kw {
		case kwTemp, kwTemporary, kwUnique, kwVirtual:
		default:
			b.object = kw
		}
	}
}

// isOp reports whether t is the one-byte operator op.
func isOp(sql string, t Token, op byte) bool {
	return t.Kind == Op && t.End == t.Start+1 && sql[t.Start] == op
}

// wordOf returns the keyword that t spells, or 0.
func wordOf(sql string, t Token) keyword {
	if t.Kind != Word {
		return 0
	}
	return lookup(sql[t.Start:t.End])
}

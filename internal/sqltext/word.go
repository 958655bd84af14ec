package sqltext

import "strings"

// word prints a name as it is written and a keyword in upper case, then the list of literals after
// IN and VALUES. It returns where the next token starts.
func (p *printer) word(t Token, kw keyword) int {
	text := t.Text(p.sql)
	if p.secret {
		p.hide()
		return t.End
	}
	if kw == 0 || kw.is(nameable) && !p.isKeyword(t, kw) {
		p.secret = p.b.verb == kwPragma && isSecret(text)
		p.put(text, item{kind: Word, role: function(text)})
		return t.End
	}
	p.enter(kw)
	it := item{kind: Word, kw: kw}
	if kw == kwCast {
		it.role = castType
	}
	p.put(keywords[kw], it)
	switch {
	case p.verbatim || p.level().clause == inType:
	case kw == kwIn:
		return p.in(t.End)
	case kw == kwValues:
		return p.rows(t.End)
	}
	return t.End
}

// function returns what the name means when parentheses follow.
func function(name string) role {
	switch name[0] | 0x20 {
	case 'j':
		if len(name) >= 4 && strings.EqualFold(name[:4], "json") {
			return jsonPath
		}
	case 'l':
		if len(name) == 10 && strings.EqualFold(name, "likelihood") {
			return likelihood
		}
	}
	return 0
}

// isSecret reports whether the pragma sets a key of an encrypted database, in any of the forms known from
// SQLCipher and the SQLite Encryption Extension. https://sqlite.org/see/doc/release/www/readme.wiki
func isSecret(pragma string) bool {
	for _, s := range [...]string{"key", "rekey", "hexkey", "hexrekey", "textkey", "textrekey"} {
		if strings.EqualFold(pragma, s) {
			return true
		}
	}
	return false
}

// isKeyword decides about a keyword that may also be a name. It is a name next to a dot and where an
// operand or a name is due, except in the phrases of isPhrase.
func (p *printer) isKeyword(t Token, kw keyword) bool {
	switch {
	case p.prev.op == '.' || p.dotFollows(t.End):
		return false
	case kw.is(ends) && kw != kwEnd: // TRUE, CURRENT_TIME: operands themselves
		return true
	}
	return !operandDue(p.prev) || p.isPhrase(kw, Next(p.sql, t.End))
}

// isPhrase reports whether kw, where an operand is due, belongs to a phrase with its neighbours.
func (p *printer) isPhrase(kw keyword, next Token) bool {
	after, call := wordOf(p.sql, next), isOp(p.sql, next, '(')
	switch prev, prev2 := p.prev.kw, p.prev2.kw; kw {
	case kwCast, kwRaise:
		return call
	case kwWith:
		return prev == kwAs || p.prev.op == '('
	case kwRecursive:
		return prev == kwWith
	case kwLike, kwGlob, kwRegexp, kwMatch, kwIndexed:
		return prev == kwNot
	case kwMaterialized:
		return call && (prev == kwAs || prev == kwNot)
	case kwReplace, kwIgnore, kwAbort, kwFail, kwRollback:
		return prev == kwOr && (prev2 == kwInsert || prev2 == kwUpdate)
	case kwCascade, kwRestrict, kwNo:
		return prev == kwUpdate && prev2 == kwOn
	case kwConflict:
		return prev == kwOn
	case kwOf:
		return prev == kwUpdate
	case kwSavepoint:
		return prev == kwTo
	case kwIf:
		return after == kwNot || after == kwExists
	case kwPartition:
		return after == kwBy
	case kwUnbounded:
		return after == kwPreceding || after == kwFollowing
	case kwCurrent:
		return after == kwRow
	case kwRows, kwRange, kwGroups:
		return p.prev.op == '(' && (after == kwBetween || after == kwUnbounded || after == kwCurrent || folds(next.Kind))
	}
	return false
}

// folds reports whether a token of the kind may be printed as "?". What is decided by the next token must
// not tell these apart, or a fingerprint would not be its own.
func folds(k Kind) bool { return k == Number || k == Param || k == String || k == Blob }

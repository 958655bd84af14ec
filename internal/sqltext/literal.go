package sqltext

import "strings"

func isDigit(b byte) bool { return b-'0' <= 9 }

func isHex(b byte) bool { return isDigit(b) || (b|0x20)-'a' <= 'f'-'a' }

// digitsEnd returns the end of the decimal digits from i on.
func digitsEnd(sql string, i int) int {
	for i < len(sql) && isDigit(sql[i]) {
		i++
	}
	return i
}

// groupsEnd returns the end of the digits and "_" separators from i on. Like SQLite's tokenizer it
// does not mind where the separators stand; the parser does. https://sqlite.org/lang_expr.html#litvalue
func groupsEnd(sql string, i int) int {
	for i < len(sql) && (isDigit(sql[i]) || sql[i] == '_') {
		i++
	}
	return i
}

// scanNumber reads an integer, a float or a hexadecimal integer. Letters that touch its end make it Bad.
func scanNumber(sql string, pos int) Token {
	end := decimalEnd(sql, pos)
	if sql[pos] == '0' && at(sql, pos+1)|0x20 == 'x' && isHex(at(sql, pos+2)) {
		end = hexEnd(sql, pos+3)
	}
	if end < len(sql) && isID[sql[end]] {
		return Token{Bad, pos, wordEnd(sql, end)}
	}
	return Token{Number, pos, end}
}

func hexEnd(sql string, i int) int {
	for i < len(sql) && (isHex(sql[i]) || sql[i] == '_') {
		i++
	}
	return i
}

func decimalEnd(sql string, pos int) int {
	end := groupsEnd(sql, pos)
	if at(sql, end) == '.' {
		end = groupsEnd(sql, end+1)
	}
	if at(sql, end)|0x20 != 'e' {
		return end
	}
	switch next := at(sql, end+1); {
	case isDigit(next):
		return groupsEnd(sql, end+2)
	case (next == '+' || next == '-') && isDigit(at(sql, end+2)):
		return groupsEnd(sql, end+3)
	}
	return end
}

// scanQuoted reads '...', "..." or `...`, where a doubled quote stands for itself.
func scanQuoted(sql string, pos int) Token {
	q, kind := sql[pos], Quoted
	if q == '\'' {
		kind = String
	}
	for i := pos + 1; ; {
		n := strings.IndexByte(sql[i:], q)
		if n < 0 {
			return Token{Bad, pos, len(sql)}
		}
		if i += n + 1; at(sql, i) != q {
			return Token{kind, pos, i}
		}
		i++
	}
}

// scanBlob reads x'…', which must hold an even number of hexadecimal digits and nothing else.
func scanBlob(sql string, pos int) Token {
	i := pos + 2
	for i < len(sql) && isHex(sql[i]) {
		i++
	}
	if at(sql, i) == '\'' && (i-pos)%2 == 0 {
		return Token{Blob, pos, i + 1}
	}
	if n := strings.IndexByte(sql[i:], '\''); n >= 0 {
		return Token{Bad, pos, i + n + 1}
	}
	return Token{Bad, pos, len(sql)}
}

// scanVar reads :a, @a and $a with the suffixes of Tcl variables, $a::b(c). https://sqlite.org/lang_expr.html#varparam
func scanVar(sql string, pos int) Token {
	i, letters := pos+1, false
	for i < len(sql) {
		switch b := sql[i]; {
		case isID[b]:
			i, letters = i+1, true
		case b == ':' && at(sql, i+1) == ':':
			i += 2
		case b == '(' && letters:
			return scanVarIndex(sql, pos, i+1)
		default:
			return varToken(pos, i, letters)
		}
	}
	return varToken(pos, i, letters)
}

func varToken(pos, end int, letters bool) Token {
	if letters {
		return Token{Param, pos, end}
	}
	return Token{Bad, pos, end}
}

// scanVarIndex reads the parentheses of $a(c), which hold anything but a space.
func scanVarIndex(sql string, pos, i int) Token {
	for i < len(sql) && sql[i] != ')' && classes[sql[i]] != cSpace && sql[i] != '\v' {
		i++
	}
	if at(sql, i) == ')' {
		return Token{Param, pos, i + 1}
	}
	return Token{Bad, pos, i}
}

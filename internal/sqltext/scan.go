package sqltext

import "strings"

// class says what token a byte starts; isID says apart from it which bytes continue an identifier.
type class uint8

const (
	cBad   class = iota // illegal anywhere outside quotes
	cSpace              // space, \t, \n, \f, \r; \v is a space only after one of them, as in SQLite
	cPunct              // one-byte operator
	cOp                 // operator of one to three bytes, or a comment
	cDot                // "." or a number
	cQuote              // ' " `
	cOpen               // [
	cMark               // ?
	cVar                // : @ $
	cDigit              // 0-9
	cX                  // x or X: a blob or a word
	cBOM                // 0xEF: a byte order mark, which is a space, or a word
	cWord               // letter, _ or a byte from 0x80 up
)

// classes holds the class of each byte, and isID whether it continues an identifier.
var classes, isID = func() (c [256]class, id [256]bool) {
	for b := range 256 {
		switch {
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b == '_', b >= 0x80:
			c[b], id[b] = cWord, true
		case b >= '0' && b <= '9':
			c[b], id[b] = cDigit, true
		}
	}
	for set, k := range map[string]class{
		" \t\n\f\r": cSpace, "%()+*,;&~": cPunct, "-/<>=!|": cOp, ".": cDot, "'\"`": cQuote,
		"[": cOpen, "?": cMark, ":@$": cVar, "xX": cX, "\xef": cBOM,
	} {
		for i := range len(set) {
			c[set[i]] = k
		}
	}
	id['$'] = true
	return c, id
}()

// scan returns the token at pos, spaces and comments included. 0 <= pos <= len(sql).
func scan(sql string, pos int) Token {
	if pos >= len(sql) {
		return Token{EOF, pos, pos}
	}
	switch classes[sql[pos]] {
	case cWord:
		return Token{Word, pos, wordEnd(sql, pos+1)}
	case cSpace:
		return Token{Space, pos, spaceEnd(sql, pos+1)}
	case cPunct:
		return Token{Op, pos, pos + 1}
	case cDigit:
		return scanNumber(sql, pos)
	case cQuote:
		return scanQuoted(sql, pos)
	case cMark:
		return Token{Param, pos, digitsEnd(sql, pos+1)}
	case cOp:
		return scanOp(sql, pos)
	case cDot:
		if isDigit(at(sql, pos+1)) {
			return scanNumber(sql, pos)
		}
		return Token{Op, pos, pos + 1}
	case cVar:
		return scanVar(sql, pos)
	case cX:
		if at(sql, pos+1) == '\'' {
			return scanBlob(sql, pos)
		}
		return Token{Word, pos, wordEnd(sql, pos+1)}
	case cOpen:
		if n := strings.IndexByte(sql[pos:], ']'); n > 0 {
			return Token{Quoted, pos, pos + n + 1}
		}
		return Token{Bad, pos, len(sql)}
	case cBOM:
		if strings.HasPrefix(sql[pos:], "\xef\xbb\xbf") {
			return Token{Space, pos, pos + 3}
		}
		return Token{Word, pos, wordEnd(sql, pos+1)}
	}
	return Token{Bad, pos, pos + 1}
}

// at returns the byte at i, or 0 past the end: no rule below takes a 0 for anything.
func at(sql string, i int) byte {
	if i < len(sql) {
		return sql[i]
	}
	return 0
}

func wordEnd(sql string, i int) int {
	for i < len(sql) && isID[sql[i]] {
		i++
	}
	return i
}

func spaceEnd(sql string, i int) int {
	for i < len(sql) && (classes[sql[i]] == cSpace || sql[i] == '\v') {
		i++
	}
	return i
}

// scanOp reads the operators that start with - / < > = ! | and the two kinds of comments.
func scanOp(sql string, pos int) Token {
	switch next := at(sql, pos+1); sql[pos] {
	case '-':
		return scanMinus(sql, pos, next)
	case '/':
		if next == '*' && pos+2 < len(sql) { // "/*" at the very end is a slash and a star
			return Token{Comment, pos, commentEnd(sql, pos+2)}
		}
	case '<':
		if next == '=' || next == '>' || next == '<' {
			return Token{Op, pos, pos + 2}
		}
	case '>':
		if next == '=' || next == '>' {
			return Token{Op, pos, pos + 2}
		}
	case '=', '|':
		if next == sql[pos] {
			return Token{Op, pos, pos + 2}
		}
	case '!':
		if next == '=' {
			return Token{Op, pos, pos + 2}
		}
		return Token{Bad, pos, pos + 1}
	}
	return Token{Op, pos, pos + 1}
}

func scanMinus(sql string, pos int, next byte) Token {
	switch {
	case next == '-':
		if n := strings.IndexByte(sql[pos:], '\n'); n >= 0 {
			return Token{Comment, pos, pos + n}
		}
		return Token{Comment, pos, len(sql)}
	case next == '>' && at(sql, pos+2) == '>':
		return Token{Op, pos, pos + 3}
	case next == '>':
		return Token{Op, pos, pos + 2}
	}
	return Token{Op, pos, pos + 1}
}

// commentEnd returns the end of the comment whose text starts at i. The star of "/*" does not close
// it: in "/*/" the comment goes on, as in SQLite.
func commentEnd(sql string, i int) int {
	if n := strings.Index(sql[i:], "*/"); n >= 0 {
		return i + n + 2
	}
	return len(sql)
}

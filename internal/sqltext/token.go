package sqltext

// Kind is the lexical class of a Token.
type Kind uint8

// Space and Comment are never returned by Next, which skips them.
const (
	EOF     Kind = iota // the end of the text
	Space               // spaces, tabs, newlines, a byte order mark
	Comment             // -- to the end of the line, /* to */ or the end of the text
	Word                // bare identifier or keyword
	Quoted              // identifier as "x", `x` or [x]
	String              // '...'
	Blob                // x'..'
	Number              // 1, .5, 1_000, 1e-3, 0xff
	Param               // ?, ?NNN, :a, @a, $a, $a::b(c)
	Op                  // operator or punctuation: one token for || -> ->> <= >= <> != == << >>
	Bad                 // illegal character, malformed number or blob, unterminated string or name
)

// Token is one lexical unit: the bytes Start to End of its text.
type Token struct {
	Kind       Kind
	Start, End int // byte offsets
}

// Text returns the bytes of t, a token of sql.
func (t Token) Text(sql string) string { return sql[t.Start:t.End] }

// Next returns the first token at or after pos, skipping spaces and comments; EOF at the end. Every
// other token has at least one byte, so a loop that goes on at its End ends.
func Next(sql string, pos int) Token {
	pos = min(max(pos, 0), len(sql))
	for {
		if pos < len(sql) && sql[pos] == ' ' {
			pos = spaceEnd(sql, pos+1)
		}
		if pos < len(sql) {
			switch classes[sql[pos]] { // most tokens are one of these two: no call for them
			case cWord:
				return Token{Word, pos, wordEnd(sql, pos+1)}
			case cPunct:
				return Token{Op, pos, pos + 1}
			}
		}
		t := scan(sql, pos)
		if t.Kind != Space && t.Kind != Comment {
			return t
		}
		pos = t.End
	}
}

// Name returns the identifier that a token spells: a"b for "a""b", x for [x] and `x`. SQLite also
// takes a string for a name, so 'x' is x. Anything else is returned unchanged.
func Name(token string) string {
	n := len(token)
	if n < 2 {
		return token
	}
	switch q := token[0]; {
	case q == '[' && token[n-1] == ']':
		return token[1 : n-1]
	case (q == '"' || q == '`' || q == '\'') && token[n-1] == q:
		return undouble(token[1:n-1], q)
	}
	return token
}

// undouble replaces each pair of the quote q by one, without an allocation when there is none.
func undouble(s string, q byte) string {
	for i := 0; i+1 < len(s); i++ {
		if s[i] == q && s[i+1] == q {
			return undoubleFrom(s, i, q)
		}
	}
	return s
}

func undoubleFrom(s string, i int, q byte) string {
	out := append(make([]byte, 0, len(s)), s[:i]...)
	for ; i < len(s); i++ {
		out = append(out, s[i])
		if s[i] == q && i+1 < len(s) && s[i+1] == q {
			i++
		}
	}
	return string(out)
}

package advisor

import (
	"slices"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/predicate"
	"github.com/sqliteperf/sqliteperf/internal/sqltext"
)

// indexedFunctions may stand in an index: built in, and the same for the same arguments. Those for dates are
// so unless they read the clock or the time zone. https://sqlite.org/expridx.html
var indexedFunctions = map[string]bool{
	"abs": true, "cast": true, "coalesce": true, "date": true, "datetime": true, "hex": true, "ifnull": true,
	"iif": true, "instr": true, "json": true, "json_array_length": true, "json_extract": true, "json_type": true,
	"json_valid": true, "julianday": true, "length": true, "lower": true, "ltrim": true, "nullif": true,
	"octet_length": true, "replace": true, "round": true, "rtrim": true, "sign": true, "strftime": true,
	"substr": true, "substring": true, "time": true, "trim": true, "typeof": true, "unicode": true,
	"unixepoch": true, "upper": true,
}

// impure are the arguments and words that make a function read the clock or the time zone.
var impure = []string{"now", "localtime", "utc", "current_", "subsec"}

// indexable says whether an index may hold e: columns, literals and functions that always give the same.
func indexable(e *predicate.Expr) bool {
	ok := true
	e.Walk(func(e *predicate.Expr) {
		switch e.Op {
		case predicate.OpParam, predicate.OpQuery, predicate.OpRow:
			ok = false
		case predicate.OpCall:
			ok = ok && indexedFunctions[strings.ToLower(e.Name)] && len(e.Args) > 0
		case predicate.OpColumn:
			ok = ok && !e.Quoted && e.Name != "*" // SQLite takes a quoted name it does not know for a string
		case predicate.OpLiteral:
			text := strings.ToLower(e.Text)
			ok = ok && !slices.ContainsFunc(impure, func(word string) bool { return strings.Contains(text, word) })
		case predicate.OpOther:
			ok = ok && e.Name != "MATCH" && e.Name != "REGEXP" && e.Name != ""
		}
	})
	return ok
}

// unqualified is the text of an expression as an index has it: names of columns without their table's,
// one space between words.
func unqualified(text string) string {
	var tokens []string
	for pos := 0; ; {
		t := sqltext.Next(text, pos)
		if t.Kind == sqltext.EOF {
			break
		}
		pos = t.End
		word := t.Text(text)
		if t.Kind == sqltext.Word || t.Kind == sqltext.Quoted {
			if dot := sqltext.Next(text, pos); dot.Text(text) == "." {
				pos = dot.End
				continue
			}
		}
		tokens = append(tokens, word)
	}
	return strings.TrimSpace(join(tokens))
}

// join writes tokens as people do: no space before a comma or within parentheses.
func join(tokens []string) string {
	var b strings.Builder
	for i, word := range tokens {
		if i > 0 && spaced(tokens[i-1], word) {
			b.WriteByte(' ')
		}
		b.WriteString(word)
	}
	return b.String()
}

func spaced(before, word string) bool {
	switch {
	case word == "," || word == ")" || before == "(":
		return false
	case word == "(":
		return sqltext.IsKeyword(before) && !strings.EqualFold(before, "CAST") && !strings.EqualFold(before, "REPLACE") || !nameByte(before[len(before)-1])
	}
	return true
}

func nameByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// mentions says whether an expression names a column.
func mentions(text, column string) bool {
	for pos := 0; ; {
		t := sqltext.Next(text, pos)
		if t.Kind == sqltext.EOF {
			return false
		}
		pos = t.End
		if (t.Kind == sqltext.Word || t.Kind == sqltext.Quoted) && strings.EqualFold(sqltext.Name(t.Text(text)), column) {
			return true
		}
	}
}

package sqlmiddleware

import (
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/sqltext"
)

// head is how a statement begins.
type head struct {
	verb      string // upper-case, of WITH the verb after the common tables; "" if there is none
	start     int    // of the verb
	end       int
	explained bool // by EXPLAIN or EXPLAIN QUERY PLAN, which run nothing
}

func headOf(stmt string) (h head) {
	t := sqltext.Next(stmt, 0)
	if spells(stmt, t, "EXPLAIN") {
		h.explained = true
		if t = sqltext.Next(stmt, t.End); spells(stmt, t, "QUERY") {
			t = sqltext.Next(stmt, sqltext.Next(stmt, t.End).End)
		}
	}
	if spells(stmt, t, "WITH") {
		t = afterTables(stmt, t.End)
	}
	h.verb, h.start, h.end = word(stmt, t), t.Start, t.End
	return h
}

// afterTables finds the verb after the common tables of a WITH: the first one outside of parentheses.
// REPLACE is also a name that a table may have, unless INTO follows.
func afterTables(stmt string, pos int) sqltext.Token {
	for depth := 0; ; {
		t := sqltext.Next(stmt, pos)
		pos = t.End
		if depth += nesting(stmt, t); depth != 0 && t.Kind != sqltext.EOF {
			continue
		}
		switch word(stmt, t) {
		case "SELECT", "VALUES", "INSERT", "UPDATE", "DELETE":
			return t
		case "REPLACE":
			if spells(stmt, sqltext.Next(stmt, pos), "INTO") {
				return t
			}
		}
		if t.Kind == sqltext.EOF {
			return t
		}
	}
}

// nesting is 1 for "(", -1 for ")" and 0 for the rest.
func nesting(sql string, t sqltext.Token) int {
	if t.Kind == sqltext.Op && t.End == t.Start+1 {
		switch sql[t.Start] {
		case '(':
			return 1
		case ')':
			return -1
		}
	}
	return 0
}

// word is the upper-case of a bare word, "" for any other token. SQLite folds ASCII only: the long s of
// Unicode, which strings.ToUpper makes an S, must not turn a name into a keyword.
func word(sql string, t sqltext.Token) string {
	if t.Kind != sqltext.Word {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r - 'a' + 'A'
		}
		return r
	}, t.Text(sql))
}

// spells reports whether t is the bare word, given in upper-case letters.
func spells(sql string, t sqltext.Token, upper string) bool {
	if t.Kind != sqltext.Word || t.End-t.Start != len(upper) {
		return false
	}
	for i := range len(upper) {
		if c := sql[t.Start+i]; c != upper[i] && c != upper[i]+('a'-'A') {
			return false
		}
	}
	return true
}

// isOp reports whether t is the one-byte operator op.
func isOp(sql string, t sqltext.Token, op byte) bool {
	return t.Kind == sqltext.Op && t.End == t.Start+1 && sql[t.Start] == op
}

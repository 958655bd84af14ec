package sqltext

import "strings"

// ReadOnly reports whether every statement of the text certainly only reads: SELECT, VALUES, EXPLAIN of
// anything but a PRAGMA, which takes effect while it is compiled, and WITH before SELECT or VALUES. It is false for PRAGMA, which may write, for a text without
// statements, and for one with a Bad token or a NUL byte, where SQLite stops reading. What the
// functions it calls do is not its business, as in https://sqlite.org/c3ref/stmt_readonly.html
func ReadOnly(sql string) bool {
	if strings.IndexByte(sql, 0) >= 0 {
		return false
	}
	statements := Split(sql)
	for _, s := range statements {
		if !reads(s) {
			return false
		}
	}
	return len(statements) > 0
}

func reads(stmt string) bool {
	first := Next(stmt, 0)
	switch wordOf(stmt, first) {
	case kwSelect, kwValues:
	case kwExplain:
		if explainsPragma(stmt, first.End) {
			return false
		}
	case kwWith:
		if !withReads(stmt, first.End) {
			return false
		}
	default:
		return false
	}
	return !hasBad(stmt)
}

// explainsPragma reports whether PRAGMA follows EXPLAIN or EXPLAIN QUERY PLAN.
func explainsPragma(stmt string, pos int) bool {
	t := Next(stmt, pos)
	if wordOf(stmt, t) == kwQuery {
		if plan := Next(stmt, t.End); wordOf(stmt, plan) == kwPlan {
			t = Next(stmt, plan.End)
		}
	}
	return wordOf(stmt, t) == kwPragma
}

// withReads finds the verb after the common tables: the first one outside of parentheses.
func withReads(stmt string, pos int) bool {
	for depth := 0; ; {
		t := Next(stmt, pos)
		pos = t.End
		switch {
		case t.Kind == EOF:
			return false
		case isOp(stmt, t, '('):
			depth++
		case isOp(stmt, t, ')'):
			depth--
		case depth == 0:
			switch wordOf(stmt, t) {
			case kwSelect, kwValues:
				return true
			case kwInsert, kwUpdate, kwDelete, kwReplace:
				return false
			}
		}
	}
}

func hasBad(stmt string) bool {
	for pos := 0; ; {
		t := Next(stmt, pos)
		if t.Kind == Bad || t.Kind == EOF {
			return t.Kind == Bad
		}
		pos = t.End
	}
}

package sqlmiddleware

import (
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/sqltext"
)

// maxTagged bounds the texts that are copied for a comment, in bytes.
const maxTagged = 64 << 10

// nowhere is the place in a text that must stay as it is.
const nowhere = -1

// placeOf returns where in query a comment belongs: after the statement, before its semicolon.
func placeOf(query string) int {
	if strings.HasSuffix(query, "/*") {
		return nowhere // a slash and a star, until something follows
	}
	end := 0
	for pos := 0; ; {
		t := sqltext.Next(query, pos)
		if t.Kind == sqltext.Bad || strings.ContainsAny(query[pos:t.Start], "-/") { // spaces and comments
			return nowhere
		}
		if t.Kind == sqltext.EOF {
			break
		}
		if pos = t.End; !isOp(query, t, ';') {
			end = t.End
		}
	}
	statements := sqltext.Split(query)
	if len(statements) != 1 || !takesComment(statements[0]) {
		return nowhere
	}
	return end
}

// takesComment reports whether a comment after the statement leaves its results and all that SQLite stores
// of it as they are.
func takesComment(stmt string) bool {
	h := headOf(stmt)
	if h.explained {
		return false
	}
	switch h.verb {
	case "SELECT", "VALUES", "INSERT", "REPLACE", "UPDATE", "DELETE":
		return !namesByText(stmt, h.start)
	}
	return false
}

// namesByText reports whether the list of result columns goes on to the end of the statement, with a last column
// that SQLite names by its text: all up to the end of the statement, comments included.
// https://sqlite.org/c3ref/column_name.html
func namesByText(stmt string, pos int) bool {
	var column []sqltext.Token // of the last column, outside of parentheses
	listed, returned := false, false
	prev, depth := "", 0
	for {
		t := sqltext.Next(stmt, pos)
		if pos = t.End; t.Kind == sqltext.EOF {
			return listed && !named(stmt, column, returned)
		}
		if depth += nesting(stmt, t); depth > 0 {
			continue
		}
		switch w := word(stmt, t); {
		case w == "SELECT" || w == "RETURNING":
			listed, returned, column = true, w == "RETURNING", column[:0]
		case listed && endsList(w) && prev != "DISTINCT": // IS DISTINCT FROM
			listed = false
		case isOp(stmt, t, ','):
			column = column[:0]
		default:
			column = append(column, t)
		}
		prev = word(stmt, t)
	}
}

// endsList reports whether the keyword, which is never a name, ends a list of result columns.
func endsList(word string) bool {
	switch word {
	case "FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "UNION", "EXCEPT", "INTERSECT":
		return true
	}
	return false
}

// named reports whether a result column certainly has a name that is not its text: it ends with AS and a
// name, is all columns, or is a column of the table that RETURNING is about.
func named(stmt string, column []sqltext.Token, returned bool) bool {
	n := len(column)
	switch {
	case n == 0:
		return false
	case n >= 2 && spells(stmt, column[n-2], "AS"):
		return true
	case n == 1 && isOp(stmt, column[0], '*'):
		return true
	}
	return returned && n == 1 && column[0].Kind == sqltext.Word && !isConstant(word(stmt, column[0]))
}

func isConstant(word string) bool {
	return sqltext.IsKeyword(word) || word == "TRUE" || word == "FALSE"
}

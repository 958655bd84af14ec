package sqlmiddleware

import (
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/sqltext"
)

// Kind is a set of kinds of statements. A statement may be of several: DROP TABLE is DDL and Write.
type Kind uint16

// The kinds that Guard can forbid. EXPLAIN is of none but PRAGMA's, for it runs nothing, while SQLite
// applies some PRAGMAs when it prepares them. https://sqlite.org/pragma.html
const (
	// DDL is CREATE, ALTER and DROP.
	DDL Kind = 1 << iota
	// Attach is ATTACH and DETACH.
	Attach
	// PragmaRead is a PRAGMA that only asks, such as journal_mode without a value or table_info(t), and
	// any statement with a name like that of a PRAGMA's table, such as pragma_table_info.
	PragmaRead
	// PragmaSet is a PRAGMA that sets a value or does something, such as optimize and wal_checkpoint, also
	// as a table: SELECT * FROM pragma_optimize writes.
	PragmaSet
	// Vacuum is VACUUM, also VACUUM INTO, which writes a file.
	Vacuum
	// DeleteAll is a DELETE without WHERE. A WHERE that is always true is one.
	DeleteAll
	// UpdateAll is an UPDATE without WHERE. The DO UPDATE of an upsert is none.
	UpdateAll
	// Multiple is a text of more than one statement.
	Multiple
	// Transaction is BEGIN, COMMIT, END, ROLLBACK, SAVEPOINT and RELEASE as text. BeginTx stays possible.
	Transaction
	// Write is whatever does not certainly only read: all but SELECT, VALUES, EXPLAIN, PragmaRead and
	// Transaction, so also words that are no verb of SQLite. What functions and views do that a SELECT uses is not seen.
	Write
)

var kindNames = [...]string{
	"DDL", "ATTACH or DETACH", "PRAGMA", "PRAGMA that sets or acts", "VACUUM", "DELETE without WHERE", "UPDATE without WHERE",
	"several statements", "transaction control", "write",
}

// String names the kinds, separated by commas.
func (k Kind) String() string {
	var names []string
	for i, name := range kindNames {
		if k&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// kindsOf returns the kinds of each statement of a text. What follows a NUL byte is not there, as for SQLite:
// "DELETE FROM t\x00WHERE 0" deletes all.
func kindsOf(text string) []Kind {
	text, _, _ = strings.Cut(text, "\x00")
	statements := sqltext.Split(text)
	kinds := make([]Kind, len(statements))
	for i, stmt := range statements {
		kinds[i] = kindOf(stmt)
		if len(statements) > 1 {
			kinds[i] |= Multiple
		}
	}
	return kinds
}

func kindOf(stmt string) Kind {
	h := headOf(stmt)
	if h.verb == "PRAGMA" {
		return pragmaKind(stmt, h.end)
	}
	if h.explained {
		return 0
	}
	return verbKind(stmt, h) | tablesKind(stmt)
}

func verbKind(stmt string, h head) Kind {
	switch h.verb {
	case "SELECT", "VALUES":
		return 0
	case "DELETE":
		return Write | unlessWhere(stmt, h.end, DeleteAll)
	case "UPDATE":
		return Write | unlessWhere(stmt, h.end, UpdateAll)
	case "CREATE", "ALTER", "DROP":
		return Write | DDL
	case "ATTACH", "DETACH":
		return Write | Attach
	case "VACUUM":
		return Write | Vacuum
	case "BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE":
		return Transaction
	}
	return Write // INSERT, REPLACE, ANALYZE, REINDEX, and what SQLite may learn one day
}

// unlessWhere returns k if there is no WHERE outside of parentheses from pos on. WHERE is never a name.
func unlessWhere(stmt string, pos int, k Kind) Kind {
	for depth := 0; ; {
		t := sqltext.Next(stmt, pos)
		pos = t.End
		switch depth += nesting(stmt, t); {
		case t.Kind == sqltext.EOF:
			return k
		case depth == 0 && spells(stmt, t, "WHERE"):
			return 0
		}
	}
}

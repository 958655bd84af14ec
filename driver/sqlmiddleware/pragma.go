package sqlmiddleware

import (
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/sqltext"
)

// asking are the PRAGMAs whose argument says what to read; acting are those that do something even without
// one. All others read without a value and set with one. https://sqlite.org/pragma.html
var asking, acting = names(`foreign_key_check foreign_key_list index_info index_list index_xinfo integrity_check
	quick_check table_info table_list table_xinfo`), names(`incremental_vacuum optimize shrink_memory wal_checkpoint`)

func names(list string) map[string]bool {
	set := map[string]bool{}
	for _, name := range strings.Fields(list) {
		set[name] = true
	}
	return set
}

// tablesKind is what a statement is for the names of PRAGMAs as tables in it, whatever they are quoted with, for
// SQLite takes a string as a name too. https://sqlite.org/pragma.html#pragfunc
func tablesKind(stmt string) (k Kind) {
	if !strings.Contains(strings.ToLower(stmt), "pragma_") {
		return 0
	}
	for pos := 0; ; {
		t := sqltext.Next(stmt, pos)
		pos = t.End
		switch t.Kind {
		case sqltext.EOF:
			return k
		case sqltext.Word, sqltext.Quoted, sqltext.String:
			k |= tableKind(sqltext.Name(t.Text(stmt)))
		}
	}
}

// tableKind is what reading the table does that name may be.
func tableKind(name string) Kind {
	name, ok := strings.CutPrefix(strings.ToLower(name), "pragma_")
	switch {
	case !ok:
		return 0
	case acting[name]:
		return Write | PragmaSet
	}
	return PragmaRead
}

// pragmaKind reads PRAGMA [schema.]name, with = value or (value) or neither.
func pragmaKind(stmt string, pos int) Kind {
	t := sqltext.Next(stmt, pos)
	next := sqltext.Next(stmt, t.End)
	if isOp(stmt, next, '.') {
		t = sqltext.Next(stmt, next.End)
		next = sqltext.Next(stmt, t.End)
	}
	name := strings.ToLower(sqltext.Name(t.Text(stmt)))
	if asking[name] || next.Kind == sqltext.EOF && !acting[name] {
		return PragmaRead
	}
	return Write | PragmaSet
}

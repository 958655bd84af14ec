package sqlmiddleware

import (
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/sqltext"
)

// control is what a statement does to the transaction. https://sqlite.org/lang_transaction.html
type control struct {
	verb controlVerb
	name string // of a savepoint
}

type controlVerb uint8

const (
	noControl controlVerb = iota
	begins                // BEGIN
	ends                  // COMMIT, END, ROLLBACK
	saves                 // SAVEPOINT
	releases              // RELEASE
	rewinds               // ROLLBACK TO
)

// shape is what Retry must know of a text.
type shape struct {
	single   bool // one statement
	controls []control
}

// shapeOf reads a text. Most have no ";" before their end and begin with another verb: those are read up
// to the end of the first word, each time, and need not be remembered.
func (r *Retrier) shapeOf(query string) shape {
	rest := query
	if i := strings.IndexByte(query, ';'); i >= 0 {
		rest = query[i+1:]
		if strings.Trim(rest, " \t\r\n;") != "" {
			return r.shapes.of(query)
		}
	}
	if !mayControl(query, sqltext.Next(query, 0)) {
		return shape{single: true}
	}
	return r.shapes.of(query)
}

func mayControl(sql string, t sqltext.Token) bool {
	for _, verb := range [...]string{"BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE"} {
		if spells(sql, t, verb) {
			return true
		}
	}
	return t.Kind != sqltext.Word // such as a leading ";"
}

func readShape(query string) (s shape) {
	statements := sqltext.Split(query)
	s.single = len(statements) == 1
	for _, stmt := range statements {
		if c := controlOf(stmt); c.verb != noControl {
			s.controls = append(s.controls, c)
		}
	}
	return s
}

func controlOf(stmt string) control {
	t := sqltext.Next(stmt, 0)
	switch word(stmt, t) {
	case "BEGIN":
		return control{verb: begins}
	case "COMMIT", "END":
		return control{verb: ends}
	case "SAVEPOINT":
		return control{saves, savepoint(stmt, t.End)}
	case "RELEASE":
		return control{releases, savepoint(stmt, t.End)}
	case "ROLLBACK":
		return rollbackOf(stmt, t.End)
	}
	return control{}
}

// rollbackOf tells ROLLBACK [TRANSACTION [name]] from ROLLBACK [TRANSACTION [name]] TO [SAVEPOINT] name.
func rollbackOf(stmt string, pos int) control {
	for {
		t := sqltext.Next(stmt, pos)
		pos = t.End
		switch {
		case t.Kind == sqltext.EOF:
			return control{verb: ends}
		case spells(stmt, t, "TO"):
			return control{rewinds, savepoint(stmt, pos)}
		}
	}
}

// savepoint reads [SAVEPOINT] name.
func savepoint(stmt string, pos int) string {
	t := sqltext.Next(stmt, pos)
	if next := sqltext.Next(stmt, t.End); spells(stmt, t, "SAVEPOINT") && next.Kind != sqltext.EOF {
		t = next
	}
	return sqltext.Name(t.Text(stmt))
}

package sqltext

import "strings"

// maxSummary is the longest summary in bytes; the convention allows 255 characters.
const maxSummary = 255

// Summary returns what OpenTelemetry calls db.query.summary: each operation with its tables in the order
// of the text, such as "INSERT shipping_details SELECT orders". Names are as written; names of common
// tables count as tables. A CREATE, ALTER or DROP is named with its object, a PRAGMA with its name.
// Statements are separated by "; ". The summary ends before the first word that does not fit, and is empty
// when no statement starts with a verb of SQLite. It is valid UTF-8.
// https://opentelemetry.io/docs/specs/semconv/database/database-spans/#generating-a-summary-of-the-query
func Summary(sql string) string {
	s := summarizer{sql: sql}
	for s.step() {
	}
	return s.out.String()
}

// summarizer reads the tokens once and writes the words of a summary.
type summarizer struct {
	sql     string
	pos     int
	out     strings.Builder
	full    bool
	divided bool // a "; " is due before the next word

	b         boundary
	prev      keyword
	depth     int
	from      uint64 // bit d: a FROM list is open at depth d of parentheses; deeper than 63 shares the last bit
	wantTable bool   // a table or a parenthesis is next
}

// step takes one token and reports whether there may be more.
func (s *summarizer) step() bool {
	t := Next(s.sql, s.pos)
	if t.Kind == EOF || s.full {
		return false
	}
	s.pos = t.End
	kw := wordOf(s.sql, t)
	if s.b.next(kw, isOp(s.sql, t, ';')) {
		s.b, s.prev, s.depth, s.from, s.wantTable = boundary{}, 0, 0, 0, false
		s.divided = s.out.Len() > 0
		return true
	}
	switch s.b.verb {
	case kwSelect, kwValues, kwWith, kwInsert, kwReplace, kwUpdate, kwDelete:
		s.query(t, kw)
	case 0:
		if kw == kwExplain && s.b.tokens == 1 {
			s.word("EXPLAIN")
		}
	default:
		if s.b.tokens == s.b.verbAt+1 {
			s.command(kw)
		}
	}
	s.prev = kw
	return true
}

// command names a statement that neither reads nor writes rows, from its verb on.
func (s *summarizer) command(verb keyword) {
	switch verb {
	case kwBegin, kwCommit, kwEnd, kwRollback, kwSavepoint, kwRelease, kwAttach, kwDetach, kwVacuum:
		s.word(keywords[verb]) // names of savepoints and files would make the summaries many
	case kwPragma, kwAnalyze, kwReindex:
		s.word(keywords[verb])
		s.object(s.pos)
	case kwCreate, kwAlter, kwDrop:
		s.word(keywords[verb])
		s.schemaChange(s.pos)
	}
}

// schemaChange names the kind of object and the object, without TEMP, UNIQUE and IF NOT EXISTS.
func (s *summarizer) schemaChange(pos int) {
	for {
		t := Next(s.sql, pos)
		switch kw := wordOf(s.sql, t); kw {
		case kwTemp, kwTemporary, kwUnique, kwVirtual:
		case kwTable, kwIndex, kwView, kwTrigger:
			s.word(keywords[kw])
			s.object(s.afterIf(t.End))
			return
		default:
			return
		}
		pos = t.End
	}
}

// afterIf returns the end of IF [NOT] EXISTS at pos, or pos.
func (s *summarizer) afterIf(pos int) int {
	t := Next(s.sql, pos)
	if wordOf(s.sql, t) != kwIf {
		return pos
	}
	not := Next(s.sql, t.End)
	if wordOf(s.sql, not) == kwNot {
		not = Next(s.sql, not.End)
	}
	if wordOf(s.sql, not) == kwExists {
		return not.End
	}
	return pos // a table called "if"
}

// object writes the name at pos, if one is there.
func (s *summarizer) object(pos int) {
	if t := Next(s.sql, pos); isNameToken(t) {
		name, _ := s.qualified(t)
		s.word(name)
	}
}

// qualified returns the name that starts with t, with its schema, and its end.
func (s *summarizer) qualified(t Token) (name string, end int) {
	name, end = t.Text(s.sql), t.End
	dot := Next(s.sql, end)
	if !isOp(s.sql, dot, '.') {
		return name, end
	}
	table := Next(s.sql, dot.End)
	if !isNameToken(table) {
		return name, end
	}
	return name + "." + table.Text(s.sql), table.End
}

// word writes a word, unless it does not fit: then the summary is finished.
func (s *summarizer) word(text string) {
	separator := " "
	switch {
	case s.divided:
		separator = "; "
	case s.out.Len() == 0:
		separator = ""
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	if s.full = s.full || s.out.Len()+len(separator)+len(text) > maxSummary; s.full {
		return
	}
	s.out.WriteString(separator)
	s.out.WriteString(text)
	s.divided = false
}

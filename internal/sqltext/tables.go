package sqltext

// query handles a token of a statement that reads or writes rows.
func (s *summarizer) query(t Token, kw keyword) {
	switch {
	case s.wantTable && (kw == 0 || kw.is(nameable)) && isNameToken(t):
		s.wantTable = false
		name, end := s.qualified(t)
		s.word(name)
		s.pos = end
	case t.Kind == Op:
		s.punct(s.sql[t.Start])
	default:
		s.keyword(t, kw)
	}
}

func isNameToken(t Token) bool { return t.Kind == Word || t.Kind == Quoted || t.Kind == String }

// punct follows parentheses, and the commas of a FROM list. Parentheses there hold tables or a query.
func (s *summarizer) punct(op byte) {
	switch op {
	case '(':
		s.depth++
		s.setFrom(s.wantTable)
	case ')':
		s.setFrom(false)
		s.depth = max(s.depth-1, 0)
		s.wantTable = false
	case ',':
		s.wantTable = s.from&s.bit() != 0
	default:
		s.wantTable = false
	}
}

func (s *summarizer) bit() uint64 { return 1 << min(s.depth, 63) }

func (s *summarizer) setFrom(open bool) {
	s.from &^= s.bit()
	if open {
		s.from |= s.bit()
	}
}

// keyword handles a word outside of the place of a table.
func (s *summarizer) keyword(t Token, kw keyword) {
	s.wantTable = false
	switch kw {
	case kwSelect, kwValues:
		s.setFrom(false)
		if kw == kwSelect || s.b.tokens == s.b.verbAt+1 { // rows of an INSERT are no operation
			s.word(keywords[kw])
		}
	case kwInsert, kwDelete:
		s.word(keywords[kw])
	case kwReplace:
		if s.prev != kwOr && wordOf(s.sql, Next(s.sql, t.End)) == kwInto { // nor INSERT OR REPLACE, nor replace()
			s.word("REPLACE")
		}
	case kwUpdate:
		if s.prev != kwDo { // ON CONFLICT DO UPDATE
			s.word("UPDATE")
			s.wantTable = true
			s.skipConflict()
		}
	case kwFrom:
		if s.prev != kwDistinct { // IS DISTINCT FROM
			s.setFrom(true)
			s.wantTable = true
		}
	case kwJoin, kwInto:
		s.wantTable = true
	case kwWhere, kwGroup, kwOrder, kwHaving, kwLimit, kwWindow, kwSet, kwReturning, kwUnion, kwExcept, kwIntersect:
		s.setFrom(false)
	}
}

// skipConflict steps over the OR IGNORE that may stand between UPDATE and its table.
func (s *summarizer) skipConflict() {
	if or := Next(s.sql, s.pos); wordOf(s.sql, or) == kwOr {
		s.pos = Next(s.sql, or.End).End
	}
}

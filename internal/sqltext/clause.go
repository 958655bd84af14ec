package sqltext

// maxDepth is how many nested parentheses have a level of their own; deeper ones share the last. SQLite
// itself refuses expressions deeper than 1000 and most statements stay below 10.
const maxDepth = 64

// level is what is known of one depth of parentheses.
type level struct {
	clause clause
	role   role // of the word before the parenthesis
}

// clause is the part of a statement a literal stands in, as far as literals are treated differently there.
type clause uint8

const (
	inOther  clause = iota
	inResult        // SELECT, RETURNING
	inFrom
	inBy     // ORDER BY, GROUP BY, PARTITION BY
	inSet    // SET of an UPDATE
	inTarget // from INSERT INTO to VALUES or SELECT
	inNames  // list of columns: of an INSERT, of USING
	inType   // type of a CAST, target of ON CONFLICT: literals stay as they are
)

// role marks the words whose parentheses hold literals that are structure, and unary operators.
type role uint8

const (
	jsonPath   role = iota + 1 // json_extract and the like: an index on an expression has the same path
	likelihood                 // the planner reads its number, and it must be a literal
	castType                   // CAST
	unary                      // a sign or ~ before its operand
)

func (p *printer) level() *level { return &p.levels[min(p.depth, maxDepth-1)] }

// open starts the level of a "(" that is about to be printed.
func (p *printer) open() {
	outer := p.level().clause
	p.depth++
	l := p.level()
	*l = level{role: p.prev.role}
	switch {
	case outer == inType:
		l.clause = inType
	case outer == inTarget || p.prev.kw == kwUsing:
		l.clause = inNames
	}
}

// enter notes what the keyword about to be printed begins.
func (p *printer) enter(kw keyword) {
	l := p.level()
	if l.clause == inType {
		if kw == kwDo {
			l.clause = inOther
		}
		return
	}
	switch kw {
	case kwSelect, kwReturning:
		l.clause = inResult
	case kwFrom:
		if p.prev.kw != kwDistinct { // IS DISTINCT FROM
			l.clause = inFrom
		}
	case kwBy:
		if p.prev.kw != kwIndexed {
			l.clause = inBy
		}
	case kwSet:
		l.clause = inSet
	case kwInto:
		if p.b.verb != kwVacuum {
			l.clause = inTarget
		}
	case kwConflict:
		l.clause = inType
	case kwWhere, kwHaving, kwLimit, kwValues, kwDefault, kwWith, kwWindow:
		l.clause = inOther
	case kwAs:
		p.enterAs(l)
	}
}

// enterAs notes the type of a CAST, and the query of CREATE TABLE … AS, in which parameters may stand.
func (p *printer) enterAs(l *level) {
	switch {
	case l.role == castType:
		l.clause = inType
	case p.depth == 0 && p.b.verb == kwCreate && p.b.object == kwTable:
		p.verbatim = false
	}
}

// keepsLiterals reports whether SQLite takes literals but no parameters in statements of the verb.
func keepsLiterals(verb keyword) bool {
	switch verb {
	case kwCreate, kwAlter, kwDrop, kwPragma, kwAnalyze, kwReindex, kwSavepoint, kwRelease, kwRollback:
		return true
	}
	return false
}

package predicate

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/sqltext"
)

// nestingLimit bounds the depth of expressions and queries, as SQLite's own limit of 1000 does.
// https://sqlite.org/limits.html#max_expr_depth
const nestingLimit = 1000

// parser walks the tokens of one statement. The first error stops it.
type parser struct {
	sql    string
	tokens []sqltext.Token
	at     int
	depth  int
	err    error
	params map[string]int
	last   int // highest parameter number so far
	out    *Statement
}

func newParser(sql string) *parser {
	p := &parser{sql: sql, params: map[string]int{}, out: &Statement{Params: map[int]Param{}, Names: map[int]string{}, With: map[string][]*Block{}}}
	for pos := 0; ; {
		t := sqltext.Next(sql, pos)
		p.tokens = append(p.tokens, t)
		if t.Kind == sqltext.EOF {
			return p
		}
		pos = t.End
	}
}

func (p *parser) peek() sqltext.Token { return p.peekAt(0) }

func (p *parser) peekAt(n int) sqltext.Token { return p.tokens[min(p.at+n, len(p.tokens)-1)] }

func (p *parser) next() sqltext.Token {
	t := p.peek()
	if t.Kind == sqltext.EOF {
		p.fail("more text")
	} else {
		p.at++
	}
	return t
}

// word is the next token in upper case, as keywords and operators are compared.
func (p *parser) word() string {
	t := p.peek()
	if t.Kind != sqltext.Word && t.Kind != sqltext.Op {
		return ""
	}
	return strings.ToUpper(t.Text(p.sql))
}

func (p *parser) accept(word string) bool {
	if p.err != nil || p.word() != word {
		return false
	}
	p.at++
	return true
}

func (p *parser) expect(word string) {
	if !p.accept(word) {
		p.fail(word)
	}
}

func (p *parser) fail(wanted string) {
	if p.err == nil {
		t := p.peek()
		p.err = fmt.Errorf("at byte %d: %q where %s was expected", t.Start, t.Text(p.sql), wanted)
		p.at = len(p.tokens) - 1
	}
}

// since is the text from the byte start to the token read last.
func (p *parser) since(start int) string {
	if p.at == 0 || p.tokens[p.at-1].End < start {
		return ""
	}
	return p.sql[start:p.tokens[p.at-1].End]
}

// enter counts one level of nesting down.
func (p *parser) enter() bool {
	if p.depth++; p.depth > nestingLimit {
		p.fail("less nesting")
	}
	return p.err == nil
}

func (p *parser) leave() { p.depth-- }

// skipParens skips a balanced pair of parentheses, if one is next.
func (p *parser) skipParens() bool {
	if !p.accept("(") {
		return false
	}
	p.skipTo(")")
	p.expect(")")
	return true
}

// skipTo stops before word at this level of parentheses.
func (p *parser) skipTo(word string) {
	for depth := 0; p.err == nil; p.next() {
		switch w := p.word(); {
		case depth == 0 && w == word:
			return
		case w == "(":
			depth++
		case w == ")":
			depth--
		}
		if p.peek().Kind == sqltext.Param {
			p.param(p.peek().Text(p.sql))
		}
	}
}

// paramLimit is the highest parameter number of SQLite. https://sqlite.org/limits.html#max_variable_number
const paramLimit = 32766

// param numbers a parameter as SQLite does, except that $3 is number 3, to which the driver binds
// the third argument. https://sqlite.org/lang_expr.html#parameters
func (p *parser) param(text string) int {
	if text == "?" {
		return p.numbered(p.last + 1)
	}
	if n, err := strconv.Atoi(text[1:]); text[0] == '?' || text[0] == '$' && err == nil {
		return p.numbered(n) // out of bounds if err
	}
	n, known := p.params[text]
	if !known {
		n = p.numbered(p.last + 1)
		p.params[text], p.out.Names[n] = n, text[1:]
	}
	return n
}

func (p *parser) numbered(n int) int {
	if n < 1 || n > paramLimit {
		p.fail("a parameter number up to 32766")
		return 0
	}
	p.last = max(p.last, n)
	return n
}

package predicate

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// render writes a statement in short, for tables of tests: "verb target : block / block : parameters".
func render(s *Statement) string {
	head := strings.TrimSpace(s.Verb + " " + s.Target)
	for _, list := range [][]string{s.Columns, s.Set} {
		if len(list) > 0 {
			head += " (" + strings.Join(list, " ") + ")"
		}
	}
	if s.Conflict {
		head += " conflict"
	}
	var blocks []string
	for _, b := range s.Blocks {
		blocks = append(blocks, renderBlock(b))
	}
	text := head + " : " + strings.Join(blocks, " / ") + " :"
	for n := 1; n <= s.Count; n++ {
		text += " " + renderParam(n, s)
	}
	return text
}

func renderParam(n int, s *Statement) string {
	p, known := s.Params[n]
	name := ""
	if s.Names[n] != "" {
		name = s.Names[n] + ":"
	}
	if !known {
		return name + "?"
	}
	column := p.Column
	if p.Qualifier != "" {
		column = p.Qualifier + "." + column
	}
	return name + map[Use]string{UseEqual: "=", UseRange: "<", UseLike: "~", UseAssign: ":=", UseLimit: "limit", UseOffset: "offset"}[p.Use] + column
}

func renderBlock(b *Block) string {
	var parts, tables []string
	for _, t := range b.Tables {
		name := t.Name
		if t.Alias != t.Name {
			name += " " + t.Alias
		}
		if t.Outer {
			name += "+"
		}
		tables = append(tables, name)
	}
	parts = append(parts, strings.Join(tables, ","))
	add := func(word string, list []*Expr) {
		if len(list) > 0 {
			parts = append(parts, word+renderList(list, ", "))
		}
	}
	add("where ", b.Terms)
	add("group ", b.GroupBy)
	add("other ", b.Others)
	for _, o := range b.OrderBy {
		text := "by " + renderExpr(o.Expr)
		if o.Desc {
			text += "-"
		}
		if o.Nulls {
			text += " nulls"
		}
		parts = append(parts, text)
	}
	for word, set := range map[string]bool{"distinct": b.Distinct, "limit": b.Limit, "changes": b.Changes} {
		if set {
			parts = append(parts, word)
		}
	}
	slices.Sort(parts[1:])
	return strings.Join(parts, " ")
}

func renderList(list []*Expr, separator string) string {
	words := make([]string, len(list))
	for i, e := range list {
		words[i] = renderExpr(e)
	}
	return strings.Join(words, separator)
}

func renderExpr(e *Expr) string {
	not := ""
	if e.Negated {
		not = "!"
	}
	switch e.Op {
	case OpColumn:
		if e.Qualifier != "" {
			return e.Qualifier + "." + e.Name
		}
		return e.Name
	case OpLiteral:
		return e.Text
	case OpParam:
		return fmt.Sprintf("?%d", e.Param)
	case OpCall:
		return e.Name + "(" + renderList(e.Args, ",") + ")"
	case OpRow:
		return "(" + renderList(e.Args, ",") + ")"
	case OpQuery:
		return fmt.Sprintf("query%d", len(e.Blocks))
	case OpCollate:
		return renderExpr(e.Args[0]) + "@" + e.Name
	case OpIsNull:
		return not + "null(" + renderList(e.Args, ",") + ")"
	case OpNot:
		return "not(" + renderList(e.Args, ",") + ")"
	case OpIn:
		return not + renderExpr(e.Args[0]) + " in{" + renderList(e.Args[1:], ",") + "}"
	case OpBetween:
		return not + renderExpr(e.Args[0]) + " in[" + renderList(e.Args[1:], ",") + "]"
	}
	if len(e.Args) == 2 {
		return not + "(" + renderExpr(e.Args[0]) + " " + e.Name + " " + renderExpr(e.Args[1]) + ")"
	}
	return e.Name + "(" + renderList(e.Args, ",") + ")"
}

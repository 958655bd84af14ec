// Package plan reads the output of EXPLAIN QUERY PLAN.
//
// SQLite calls that output a debugging aid whose form may change between versions, so what is not
// understood is kept as text and means nothing. https://sqlite.org/eqp.html
package plan

import "strings"

// Row is one row of EXPLAIN QUERY PLAN as SQLite returns it.
type Row struct {
	ID, Parent int
	Detail     string
}

// Op is what one node of a plan does.
type Op uint8

// The operations that matter to advice.
const (
	Other     Op = iota
	Scan         // reads every row of a table or index
	Search       // seeks in a table or index
	TempBTree    // sorts or deduplicates into a temporary b-tree
)

// Node is one step of a plan.
type Node struct {
	Op        Op
	Table     string // as the plan names it: the alias if the query gave one
	Index     string // "" if the table itself is read
	Covering  bool   // the table itself is not read
	Automatic bool   // the index is built for this one execution
	Rowid     bool   // seeks by rowid or primary key
	Purpose   string // of a temporary b-tree: "ORDER BY", "GROUP BY", "DISTINCT" …
	Detail    string
	Depth     int
}

// Plan is a statement's plan in the order of execution.
type Plan []Node

// Program is a plan with a hash of the program that SQLite would run: equal programs run alike.
type Program struct {
	Plan
	Hash uint64
}

// Parse turns rows into a plan.
func Parse(rows []Row) Plan {
	depth := map[int]int{0: -1}
	var p Plan
	for _, r := range rows {
		depth[r.ID] = depth[r.Parent] + 1
		n := parseDetail(r.Detail)
		n.Depth = depth[r.ID]
		p = append(p, n)
	}
	return p
}

func parseDetail(detail string) Node {
	n := Node{Detail: detail}
	verb, rest, _ := strings.Cut(detail, " ")
	switch {
	case verb == "SCAN" && rest != "CONSTANT ROW" && !strings.HasSuffix(rest, "-ROW VALUES CLAUSE"):
		n.Op = Scan
	case verb == "SEARCH":
		n.Op = Search
	case strings.HasPrefix(detail, "USE TEMP B-TREE FOR "):
		n.Op, n.Purpose = TempBTree, strings.TrimPrefix(detail, "USE TEMP B-TREE FOR ")
		return n
	default:
		return n
	}
	rest = strings.TrimSuffix(rest, " LEFT-JOIN")
	at := strings.LastIndex(rest, " USING ")
	if at >= 0 && n.readUsing(rest[at+len(" USING "):]) {
		rest = rest[:at]
	} else {
		rest, _, _ = strings.Cut(rest, " VIRTUAL TABLE")
	}
	n.Table = strings.TrimSuffix(rest, " EXISTS")
	return n
}

// readUsing reads what follows USING: "[AUTOMATIC] [PARTIAL] [COVERING] INDEX name (terms)" or
// "[INTEGER] PRIMARY KEY (terms)". It is false for anything else, such as the rest of a name.
func (n *Node) readUsing(using string) bool {
	if strings.HasPrefix(strings.TrimPrefix(using, "INTEGER "), "PRIMARY KEY") {
		n.Rowid = true
		return true
	}
	rest, automatic := strings.CutPrefix(using, "AUTOMATIC ")
	rest, _ = strings.CutPrefix(rest, "PARTIAL ")
	rest, covering := strings.CutPrefix(rest, "COVERING ")
	name, ok := strings.CutPrefix(rest, "INDEX ")
	if !ok {
		return false
	}
	n.Automatic, n.Covering = automatic, covering
	if !automatic {
		n.Index = withoutTerms(name)
	}
	return true
}

// withoutTerms cuts the terms in parentheses, which may nest, off the name before them. The name
// may hold parentheses too.
func withoutTerms(name string) string {
	if !strings.HasSuffix(name, ")") {
		return name
	}
	open := 0
	for i := len(name) - 1; i > 0; i-- {
		switch name[i] {
		case ')':
			open++
		case '(':
			if open--; open == 0 && name[i-1] == ' ' {
				return name[:i-1]
			}
		}
	}
	return name
}

// Lines is the plan as text, two spaces of indent per level.
func (p Plan) Lines() []string {
	lines := make([]string, len(p))
	for i, n := range p {
		lines[i] = strings.Repeat("  ", n.Depth) + n.Detail
	}
	return lines
}

// String is the plan as one text, for comparison.
func (p Plan) String() string { return strings.Join(p.Lines(), "\n") }

// Uses says whether the plan reads the index called name.
func (p Plan) Uses(name string) bool {
	for _, n := range p {
		if n.Index != "" && strings.EqualFold(n.Index, name) {
			return true
		}
	}
	return false
}

// Wasteful says whether an index might help: the plan scans, builds an automatic index, or sorts.
func (p Plan) Wasteful() bool {
	for _, n := range p {
		if n.Op == Scan || n.Op == TempBTree || n.Automatic {
			return true
		}
	}
	return false
}

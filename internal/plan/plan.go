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
	case verb == "SCAN" && rest != "CONSTANT ROW":
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
	table, using, found := strings.Cut(rest, " USING ")
	if !found {
		n.Table, _, _ = strings.Cut(rest, " VIRTUAL TABLE")
		return n
	}
	n.Table = table
	n.readUsing(using)
	return n
}

// readUsing reads what follows USING: "[AUTOMATIC] [PARTIAL] [COVERING] INDEX name (terms)" or
// "INTEGER PRIMARY KEY (terms)".
func (n *Node) readUsing(using string) {
	head, name, found := strings.Cut(using, "INDEX ")
	if !found {
		n.Rowid = strings.HasPrefix(using, "INTEGER PRIMARY KEY") || strings.HasPrefix(using, "PRIMARY KEY")
		return
	}
	n.Automatic = strings.Contains(head, "AUTOMATIC")
	n.Covering = strings.Contains(head, "COVERING")
	if n.Automatic {
		return
	}
	n.Index, _, _ = strings.Cut(name, " (")
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

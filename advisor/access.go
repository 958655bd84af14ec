package advisor

import (
	"slices"
	"strconv"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/predicate"
	"github.com/sqliteperf/sqliteperf/internal/schema"
)

// tinyTable is the number of rows below which a scan is as good as a search: 100 rows of 100 bytes
// lie on three pages of 4 KiB.
const tinyTable = 100

// access is what one block asks of one table.
type access struct {
	table   *schema.Table
	equal   []schema.Key   // compared with values
	join    []schema.Key   // compared for equality with columns of other tables
	ranges  []schema.Key   // compared with < or >, or with a pattern
	order   []schema.Key   // ORDER BY, if all of it is this table's
	group   []schema.Key   // GROUP BY or DISTINCT, if all of it is this table's
	extreme []schema.Key   // min() or max() of
	fixed   []condition    // what the text demands, whatever the parameters
	used    []string       // every column the block reads of the table
	star    bool           // all columns are read
	bound   bool           // the statement has parameters
	spoken  map[string]int // how often each used column is named
}

// condition is a demand without parameters, which a partial index may rest on.
// https://sqlite.org/partialindex.html#queries_using_partial_indexes
type condition struct {
	text    string // as an index names its own columns
	key     string // the column or expression that it fixes to one value; "" for others
	columns string // what it compares with literals, as a list of expressions; "" if there are none
	equal   bool   // it compares for equality only
}

// reader collects accesses from a block and from the subqueries that SQLite may merge into it.
type reader struct {
	schema   *schema.Schema
	block    *predicate.Block
	accesses map[string]*access   // by alias, in lower case
	inner    map[string][]*reader // by alias of a subquery, common table expression or view
}

// accesses lists what the statement asks of each table worth an index.
func accesses(s *schema.Schema, st *predicate.Statement) []*access {
	var list []*access
	inside := map[*predicate.Block]bool{} // read already, as part of an outer block
	for _, b := range slices.Backward(st.Blocks) {
		if !inside[b] {
			list = append(list, readBlock(s, st, b, inside, 0).all()...)
		}
	}
	for _, a := range list {
		a.bound = st.Count > 0
	}
	return list
}

// viewDepth bounds how deep subqueries and views within each other are followed.
const viewDepth = 4

func readBlock(s *schema.Schema, st *predicate.Statement, b *predicate.Block, inside map[*predicate.Block]bool, depth int) *reader {
	inside[b] = true
	r := &reader{schema: s, block: b, accesses: map[string]*access{}, inner: map[string][]*reader{}}
	for _, ref := range b.Tables {
		alias := strings.ToLower(ref.Alias)
		if depth < viewDepth {
			for _, block := range r.blocksOf(st, ref) {
				r.inner[alias] = append(r.inner[alias], readBlock(s, st, block, inside, depth+1))
			}
		}
		t := s.Table(ref.Name)
		if t == nil || r.inner[alias] != nil || !t.Indexable() || t.Rows >= 0 && t.Rows < tinyTable {
			continue
		}
		r.accesses[alias] = &access{table: t, star: b.Changes, spoken: map[string]int{}}
	}
	for _, term := range b.Terms {
		r.term(term)
		r.condition(term)
	}
	r.sorting()
	for _, e := range b.Results {
		r.extreme(e)
	}
	b.Walk(r.use)
	return r
}

// blocksOf are the blocks that a table of FROM stands for: those of a subquery, a common table expression
// or a view.
func (r *reader) blocksOf(st *predicate.Statement, ref predicate.Table) []*predicate.Block {
	if ref.Name == "" {
		return ref.Blocks
	}
	if blocks, ok := st.With[strings.ToLower(ref.Name)]; ok {
		return blocks
	}
	if t := r.schema.Table(ref.Name); t != nil && t.View {
		return viewBlocks(r.schema, t.Name)
	}
	return nil
}

// viewBlocks reads the query of a view.
func viewBlocks(s *schema.Schema, name string) []*predicate.Block {
	for _, text := range s.Statements {
		at := strings.Index(strings.ToUpper(text), " AS ")
		if at < 0 || !strings.HasPrefix(strings.ToUpper(text), "CREATE VIEW") || !namesView(text[:at], name) {
			continue
		}
		if st, err := predicate.Read(text[at+len(" AS "):]); err == nil {
			return st.Blocks
		}
	}
	return nil
}

// namesView says whether the beginning of a CREATE VIEW names the view.
func namesView(head, name string) bool {
	words := strings.Fields(head)
	last := words[len(words)-1]
	return strings.EqualFold(strings.Trim(last, "\"`[]'"), name)
}

// all lists the accesses of the block and what is inside it.
func (r *reader) all() []*access {
	var list []*access
	for _, ref := range r.block.Tables {
		alias := strings.ToLower(ref.Alias)
		if a := r.accesses[alias]; a != nil {
			list = append(list, a)
			list = append(list, r.branches(a)...)
		}
		for _, in := range r.inner[alias] {
			list = append(list, in.all()...)
		}
	}
	return list
}

// column finds the accesses and the key that an expression names: a column, perhaps with a collation, or an
// expression over the columns of one table.
func (r *reader) column(e *predicate.Expr) (*access, schema.Key) {
	var collation string
	if e.Op == predicate.OpCollate {
		collation, e = e.Name, e.Args[0]
	}
	if e.Op != predicate.OpColumn {
		if a := r.owner(e); a != nil && indexable(e) {
			return a, schema.Key{Name: unqualified(e.Text), Expression: true, Collation: collation}
		}
		return nil, schema.Key{}
	}
	for _, ref := range r.block.Tables {
		alias := strings.ToLower(ref.Alias)
		if inner := r.inner[alias]; inner != nil {
			if a, k := innerColumn(inner, ref, e); a != nil {
				return a, k
			}
			continue
		}
		t, name := resolve(r.schema, []predicate.Table{ref}, e.Qualifier, e.Name)
		if t == nil {
			continue
		}
		a := r.accesses[alias]
		if a == nil || name == "rowid" || strings.EqualFold(name, t.RowidColumn) {
			return nil, schema.Key{}
		}
		return a, schema.Key{Name: name, Collation: plainCollation(collation)}
	}
	return nil, schema.Key{}
}

// plainCollation is a collation as an index names it: BINARY is what it has without.
func plainCollation(name string) string {
	if strings.EqualFold(name, "BINARY") {
		return ""
	}
	return name
}

// innerColumn finds what a column of a subquery stands for.
func innerColumn(inner []*reader, ref predicate.Table, e *predicate.Expr) (*access, schema.Key) {
	if e.Qualifier != "" && !strings.EqualFold(e.Qualifier, ref.Alias) {
		return nil, schema.Key{}
	}
	for _, in := range inner {
		for _, result := range in.block.Results {
			switch {
			case result.Op == predicate.OpColumn && result.Name == "*":
				if a, k := in.column(&predicate.Expr{Op: predicate.OpColumn, Name: e.Name, Text: e.Name}); a != nil {
					return a, k
				}
			case strings.EqualFold(result.Alias, e.Name), result.Alias == "" && result.Op == predicate.OpColumn && strings.EqualFold(result.Name, e.Name):
				return in.column(result)
			}
		}
	}
	return nil, schema.Key{}
}

// owner is the access of the one table whose columns e is made of, or nil.
func (r *reader) owner(e *predicate.Expr) (owner *access) {
	mixed := false
	e.Walk(func(e *predicate.Expr) {
		if e.Op != predicate.OpColumn {
			return
		}
		a := r.plainOwner(e)
		mixed = mixed || a == nil || owner != nil && a != owner
		owner = a
	})
	if mixed {
		return nil
	}
	return owner
}

// plainOwner is the access of the table of this block that a column belongs to, its rowid counting too.
func (r *reader) plainOwner(e *predicate.Expr) *access {
	for _, ref := range r.block.Tables {
		if t, _ := resolve(r.schema, []predicate.Table{ref}, e.Qualifier, e.Name); t != nil {
			return r.accesses[strings.ToLower(ref.Alias)]
		}
	}
	return nil
}

// local says whether e names a column of this block; outer references count as values.
func (r *reader) local(e *predicate.Expr) (found bool) {
	e.Walk(func(e *predicate.Expr) {
		if e.Op != predicate.OpColumn {
			return
		}
		if t, _ := resolve(r.schema, r.block.Tables, e.Qualifier, e.Name); t != nil {
			found = true
		}
		for _, ref := range r.block.Tables {
			if in := r.inner[strings.ToLower(ref.Alias)]; in != nil {
				a, _ := innerColumn(in, ref, e)
				found = found || a != nil
			}
		}
	})
	return found
}

// term sorts one demanded comparison into the accesses.
func (r *reader) term(e *predicate.Expr) {
	if e.Negated {
		return
	}
	switch e.Op {
	case predicate.OpEqual:
		r.compare(e.Args[0], e.Args[1], true)
		r.compare(e.Args[1], e.Args[0], true)
	case predicate.OpRange:
		r.compareRange(e)
	case predicate.OpIsNull, predicate.OpIn:
		if a, k := r.column(e.Args[0]); a != nil {
			a.equal = addKey(a.equal, k)
		}
	case predicate.OpBetween:
		if a, k := r.column(e.Args[0]); a != nil {
			a.ranges = addKey(a.ranges, k)
		}
	case predicate.OpLike:
		r.pattern(e)
	case predicate.OpAnd:
		r.term(e.Args[0])
		r.term(e.Args[1])
	}
}

// compareRange notes < and its like, also those of rows: (a, b) > (?, ?) is a range over a, then b.
func (r *reader) compareRange(e *predicate.Expr) {
	if left := e.Args[0]; left.Op == predicate.OpRow {
		if a, k := r.column(left.Args[0]); a != nil {
			a.ranges = addKey(a.ranges, k)
		}
		return
	}
	r.compare(e.Args[0], e.Args[1], false)
	r.compare(e.Args[1], e.Args[0], false)
}

// pattern notes a LIKE or GLOB: with a pattern that begins with letters it is a range, LIKE over an index
// that ignores case. https://sqlite.org/optoverview.html#the_like_optimization
func (r *reader) pattern(e *predicate.Expr) {
	if len(e.Args) < 2 || e.Args[0].Op != predicate.OpColumn {
		return
	}
	pattern := strings.TrimPrefix(e.Args[1].Text, "'")
	if e.Args[1].Op == predicate.OpLiteral && strings.ContainsAny(pattern[:min(1, len(pattern))], "%_*?[") {
		return
	}
	if a, k := r.column(e.Args[0]); a != nil && !k.Expression {
		if e.Name == "LIKE" {
			k.Collation = "NOCASE"
		}
		a.ranges = addKey(a.ranges, k)
	}
}

func (r *reader) compare(column, value *predicate.Expr, equal bool) {
	a, k := r.column(column)
	if value.Op == predicate.OpCollate && k.Collation == "" {
		k.Collation = plainCollation(value.Name) // either operand may name it
	}
	switch {
	case a == nil:
	case equal && r.local(value):
		if other, _ := r.column(value); other != a {
			a.join = addKey(a.join, k)
		}
	case equal:
		a.equal = addKey(a.equal, k)
	case !r.local(value):
		a.ranges = addKey(a.ranges, k)
	}
}

// condition notes a demand that holds whatever the parameters, if it is about one table.
func (r *reader) condition(e *predicate.Expr) {
	a := r.owner(e)
	if a == nil || !indexable(e) || e.Text == "" {
		return
	}
	c := condition{text: unqualified(e.Text)}
	c.columns, c.equal = comparedWithLiterals(e)
	if e.Op == predicate.OpOr {
		c.text = "(" + c.text + ")"
	}
	literal := e.Op == predicate.OpEqual && (isLiteral(e.Args[0]) || isLiteral(e.Args[1]))
	if !e.Negated && (e.Op == predicate.OpIsNull || literal) {
		for _, arg := range e.Args {
			if _, k := r.column(arg); k.Name != "" {
				c.key = k.Name
			}
		}
	}
	if !slices.Contains(a.fixed, c) {
		a.fixed = append(a.fixed, c)
	}
}

// comparedWithLiterals lists what e compares with literals: they may be constants of the application or
// values that it writes into its statements, see shaper.constant.
func comparedWithLiterals(e *predicate.Expr) (columns string, equal bool) {
	var list []string
	equal = true
	var walk func(e *predicate.Expr)
	walk = func(e *predicate.Expr) {
		switch e.Op {
		case predicate.OpIsNull:
			return
		case predicate.OpAnd, predicate.OpOr, predicate.OpNot:
			for _, arg := range e.Args {
				walk(arg)
			}
			return
		}
		equal = equal && (e.Op == predicate.OpEqual || e.Op == predicate.OpIn || e.Op == predicate.OpColumn) && !e.Negated
		literal := false
		for _, arg := range e.Args {
			literal = literal || isLiteral(arg)
		}
		for _, arg := range e.Args {
			if text := unqualified(arg.Text); literal && !isLiteral(arg) && !slices.Contains(list, text) {
				list = append(list, text)
			}
		}
	}
	walk(e)
	return strings.Join(list, ", "), equal
}

// isLiteral says whether e is a literal, perhaps with a collation.
func isLiteral(e *predicate.Expr) bool {
	for e.Op == predicate.OpCollate {
		e = e.Args[0]
	}
	return e.Op == predicate.OpLiteral
}

// branches are the accesses that a has in each branch of an OR: SQLite can search once per branch, with an
// index for each. https://sqlite.org/optoverview.html#or_optimizations
func (r *reader) branches(a *access) []*access {
	var list []*access
	for _, term := range r.block.Terms {
		if term.Op != predicate.OpOr {
			continue
		}
		for _, branch := range disjuncts(term) {
			copied := *a
			copied.order, copied.group, copied.extreme = nil, nil, nil
			alone := *r
			alone.accesses = map[string]*access{}
			for alias, other := range r.accesses {
				if other == a {
					alone.accesses[alias] = &copied
				}
			}
			alone.term(branch)
			if len(copied.equal)+len(copied.ranges) > len(a.equal)+len(a.ranges) {
				list = append(list, &copied)
			}
		}
	}
	return list
}

// disjuncts are the branches of an OR.
func disjuncts(e *predicate.Expr) []*predicate.Expr {
	if e.Op != predicate.OpOr {
		return []*predicate.Expr{e}
	}
	return append(disjuncts(e.Args[0]), disjuncts(e.Args[1])...)
}

// extreme notes min() and max(), which the end of an index answers.
// https://sqlite.org/optoverview.html#the_min_max_optimization
func (r *reader) extreme(e *predicate.Expr) {
	e.Walk(func(e *predicate.Expr) {
		if e.Op != predicate.OpCall || len(e.Args) != 1 || !strings.EqualFold(e.Name, "min") && !strings.EqualFold(e.Name, "max") {
			return
		}
		if a, k := r.column(e.Args[0]); a != nil {
			a.extreme = addKey(a.extreme, k)
		}
	})
}

// sorting notes the ORDER BY, GROUP BY and DISTINCT that one table alone decides.
func (r *reader) sorting() {
	var order, group []*predicate.Expr
	for _, o := range r.block.OrderBy {
		if o.Nulls {
			order = nil
			break
		}
		order = append(order, r.result(o.Expr))
	}
	for len(order) > 1 && r.isRowid(order[len(order)-1]) {
		order = order[:len(order)-1] // every index ends with the rowid
	}
	if a, keys := r.single(order); a != nil {
		for i := range keys {
			keys[i].Desc = r.block.OrderBy[i].Desc
		}
		a.order = normalize(keys)
	}
	named := r.block.GroupBy
	if len(named) == 0 && r.block.Distinct {
		named = r.block.Results
	}
	for _, e := range named {
		group = append(group, r.result(e))
	}
	if a, keys := r.single(group); a != nil {
		a.group = keys
	}
}

// isRowid says whether e names the rowid of a table.
func (r *reader) isRowid(e *predicate.Expr) bool {
	if e.Op != predicate.OpColumn {
		return false
	}
	t, name := resolve(r.schema, r.block.Tables, e.Qualifier, e.Name)
	return t != nil && t.IsRowid(name)
}

// result replaces the alias or number of a result column by what it stands for.
func (r *reader) result(e *predicate.Expr) *predicate.Expr {
	if e.Op == predicate.OpLiteral {
		if n, err := strconv.Atoi(e.Text); err == nil && n >= 1 && n <= len(r.block.Results) {
			return r.block.Results[n-1]
		}
	}
	if e.Op != predicate.OpColumn || e.Qualifier != "" {
		return e
	}
	for _, result := range r.block.Results {
		if result.Alias != "" && strings.EqualFold(result.Alias, e.Name) {
			return result
		}
	}
	return e
}

// single returns the keys if every expression is a column of one and the same table.
func (r *reader) single(list []*predicate.Expr) (*access, []schema.Key) {
	var owner *access
	var keys []schema.Key
	for _, e := range list {
		a, k := r.column(e)
		if a == nil || owner != nil && a != owner {
			return nil, nil
		}
		owner, keys = a, addKey(keys, k)
	}
	if len(keys) != len(list) {
		return nil, nil
	}
	return owner, keys
}

// normalize makes the first key ascending: an index is read backwards as well as forwards.
func normalize(keys []schema.Key) []schema.Key {
	if len(keys) > 0 && keys[0].Desc {
		for i := range keys {
			keys[i].Desc = !keys[i].Desc
		}
	}
	return keys
}

// use notes that the block reads a column.
func (r *reader) use(e *predicate.Expr) {
	if e.Op != predicate.OpColumn {
		return
	}
	if e.Name == "*" {
		for alias, a := range r.accesses {
			if e.Qualifier == "" || strings.EqualFold(e.Qualifier, alias) {
				a.star = true
			}
		}
		return
	}
	if a, k := r.column(e); a != nil {
		a.spoken[k.Name]++
		if !slices.Contains(a.used, k.Name) {
			a.used = append(a.used, k.Name)
		}
	}
}

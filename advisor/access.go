package advisor

import (
	"slices"
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
	if a, k := r.column(e); a != nil && !k.Expression { // an expression's columns are read where it stands
		a.spoken[k.Name]++
		if !slices.Contains(a.used, k.Name) {
			a.used = append(a.used, k.Name)
		}
	}
}

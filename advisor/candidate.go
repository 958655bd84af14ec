package advisor

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/predicate"
	"github.com/sqliteperf/sqliteperf/internal/schema"
)

// candidate is an index that might help.
type candidate struct {
	table *schema.Table
	keys  []schema.Key
}

// name is "sqliteperf_<table>_<columns>", at most 63 bytes, with a hash where that cuts or where
// names hold other characters than letters, digits and "_".
func (c candidate) name() string {
	words := []string{"sqliteperf", c.table.Name}
	for _, k := range c.keys {
		words = append(words, k.Name)
	}
	full := strings.Join(words, "_")
	plain := strings.Map(func(r rune) rune {
		if r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}, full)
	if plain == full && len(full) <= 63 && !c.desc() {
		return full
	}
	h := fnv.New32a()
	h.Write([]byte(c.sql("")))
	return fmt.Sprintf("%.54s_%08x", plain, h.Sum32())
}

func (c candidate) desc() bool {
	return slices.ContainsFunc(c.keys, func(k schema.Key) bool { return k.Desc })
}

// columns are the keys as pages show them.
func (c candidate) columns() []string {
	list := make([]string, len(c.keys))
	for i, k := range c.keys {
		list[i] = k.Name
		if k.Desc {
			list[i] += " DESC"
		}
	}
	return list
}

// sql is the statement that makes the index under a name.
func (c candidate) sql(name string) string {
	list := make([]string, len(c.keys))
	for i, k := range c.keys {
		list[i] = quoteName(k.Name)
		if k.Collation != "" {
			list[i] += " COLLATE " + quoteName(k.Collation)
		}
		if k.Desc {
			list[i] += " DESC"
		}
	}
	return fmt.Sprintf("CREATE INDEX %s ON %s(%s)", quoteName(name), quoteName(c.table.Name), strings.Join(list, ", "))
}

// prefixOf says whether other begins with c's keys and goes on.
func (c candidate) prefixOf(other candidate) bool {
	return c.table == other.table && len(c.keys) < len(other.keys) && slices.Equal(c.keys, other.keys[:len(c.keys)])
}

// exists says whether an index of the table already begins with c's keys.
func (c candidate) exists() bool {
	for _, ix := range c.table.Indexes {
		if ix.Partial || len(ix.Columns) < len(c.keys) {
			continue
		}
		same := slices.EqualFunc(c.keys, ix.Columns[:len(c.keys)], func(a, b schema.Key) bool {
			return !b.Expression && strings.EqualFold(a.Name, b.Name) && a.Desc == b.Desc &&
				strings.EqualFold(cmp.Or(a.Collation, "BINARY"), cmp.Or(b.Collation, "BINARY"))
		})
		if same {
			return true
		}
	}
	return false
}

// tinyTable is the number of rows below which a scan is as good as a search: 100 rows of 100 bytes
// lie on three pages of 4 KiB.
const tinyTable = 100

// access is what one block asks of one table.
type access struct {
	table  *schema.Table
	equal  []schema.Key // compared with values
	join   []schema.Key // compared for equality with columns of other tables
	ranges []schema.Key
	order  []schema.Key // ORDER BY, if all of it is this table's
	group  []schema.Key // GROUP BY or DISTINCT, if all of it is this table's
	used   []string     // every column the block reads of the table
	star   bool         // all columns are read
}

// reader collects accesses from a block.
type reader struct {
	schema   *schema.Schema
	block    *predicate.Block
	accesses map[string]*access // by alias, in lower case
}

// accesses lists what a block asks of each table worth an index.
func accesses(s *schema.Schema, b *predicate.Block) []*access {
	r := reader{schema: s, block: b, accesses: map[string]*access{}}
	var list []*access
	for _, ref := range b.Tables {
		t := s.Table(ref.Name)
		if t == nil || !t.Indexable() || t.Rows >= 0 && t.Rows < tinyTable {
			continue
		}
		a := &access{table: t, star: b.Changes}
		r.accesses[strings.ToLower(ref.Alias)] = a
		list = append(list, a)
	}
	for _, term := range b.Terms {
		r.term(term)
	}
	r.sorting()
	b.Walk(r.use)
	return list
}

// column finds the access and key that an expression names, or nil.
func (r *reader) column(e *predicate.Expr) (*access, schema.Key) {
	var collation string
	if e.Op == predicate.OpCollate {
		collation, e = e.Name, e.Args[0]
	}
	if e.Op != predicate.OpColumn {
		return nil, schema.Key{}
	}
	for _, ref := range r.block.Tables {
		t, name := resolve(r.schema, []predicate.Table{ref}, e.Qualifier, e.Name)
		if t == nil {
			continue
		}
		a := r.accesses[strings.ToLower(ref.Alias)]
		if a == nil || name == "rowid" || strings.EqualFold(name, t.RowidColumn) {
			return nil, schema.Key{}
		}
		return a, schema.Key{Name: name, Collation: collation}
	}
	return nil, schema.Key{}
}

// local says whether e names a column of this block; outer references count as values.
func (r *reader) local(e *predicate.Expr) (found bool) {
	e.Walk(func(e *predicate.Expr) {
		if e.Op == predicate.OpColumn {
			if t, _ := resolve(r.schema, r.block.Tables, e.Qualifier, e.Name); t != nil {
				found = true
			}
		}
	})
	return found
}

// term sorts one demanded comparison into the accesses. The branches of an OR count each: SQLite
// can search once per branch. https://sqlite.org/optoverview.html#or_optimizations
func (r *reader) term(e *predicate.Expr) {
	if e.Negated {
		return
	}
	switch e.Op {
	case predicate.OpEqual:
		r.compare(e.Args[0], e.Args[1], true)
		r.compare(e.Args[1], e.Args[0], true)
	case predicate.OpRange:
		r.compare(e.Args[0], e.Args[1], false)
		r.compare(e.Args[1], e.Args[0], false)
	case predicate.OpIsNull, predicate.OpIn:
		if a, k := r.column(e.Args[0]); a != nil {
			a.equal = addKey(a.equal, k)
		}
	case predicate.OpBetween:
		if a, k := r.column(e.Args[0]); a != nil {
			a.ranges = addKey(a.ranges, k)
		}
	case predicate.OpOr:
		r.term(e.Args[0])
		r.term(e.Args[1])
	}
}

func (r *reader) compare(column, value *predicate.Expr, equal bool) {
	a, k := r.column(column)
	if value.Op == predicate.OpCollate && k.Collation == "" {
		k.Collation = value.Name // either operand may name it
	}
	switch {
	case a == nil:
	case equal && r.local(value):
		if other, _ := r.column(value); other != a {
			a.join = addKey(a.join, k)
		}
	case equal:
		a.equal = addKey(a.equal, k)
	default:
		a.ranges = addKey(a.ranges, k)
	}
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
	if a, keys := r.single(order); a != nil {
		for i := range keys {
			keys[i].Desc = r.block.OrderBy[i].Desc
		}
		a.order = normalize(keys)
	}
	group = r.block.GroupBy
	if len(group) == 0 && r.block.Distinct {
		group = r.block.Results
	}
	for i := range group {
		group[i] = r.result(group[i])
	}
	if a, keys := r.single(group); a != nil {
		a.group = keys
	}
}

// result replaces the alias of a result column by what it stands for.
func (r *reader) result(e *predicate.Expr) *predicate.Expr {
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
	if a, k := r.column(e); a != nil && !slices.Contains(a.used, k.Name) {
		a.used = append(a.used, k.Name)
	}
}

// addKey appends k unless its column is there already.
func addKey(keys []schema.Key, k schema.Key) []schema.Key {
	if slices.ContainsFunc(keys, func(have schema.Key) bool { return have.Name == k.Name }) {
		return keys
	}
	return append(keys[:len(keys):len(keys)], k)
}

// addKeys appends each key whose column is not there already.
func addKeys(keys, more []schema.Key) []schema.Key {
	for _, k := range more {
		keys = addKey(keys, k)
	}
	return keys
}

// coveringColumns bounds the width of a covering index: each column more is copied into every
// index entry and costs every write.
const coveringColumns = 6

// candidates lists indexes for one access: an equality prefix, then a range or the order, as
// SQLite can use them, each also with the columns that make it covering.
// https://sqlite.org/optoverview.html#where_clause_analysis
func (a *access) candidates() []candidate {
	var shapes [][]schema.Key
	add := func(keys []schema.Key) {
		if len(keys) > 0 {
			shapes = append(shapes, keys)
		}
	}
	for _, prefix := range a.prefixes() {
		add(prefix)
		add(addKeys(prefix, a.order))
		add(addKeys(prefix, a.group))
		for _, k := range a.ranges {
			add(addKey(prefix, k))
		}
	}
	if len(a.prefixes()) == 0 {
		add(a.order)
		add(a.group)
		for _, k := range a.ranges {
			add([]schema.Key{k})
		}
	}
	for _, k := range a.equal { // each alone: the branches of an OR
		add([]schema.Key{k})
	}
	for _, keys := range slices.Clone(shapes) {
		add(a.covering(keys))
	}
	return a.distinct(shapes)
}

// prefixes are the sets of equalities that can be known when the table is reached: the values
// alone, or those and the columns joined to it.
func (a *access) prefixes() [][]schema.Key {
	var list [][]schema.Key
	if len(a.equal) > 0 {
		list = append(list, a.equal)
	}
	if len(a.join) > 0 {
		list = append(list, addKeys(a.join, a.equal), addKeys(a.equal, a.join))
		for _, k := range a.join {
			list = append(list, addKeys([]schema.Key{k}, a.equal))
		}
	}
	return list
}

// covering appends the other columns the block reads, or returns nil if they are too many.
func (a *access) covering(keys []schema.Key) []schema.Key {
	if a.star {
		return nil
	}
	for _, name := range a.used {
		keys = addKey(keys, schema.Key{Name: name})
	}
	if len(keys) > coveringColumns {
		return nil
	}
	return keys
}

func (a *access) distinct(shapes [][]schema.Key) []candidate {
	var list []candidate
	for _, keys := range shapes {
		c := candidate{table: a.table, keys: keys}
		same := func(other candidate) bool { return slices.Equal(other.keys, keys) }
		if !c.exists() && !slices.ContainsFunc(list, same) {
			list = append(list, c)
		}
	}
	return list
}

// quoteName quotes an identifier where SQLite needs it.
func quoteName(name string) string {
	if plainName(name) {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

package advisor

import (
	"cmp"
	"slices"

	"github.com/sqliteperf/sqliteperf/internal/schema"
)

// addKey appends k unless its column is there already.
func addKey(keys []schema.Key, k schema.Key) []schema.Key {
	if slices.ContainsFunc(keys, func(have schema.Key) bool { return have.Name == k.Name && have.Expression == k.Expression }) {
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

const (
	// coveringColumns bounds the width of a covering index: each column more is copied into every index
	// entry and costs every write.
	coveringColumns = 8

	// coveringWidth is the average width, in bytes, from which a column is too long to be copied into an
	// index for covering alone: 64 bytes a row double what an entry of three numbers takes several times.
	coveringWidth = 64

	// sparse is the share of NULLs from which an index that leaves them out is worth trying.
	sparse = 0.3

	// equalKeys bounds the columns compared for equality that one index begins with: rows that agree in four
	// columns are few.
	equalKeys = 4
)

// shaper makes candidates of accesses.
type shaper struct {
	distinct func(t *schema.Table, expressions string) int // values in the sample
	columns  map[*schema.Table]map[string]columnStat       // what is known of columns, by name
	asked    map[*schema.Table]map[string]float64          // how heavy the statements are that compare a column for equality
}

// columnStat is what a sample says of a column.
type columnStat struct {
	nulls float64 // share of rows
	width float64 // average bytes
}

// candidates lists indexes for one access: an equality prefix, then a range or the order, as SQLite can
// use them, each also with the columns that make it covering, and each over all rows or over those only that
// the statement asks for. https://sqlite.org/optoverview.html#where_clause_analysis
func (s *shaper) candidates(a *access) []candidate {
	var list []candidate
	for _, where := range s.restrictions(a) {
		for _, keys := range s.keys(a, where) {
			c := candidate{table: a.table, keys: keys, wide: len(keys) > 1 && s.covers(a, keys, where)}
			for _, w := range where {
				c.where = append(c.where, w.text)
			}
			if !c.exists() && !slices.ContainsFunc(list, c.same) {
				list = append(list, c)
			}
		}
	}
	return list
}

// restrictions are the conditions of partial indexes to try: none, each alone, all together.
func (s *shaper) restrictions(a *access) [][]condition {
	list := [][]condition{nil}
	fixed := slices.DeleteFunc(slices.Clone(a.fixed), func(c condition) bool { return !s.constant(a, c) })
	fixed = fixed[:min(len(fixed), 4)]
	for _, c := range fixed {
		list = append(list, []condition{c})
	}
	if len(fixed) > 1 {
		list = append(list, fixed)
	}
	for _, keys := range [][]schema.Key{a.equal, a.ranges} {
		for _, k := range keys {
			if stat := s.columns[a.table][k.Name]; !k.Expression && stat.nulls >= sparse && !fixes(fixed, k) {
				known := condition{text: quoteName(k.Name) + " IS NOT NULL"}
				list = append(list, []condition{known})
				if len(fixed) > 0 {
					list = append(list, append([]condition{known}, fixed...))
				}
			}
		}
	}
	return list
}

// constant says whether a condition is the application's own and not one value of many that it writes into its
// statements: it compares with NULL, or columns with each other, or what has few values. Other
// comparisons than for equality must stand beside parameters, as constants do.
func (s *shaper) constant(a *access, c condition) bool {
	return c.columns == "" || (c.equal || a.bound) && s.distinct(a.table, c.columns) <= enumerated
}

// enumerated is the most values that a column of kinds or states has.
const enumerated = 64

// fixes says whether one of the conditions leaves only one value of the key.
func fixes(conditions []condition, k schema.Key) bool {
	return slices.ContainsFunc(conditions, func(c condition) bool { return c.key != "" && c.key == k.Name })
}

// keys lists the columns of the indexes to try under a restriction.
func (s *shaper) keys(a *access, where []condition) [][]schema.Key {
	free := func(keys []schema.Key) []schema.Key {
		return slices.DeleteFunc(slices.Clone(keys), func(k schema.Key) bool { return fixes(where, k) })
	}
	equal, join := free(a.equal), free(a.join)
	var list [][]schema.Key
	add := func(keys []schema.Key) {
		if len(keys) > 0 && !slices.ContainsFunc(list, func(have []schema.Key) bool { return slices.Equal(have, keys) }) {
			list = append(list, keys)
		}
	}
	for _, prefix := range s.prefixes(a, equal, join, len(where) > 0) {
		whole := len(prefix) >= min(len(equal), equalKeys)
		for _, tail := range tails(a, where) {
			keys := addKeys(prefix, tail)
			add(keys)
			if whole || len(prefix) == 0 {
				add(s.covering(a, keys, where))
			}
		}
	}
	return list
}

// prefixes are the sets of equalities that can be known when the table is reached, each in the orders worth
// trying: what many statements ask for first, so that they can share the index; and what comes
// first in the text.
func (s *shaper) prefixes(a *access, equal, join []schema.Key, restricted bool) [][]schema.Key {
	shared := slices.Clone(equal)
	slices.SortStableFunc(shared, func(x, y schema.Key) int {
		return cmp.Compare(s.asked[a.table][y.Name], s.asked[a.table][x.Name])
	})
	shared = shared[:min(len(shared), equalKeys)]
	list := [][]schema.Key{nil, shared}
	for _, j := range join {
		list = append(list, addKeys([]schema.Key{j}, shared), addKey(shared, j), []schema.Key{j})
	}
	if len(join) > 1 {
		list = append(list, addKeys(join, shared), addKeys(shared, join))
	}
	for n := 1; n < len(shared) && !restricted; n++ {
		list = append(list, shared[:n])
	}
	for _, k := range shared {
		list = append(list, []schema.Key{k})
		if len(shared) == 2 || len(shared) == 3 && !restricted {
			list = append(list, addKeys([]schema.Key{k}, shared))
		}
	}
	return list
}

// tails are what may follow the equalities: nothing, a range, the order, a group or an extreme.
func tails(a *access, where []condition) [][]schema.Key {
	list := [][]schema.Key{nil}
	for _, k := range a.ranges {
		if !fixes(where, k) {
			list = append(list, []schema.Key{k})
		}
	}
	for _, sorted := range [][]schema.Key{a.order, a.group, a.extreme} {
		if len(sorted) == 0 {
			continue
		}
		list = append(list, sorted)
		for _, k := range a.ranges {
			list = append(list, addKey(sorted, k))
		}
	}
	return list
}

// covering appends the other columns the block reads, or returns nil if they are too many or too long.
func (s *shaper) covering(a *access, keys []schema.Key, where []condition) []schema.Key {
	if a.star {
		return nil
	}
	for _, name := range a.used {
		k := schema.Key{Name: name}
		if fixes(where, k) || within(keys, a, name) || ends(a.table, name) {
			continue
		}
		if s.columns[a.table][name].width > coveringWidth {
			return nil
		}
		keys = addKey(keys, k)
	}
	if len(keys) > coveringColumns {
		return nil
	}
	return keys
}

// covers says whether the block reads nothing of the table but the keys.
func (s *shaper) covers(a *access, keys []schema.Key, where []condition) bool {
	return !a.star && !slices.ContainsFunc(a.used, func(name string) bool {
		k := schema.Key{Name: name}
		return !fixes(where, k) && len(addKey(keys, k)) > len(keys) && !within(keys, a, name) && !ends(a.table, name)
	})
}

// ends says whether every index of the table ends with the column: it is of the key, and there is no rowid.
// https://sqlite.org/withoutrowid.html
func ends(t *schema.Table, name string) bool {
	c, ok := t.Column(name)
	return ok && t.WithoutRowid && c.PrimaryKey > 0
}

// within says whether the block names a column only inside an expression that is among the keys.
func within(keys []schema.Key, a *access, name string) bool {
	inside := 0
	for _, k := range keys {
		if k.Expression && mentions(k.Name, name) {
			inside++
		}
	}
	return inside > 0 && a.spoken[name] <= inside
}

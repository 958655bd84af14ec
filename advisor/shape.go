package advisor

import (
	"slices"

	"github.com/sqliteperf/sqliteperf/internal/schema"
)

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

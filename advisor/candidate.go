package advisor

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/schema"
)

// candidate is an index that might help.
type candidate struct {
	table *schema.Table
	keys  []schema.Key
	where []string // conditions of a partial index, joined by AND
	taken bool     // another index has the plain name
	wide  bool     // made to cover a statement
}

// name is "sqliteperf_<table>_<columns>", at most 63 bytes, with a hash where that cuts, where names
// hold other characters than letters, digits and "_", and where it does not tell the keys apart.
func (c candidate) name() string {
	words := []string{"sqliteperf", c.table.Name}
	for _, k := range c.keys {
		words = append(words, wordsOf(k)...)
	}
	full := strings.Join(words, "_")
	plain := strings.Map(func(r rune) rune {
		if r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}, full)
	if plain == full && len(full) <= 63 && !c.taken && !c.special() {
		return full
	}
	h := fnv.New32a()
	h.Write([]byte(c.sql("")))
	return fmt.Sprintf("%.54s_%08x", plain, h.Sum32())
}

// wordsOf are the words of a key: a column's name, or the names and numbers of an expression.
func wordsOf(k schema.Key) []string {
	if !k.Expression {
		return []string{k.Name}
	}
	return strings.FieldsFunc(k.Name, func(r rune) bool { return r < 0x80 && !nameByte(byte(r)) })
}

// special says whether a key has more to it than its column's name, or the index is partial.
func (c candidate) special() bool {
	return len(c.where) > 0 || slices.ContainsFunc(c.keys, func(k schema.Key) bool { return k.Desc || k.Expression || k.Collation != "" })
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
		list[i] = k.Name
		if !k.Expression {
			list[i] = quoteName(k.Name)
		}
		if k.Collation != "" {
			list[i] += " COLLATE " + quoteName(k.Collation)
		}
		if k.Desc {
			list[i] += " DESC"
		}
	}
	text := fmt.Sprintf("CREATE INDEX %s ON %s(%s)", quoteName(name), quoteName(c.table.Name), strings.Join(list, ", "))
	if len(c.where) > 0 {
		text += " WHERE " + strings.Join(c.where, " AND ")
	}
	return text
}

// same says whether the candidates are the same index.
func (c candidate) same(other candidate) bool {
	return c.table == other.table && slices.Equal(c.keys, other.keys) && slices.Equal(c.where, other.where)
}

// partial says whether the index leaves out rows.
func (c candidate) partial() bool { return len(c.where) > 0 }

// exists says whether an index of the table already begins with c's keys.
func (c candidate) exists() bool {
	for _, ix := range c.table.Indexes {
		if c.partial() || ix.Partial || len(ix.Columns) < len(c.keys) {
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

// quoteName quotes an identifier where SQLite needs it.
func quoteName(name string) string {
	if plainName(name) {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

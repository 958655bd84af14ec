package advisor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/schema"
)

// foreignKeyRules advise on indexes that no statement's text asks for.
var foreignKeyRules = []rule{unusedIndex{}, childIndex{}}

// childIndex is IX07: deleting a row of a parent, or changing its key, searches the child for rows that refer
// to it, and reads all of it where no index begins with the child's columns. A parent's delete took
// 7.1 ms without and 0.16 ms with the index (field measurement). https://sqlite.org/foreignkeys.html#fk_indexes
type childIndex struct{}

const codeChild = "IX07"

// childRows is from which size on a child table is worth an index: reading 1,000 rows takes some 50 µs, as
// much as the rest of a delete.
const childRows = 1000

func (childIndex) code() string { return codeChild }

func (childIndex) check(ctx context.Context, p *pass) ([]*Recommendation, error) {
	if p.live && p.pragmas["foreign_keys"] == "0" {
		return nil, nil // nothing is searched
	}
	var list []*Recommendation
	for _, t := range p.schema.Tables {
		if !t.Indexable() || t.Rows < childRows {
			continue
		}
		for _, f := range t.ForeignKeys {
			c, ok := childCandidate(t, f)
			same := func(r *Recommendation) bool { return r.Table == t.Name && slices.Equal(r.Columns, c.columns()) }
			if !ok || !p.deletes(f) || slices.ContainsFunc(list, same) {
				continue
			}
			r := recommendChild(p, c, f)
			if err := proveChild(ctx, p, c, r); err != nil {
				return list, err
			}
			list = append(list, r)
		}
	}
	return list, nil
}

// childCandidate is the index on a reference. ok is false where there is one already: one that begins with any of the
// columns narrows the search too.
func childCandidate(t *schema.Table, f schema.ForeignKey) (c candidate, ok bool) {
	c.table = t
	for _, name := range f.Columns {
		column, known := t.Column(name)
		if !known || t.IsRowid(name) {
			return c, false
		}
		c.keys = addKey(c.keys, schema.Key{Name: column.Name})
	}
	c.taken = slices.ContainsFunc(t.Indexes, func(ix *schema.Index) bool { return strings.EqualFold(ix.Name, c.name()) })
	return c, len(c.keys) > 0 && !slices.ContainsFunc(t.Indexes, func(ix *schema.Index) bool {
		return !ix.Partial && slices.ContainsFunc(c.keys, func(k schema.Key) bool { return strings.EqualFold(k.Name, ix.Columns[0].Name) })
	})
}

// deletes says whether parents are deleted, or their keys changed. Where no statement is known, they may be.
func (p *pass) deletes(f schema.ForeignKey) bool {
	if p.schema.Table(f.Parent) == nil {
		return false
	}
	if len(p.queries) == 0 {
		return p.traffic == nil
	}
	return slices.ContainsFunc(p.queries, func(q *query) bool {
		if !strings.EqualFold(q.read.Target, f.Parent) {
			return false
		}
		replaces := q.read.Verb == "REPLACE" || strings.HasPrefix(q.Fingerprint, "INSERT OR REPLACE")
		return q.read.Verb == "DELETE" || replaces || q.read.Verb == "UPDATE" && p.changesKey(f, q.read.Set)
	})
}

// changesKey says whether one of the columns assigned to is of the parent's key that f refers to.
func (p *pass) changesKey(f schema.ForeignKey, set []string) bool {
	parent := p.schema.Table(f.Parent)
	return slices.ContainsFunc(set, func(name string) bool {
		if len(f.Keys) == 0 {
			c, ok := parent.Column(name)
			return ok && c.PrimaryKey > 0
		}
		return slices.ContainsFunc(f.Keys, func(key string) bool { return strings.EqualFold(key, name) })
	})
}

func recommendChild(p *pass, c candidate, f schema.ForeignKey) *Recommendation {
	r := p.recommendation(codeChild, "index", c.table.Name, c.sql(""))
	r.Columns, r.index, r.subject = c.columns(), c.name(), describeTable(c.table)
	r.Title = fmt.Sprintf("Index %s(%s) for its foreign key", c.table.Name, strings.Join(r.Columns, ", "))
	r.Statements = []string{c.sql(c.name())}
	if p.schema.Analyzed && p.schema.Sampled {
		r.Statements = append(r.Statements, "ANALYZE "+quoteName(c.name()))
	}
	r.Undo = []string{"DROP INDEX IF EXISTS " + quoteName(c.name())}
	r.Applicable, r.Level = true, "warning"
	r.Why = fmt.Sprintf("Each row of %s that is deleted, or whose key changes, reads all of %s to find the rows that "+
		"refer to it.", f.Parent, c.table.Name)
	r.Risk = "Every write to " + c.table.Name + " must also change the index; building it holds the write lock once. " +
		"Without PRAGMA foreign_keys nothing is searched."
	r.Facts = append(r.Facts, Fact{Name: "rows of " + c.table.Name, Value: float64(c.table.Rows), Unit: "rows"})
	for _, q := range p.queries {
		if strings.EqualFold(q.read.Target, f.Parent) && q.read.Verb != "INSERT" {
			r.Digests = append(r.Digests, q.hex())
		}
	}
	return r
}

// withoutCovered leaves out the index for a foreign key where another that is advised begins with its columns.
func withoutCovered(list []*Recommendation) []*Recommendation {
	return slices.DeleteFunc(slices.Clone(list), func(r *Recommendation) bool {
		return r.Code == codeChild && slices.ContainsFunc(list, func(o *Recommendation) bool {
			return o.Type == "index" && o.Code != codeChild && o.Table == r.Table && (o.State == Proved || o.State == Proposed) &&
				len(o.Columns) >= len(r.Columns) && slices.Equal(o.Columns[:len(r.Columns)], r.Columns)
		})
	})
}

// within leaves out the indexes for foreign keys that the limits have no room for beside those of the set, which
// keeps to them.
func (l Limits) within(list []*Recommendation) []*Recommendation {
	indexes, bytes := 0, int64(0)
	for _, r := range list {
		if r.Type == "index" && r.Code != codeChild {
			indexes, bytes = indexes+len(r.indexes), bytes+r.bytes
		}
	}
	return slices.DeleteFunc(list, func(r *Recommendation) bool {
		if r.Code != codeChild || l == (Limits{}) {
			return false
		}
		indexes++
		if r.Evidence != nil {
			bytes += r.Evidence.Bytes
		}
		return l.Indexes > 0 && indexes > l.Indexes || l.Bytes > 0 && (r.Evidence == nil || bytes > l.Bytes)
	})
}

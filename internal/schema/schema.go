// Package schema describes a SQLite database as advice needs it: tables, columns, indexes and
// what ANALYZE has found out about them.
//
// A Schema is read once and not changed afterwards, so that it may be shared between goroutines.
package schema

import (
	"slices"
	"strings"
)

// Schema is the main schema of one database.
type Schema struct {
	Version    int64 // PRAGMA schema_version: changes with every DDL statement
	Tables     []*Table
	Statements []string // the SQL of every object, in the order of sqlite_schema
	Analyzed   bool     // sqlite_stat1 exists
	Sampled    bool     // sqlite_stat4 exists
}

// Table is an ordinary table, or a view or virtual table, for which no index can be made.
type Table struct {
	Name         string
	Columns      []Column
	Indexes      []*Index
	ForeignKeys  []ForeignKey
	View         bool
	Virtual      bool
	Shadow       bool // owned by a virtual table
	WithoutRowid bool
	RowidColumn  string // the INTEGER PRIMARY KEY column that is the rowid, or ""
	Rows         int64  // from sqlite_stat1, or counted up to a limit; -1 if unknown
}

// Column is one column of a table.
type Column struct {
	Name       string
	Type       string // as declared
	NotNull    bool
	PrimaryKey int // position in the primary key from 1; 0 outside it
	Hidden     bool
	Generated  bool // computed from others, so not among the values of an INSERT
}

// ForeignKey is a reference to another table.
type ForeignKey struct {
	Columns []string
	Parent  string
	Keys    []string // the parent's columns; nil if none are named, which means its primary key
}

// Index is one index of a table.
type Index struct {
	Name    string
	Table   string
	SQL     string // "" for the automatic index of a PRIMARY KEY or UNIQUE constraint
	Unique  bool
	Partial bool
	Origin  string // c: CREATE INDEX, u: UNIQUE constraint, pk: PRIMARY KEY
	Columns []Key
	Stat    []int64 // rows, then average rows per key prefix; nil before ANALYZE
}

// Key is one column of an index.
type Key struct {
	Name       string // "" for an expression
	Expression bool
	Desc       bool
	Collation  string // BINARY unless another
}

// equal compares names and collations as SQLite does, without regard to ASCII case.
func (k Key) equal(other Key) bool {
	return k.Expression == other.Expression && k.Desc == other.Desc &&
		strings.EqualFold(k.Name, other.Name) && strings.EqualFold(k.Collation, other.Collation)
}

// Table finds a table by name, without regard to ASCII case as SQLite does, or nil.
func (s *Schema) Table(name string) *Table {
	for _, t := range s.Tables {
		if strings.EqualFold(t.Name, name) {
			return t
		}
	}
	return nil
}

// Column finds a column by name without regard to case.
func (t *Table) Column(name string) (Column, bool) {
	for _, c := range t.Columns {
		if strings.EqualFold(c.Name, name) {
			return c, true
		}
	}
	return Column{}, false
}

// Inserted is the column that the value at place i, from 0, of an INSERT without names is for.
func (t *Table) Inserted(i int) (Column, bool) {
	for _, c := range t.Columns {
		if c.Generated || c.Hidden {
			continue
		}
		if i == 0 {
			return c, true
		}
		i--
	}
	return Column{}, false
}

// IsRowid says whether name means the table's rowid: one of SQLite's three words for it, unless a
// column bears it, or the INTEGER PRIMARY KEY. https://sqlite.org/lang_createtable.html#rowid
func (t *Table) IsRowid(name string) bool {
	if t.WithoutRowid {
		return false
	}
	if t.RowidColumn != "" && strings.EqualFold(name, t.RowidColumn) {
		return true
	}
	if _, taken := t.Column(name); taken {
		return false
	}
	return slices.ContainsFunc([]string{"rowid", "oid", "_rowid_"}, func(w string) bool {
		return strings.EqualFold(w, name)
	})
}

// Indexable says whether an index can be made on the table.
func (t *Table) Indexable() bool {
	return !t.View && !t.Virtual && !t.Shadow && !strings.HasPrefix(strings.ToLower(t.Name), "sqlite_")
}

// Selectivity estimates the fraction of rows kept by an equality on the first n columns of ix, in
// (0,1]. ok is false until ANALYZE has run. https://sqlite.org/fileformat2.html#stat1tab
func (ix *Index) Selectivity(n int) (frac float64, ok bool) {
	if n < 1 || n >= len(ix.Stat) || ix.Stat[0] <= 0 {
		return 0, false
	}
	return min(1, float64(ix.Stat[n])/float64(ix.Stat[0])), true
}

// Redundant says whether ix adds nothing to other: its columns begin other's, with the same
// collations and directions, and it enforces nothing. Neither may be partial or hold expressions,
// whose meaning is in their SQL. Of two equal indexes the later by name is the redundant one.
func (ix *Index) Redundant(other *Index) bool {
	if ix == other || ix.Origin != "c" || ix.Unique || ix.Partial || other.Partial {
		return false
	}
	if len(ix.Columns) > len(other.Columns) || !slices.EqualFunc(ix.Columns, other.Columns[:len(ix.Columns)], Key.equal) {
		return false
	}
	if slices.ContainsFunc(ix.Columns, func(k Key) bool { return k.Expression }) {
		return false
	}
	if len(ix.Columns) == len(other.Columns) && other.Origin == "c" && !other.Unique {
		return ix.Name > other.Name
	}
	return true
}

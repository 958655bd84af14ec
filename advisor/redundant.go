package advisor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/schema"
	"github.com/sqliteperf/sqliteperf/internal/sqltext"
)

// redundantIndex is IX05: an index whose columns begin those of another index of the table serves
// no search that the other does not serve, and every write pays for it. So does one that another is
// defined like word for word. An index that enforces uniqueness is never advised away, nor one that is
// partial or holds expressions, unless it is such a double.
type redundantIndex struct{}

const codeRedundant = "IX05"

func (redundantIndex) code() string { return codeRedundant }

func (redundantIndex) check(_ context.Context, p *pass) ([]*Recommendation, error) {
	var list []*Recommendation
	for _, t := range p.schema.Tables {
		for _, ix := range t.Indexes {
			if other := covers(t, ix); other != nil {
				r := dropIndex(p, codeRedundant, t, ix)
				r.Why = fmt.Sprintf("Its columns begin those of %s, which answers the same searches. Every write to %s changes both.", other.Name, t.Name)
				r.Risk = "Statements that name it with INDEXED BY fail without it; its narrower entries may be faster to scan."
				list = append(list, r)
			} else if ofRowid(t, ix) {
				r := dropIndex(p, codeRedundant, t, ix)
				r.Why = fmt.Sprintf("%s itself is ordered by %s, its rowid: a search for it needs no index. Every insert changes both.", t.Name, ix.Columns[0].Name)
				r.Risk = "Statements that name it with INDEXED BY fail without it; its narrow entries may be faster to count."
				list = append(list, r)
			}
		}
	}
	return list, nil
}

// ofRowid says whether an index that enforces nothing holds the rowid alone.
func ofRowid(t *schema.Table, ix *schema.Index) bool {
	return ix.Origin == "c" && !ix.Unique && !ix.Partial && len(ix.Columns) == 1 && !ix.Columns[0].Expression && t.IsRowid(ix.Columns[0].Name)
}

// covers finds an index that makes ix redundant, itself not redundant, or nil.
func covers(t *schema.Table, ix *schema.Index) *schema.Index {
	for _, other := range t.Indexes {
		if ix.Redundant(other) || doubles(ix, other) {
			return other
		}
	}
	return nil
}

// doubles says whether ix, which enforces nothing, is defined as other is but for its name. Of two such
// the later by name is the double.
func doubles(ix, other *schema.Index) bool {
	if ix == other || ix.Origin != "c" || other.Origin != "c" || ix.Unique {
		return false
	}
	a, b := definition(ix.SQL), definition(other.SQL)
	return len(a) > 0 && slices.Equal(a, b) && (other.Unique || ix.Name > other.Name)
}

// definition are the words of a CREATE INDEX from ON, names and keywords in lower case as SQLite compares them.
func definition(text string) []string {
	var words []string
	on := false
	for t := sqltext.Next(text, 0); t.Kind != sqltext.EOF; t = sqltext.Next(text, t.End) {
		word := t.Text(text)
		on = on || t.Kind == sqltext.Word && strings.EqualFold(word, "ON")
		if t.Kind == sqltext.Word || t.Kind == sqltext.Quoted {
			word = strings.ToLower(sqltext.Name(word))
		}
		if on {
			words = append(words, word)
		}
	}
	return words
}

// dropIndex starts advice to drop an index, with its CREATE as the way back.
func dropIndex(p *pass, code string, t *schema.Table, ix *schema.Index) *Recommendation {
	r := p.recommendation(code, "drop_index", t.Name, ix.Name)
	for _, k := range ix.Columns {
		r.Columns = append(r.Columns, k.Name)
	}
	r.index, r.subject, r.Applicable = ix.Name, describeTable(t), true
	r.Title = fmt.Sprintf("Drop index %s", ix.Name)
	r.Statements = []string{"DROP INDEX " + quoteName(ix.Name)}
	r.Undo = []string{ix.SQL}
	if len(ix.Stat) > 0 {
		r.Undo = append(r.Undo, "ANALYZE "+quoteName(ix.Name))
	}
	for _, q := range p.on(t.Name) {
		if q.plan.Uses(ix.Name) {
			r.Digests = append(r.Digests, q.hex())
		}
	}
	return r
}

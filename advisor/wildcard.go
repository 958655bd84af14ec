package advisor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/predicate"
	"github.com/sqliteperf/sqliteperf/internal/schema"
)

// leadingWildcard is QY01 too: no index serves a pattern that begins with a wildcard, so each call reads all rows. A
// full-text index of trigrams does for patterns of three letters and more. https://sqlite.org/fts5.html#the_trigram_tokenizer
type leadingWildcard struct{}

// wildcardRows is from which size on a second index of all texts is worth its room: reading 10,000 rows takes
// some half a millisecond.
const wildcardRows = 10_000

func (leadingWildcard) code() string { return "QY01" }

func (rule leadingWildcard) check(_ context.Context, p *pass) ([]*Recommendation, error) {
	var list []*Recommendation
	for _, q := range p.queries[:min(heaviest, len(p.queries))] {
		for _, b := range q.read.Blocks {
			if r := rule.advise(p, q, b); r != nil {
				list = append(list, r)
				break
			}
		}
	}
	return list, nil
}

func (rule leadingWildcard) advise(p *pass, q *query, b *predicate.Block) *Recommendation {
	for _, term := range b.Terms {
		if term.Op != predicate.OpLike || term.Negated || len(term.Args) != 2 || !q.floats(term.Args[1]) {
			continue
		}
		t, column := p.columnOf(b, term.Args[0])
		if t == nil || t.Rows < wildcardRows || t.RowidColumn == "" || !q.scans(t) || p.narrowed(b, t) {
			continue
		}
		r := queryAdvice(p, rule.code(), "wildcard", q)
		r.Table, r.Columns = t.Name, []string{column}
		r.Title = fmt.Sprintf("Search the text of %s.%s by a full-text index", t.Name, column)
		r.Why = "The pattern begins with a wildcard, so each call reads all rows: an index can be searched only by how a text begins."
		r.Manual = "Make the full-text index shown, keep it up to date by triggers, and ask it with MATCH and the text in " +
			"double quotes; or let the pattern begin with a letter, if that is what is meant."
		r.Risk = "MATCH finds what contains all the words or trigrams asked for: without regard to case, and nothing for " +
			"patterns of less than three letters. " +
			"The index takes about three times the room of the texts, and each write changes it."
		r.Rewrite = &Rewrite{Before: q.Fingerprint, After: trigrams(t, column)}
		r.Facts = append(r.Facts, Fact{Name: "rows read by each call", Value: float64(t.Rows), Unit: "rows"})
		return r
	}
	return nil
}

// narrowed says whether the block also asks for single values of a column of the table: then an index on that
// one is the remedy, and the pattern is left for a few rows.
func (p *pass) narrowed(b *predicate.Block, t *schema.Table) bool {
	return slices.ContainsFunc(b.Terms, func(term *predicate.Expr) bool {
		if term.Negated || term.Op != predicate.OpEqual && term.Op != predicate.OpIn {
			return false
		}
		of, _ := p.columnOf(b, term.Args[0])
		return of == t
	})
}

// floats says whether a pattern begins with a wildcard: a literal, or every value that was seen.
func (q *query) floats(pattern *predicate.Expr) bool {
	switch {
	case pattern.Op == predicate.OpLiteral:
		return beginsWild(strings.Trim(pattern.Text, "'"))
	case pattern.Op != predicate.OpParam || q.Source == fromColumns || len(q.calls) == 0:
		return false
	}
	for _, c := range q.calls {
		if pattern.Param > len(c.Args) {
			return false
		}
		if text, ok := plainValue(c.Args[pattern.Param-1]).(string); !ok || !beginsWild(text) {
			return false
		}
	}
	return true
}

func beginsWild(pattern string) bool {
	return len(pattern) > 1 && strings.ContainsAny(pattern[:1], "%_*?")
}

// trigrams writes the full-text index of a column, and how to ask it.
func trigrams(t *schema.Table, column string) string {
	index := quoteName(t.Name + "_" + column)
	return strings.NewReplacer("$INDEX", index, "$COLUMN", quoteName(column), "$TABLE", quoteName(t.Name), "$KEY", quoteName(t.RowidColumn),
		"$NAME", sqlString(t.Name), "$ROWID", sqlString(t.RowidColumn)).Replace(`CREATE VIRTUAL TABLE $INDEX USING fts5($COLUMN, content=$NAME, content_rowid=$ROWID, tokenize='trigram');
INSERT INTO $INDEX($INDEX) VALUES ('rebuild');
SELECT * FROM $TABLE WHERE $KEY IN (SELECT rowid FROM $INDEX WHERE $INDEX MATCH ?);
`)
}

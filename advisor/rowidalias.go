package advisor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/schema"
	"github.com/sqliteperf/sqliteperf/internal/sqltext"
)

// rowidAlias is SC01: only INTEGER PRIMARY KEY, spelt so, is the rowid. INT PRIMARY KEY and its like have an index
// of their own beside the table, which every insert changes and every search by key reads first.
// https://sqlite.org/lang_createtable.html#rowids_and_the_integer_primary_key
type rowidAlias struct{}

// rowidRows is from which size on that matters: below, table and index are a few pages.
const rowidRows = 1000

func (rowidAlias) code() string { return "SC01" }

func (rule rowidAlias) check(ctx context.Context, p *pass) ([]*Recommendation, error) {
	var list []*Recommendation
	for _, t := range p.schema.Tables {
		c, ix := integerKey(t)
		if ix == nil || t.Rows < rowidRows {
			continue
		}
		text := body(asInteger(p.createText(t), c.Name))
		whole, err := p.wholeNumbers(ctx, t, c.Name)
		if err != nil {
			return list, err
		}
		if text == "" || !whole {
			continue
		}
		r := p.recommendation(rule.code(), "schema", t.Name, c.Name)
		r.Columns, r.subject = []string{c.Name}, describeTable(t)
		r.Title = fmt.Sprintf("Declare %s.%s as INTEGER PRIMARY KEY", t.Name, c.Name)
		r.Why = fmt.Sprintf("%s is declared as %s, which is no alias of the rowid, so %s has a second b-tree for its key.", c.Name, c.Type, t.Name)
		r.Risk = migrationRisk + " An INTEGER PRIMARY KEY takes whole numbers only, and inserts without a value get the next one."
		r.Manual = "Run the migration while the application is stopped."
		r.Rewrite = &Rewrite{Before: p.createText(t), After: p.migration(t, text)}
		if err := p.factBytes(ctx, r, "bytes of the key's index", ix.Name); err != nil {
			return list, err
		}
		list = append(list, r)
	}
	return list, nil
}

// integerKey is the column of a primary key that looks like the rowid and is not, and its index.
func integerKey(t *schema.Table) (schema.Column, *schema.Index) {
	if !t.Indexable() || t.WithoutRowid || t.RowidColumn != "" {
		return schema.Column{}, nil
	}
	at := slices.IndexFunc(t.Indexes, func(ix *schema.Index) bool { return ix.Origin == "pk" && len(ix.Columns) == 1 && !ix.Columns[0].Desc })
	if at < 0 {
		return schema.Column{}, nil
	}
	c, ok := t.Column(t.Indexes[at].Columns[0].Name)
	// "INT" anywhere makes the affinity INTEGER. https://sqlite.org/datatype3.html#determination_of_column_affinity
	if !ok || !strings.Contains(strings.ToUpper(c.Type), "INT") || c.Generated {
		return schema.Column{}, nil
	}
	return c, t.Indexes[at]
}

// asInteger gives the column's declaration the type INTEGER, "" if its place is not certain.
func asInteger(text, column string) string {
	depth, at := 0, true // at the beginning of a declaration
	tokens := splitTokens(text)
	for i, t := range tokens {
		word := t.Text(text)
		switch {
		case t.Kind == sqltext.Op && word == "(":
			depth++
			at = depth == 1
			continue
		case t.Kind == sqltext.Op && word == ")":
			depth--
		case t.Kind == sqltext.Op && word == "," && depth == 1:
			at = true
			continue
		case depth == 1 && at && strings.EqualFold(sqltext.Name(word), column):
			return typedInteger(text, tokens[i+1:])
		}
		at = false
	}
	return ""
}

// afterType are the words and signs that may follow a column's type.
var afterType = strings.Fields("CONSTRAINT PRIMARY NOT NULL UNIQUE CHECK DEFAULT COLLATE REFERENCES GENERATED AS , )")

// typedInteger replaces the type that the tokens begin with: the words, and what stands in parentheses behind them, up to
// the first constraint.
func typedInteger(text string, tokens []sqltext.Token) string {
	end, depth := -1, 0
	for _, t := range tokens {
		word := strings.ToUpper(t.Text(text))
		if depth == 0 && slices.Contains(afterType, word) {
			break
		}
		switch word {
		case "(":
			depth++
		case ")":
			depth--
		}
		end = t.End
	}
	if end < 0 {
		return ""
	}
	return text[:tokens[0].Start] + "INTEGER" + text[end:]
}

// wholeNumbers says whether a column holds nothing else. Without a copy a sample tells.
func (p *pass) wholeNumbers(ctx context.Context, t *schema.Table, column string) (bool, error) {
	query := fmt.Sprintf("SELECT 1 FROM %s WHERE typeof(%s) <> 'integer' LIMIT 1", quoteName(t.Name), quoteName(column))
	if rows, ok, err := p.rowsBefore(ctx, query, 1); ok || err != nil {
		return len(rows) == 0, err
	}
	values, err := p.db.Values(ctx, t.Name, []string{column}, sampled)
	return len(values) > 0 && !slices.ContainsFunc(values, func(v []any) bool { _, number := v[0].(int64); return !number }), err
}

// factBytes adds how many bytes the pages of a table or an index take, where there is a copy to count on.
func (p *pass) factBytes(ctx context.Context, r *Recommendation, name string, objects ...string) error {
	copies, err := p.copies(ctx)
	if err != nil || copies == nil {
		return err
	}
	var sum int64
	for _, object := range objects {
		bytes, err := copies.Before().IndexBytes(ctx, object)
		if err != nil {
			return err
		}
		sum += bytes
	}
	r.Facts = append(r.Facts, Fact{Name: name, Value: float64(sum), Unit: "bytes"})
	return nil
}

package advisor

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/digest"
	"github.com/sqliteperf/sqliteperf/internal/schema"
	"github.com/sqliteperf/sqliteperf/internal/sqltext"
)

// explained are the queries of the workload and of what else was seen over the weeks, and the statements that could not
// be explained.
func (p *pass) explained(ctx context.Context, seen []*digest.Summary) (queries []*query, unknown []*digest.Summary, err error) {
	queries = slices.Clone(p.queries)
	for _, s := range seen {
		if slices.ContainsFunc(p.queries, func(q *query) bool { return q.Digest == s.Digest }) {
			continue
		}
		text := s.Statement.Fingerprint
		q, err := prepare(ctx, p.db, p.schema, Query{Digest: s.Digest, Fingerprint: text, Text: text, ReadOnly: s.Statement.ReadOnly})
		switch {
		case ctx.Err() != nil:
			return nil, nil, ctx.Err()
		case isFileError(err):
			return nil, nil, err
		case errors.Is(err, errNothingToAdvise):
		case err != nil:
			unknown = append(unknown, s)
		default:
			queries = append(queries, q)
		}
	}
	return queries, unknown, nil
}

// usedIndexes are the names, in lower case, of the indexes that any call of a statement is planned with:
// with STAT4 the plan depends on the values.
func (p *pass) usedIndexes(ctx context.Context, queries []*query) (map[string]bool, error) {
	used := map[string]bool{}
	for _, q := range queries {
		for _, c := range q.calls {
			plan, err := p.db.Explain(ctx, c.SQL, c.Args)
			if err != nil {
				return nil, err
			}
			for _, n := range plan {
				used[strings.ToLower(n.Index)] = true
			}
		}
	}
	return used, nil
}

// hidden says whether the table may be read by what no plan here shows: statements that could not be
// explained, and triggers.
func (p *pass) hidden(t *schema.Table, unknown []*digest.Summary) bool {
	views := []string{t.Name}
	for _, other := range p.schema.Tables {
		if other.View {
			views = append(views, other.Name)
		}
	}
	for _, text := range p.schema.Statements {
		if sqltextKind(text) == "TRIGGER" && names(text, t.Name) {
			return true
		}
	}
	return slices.ContainsFunc(unknown, func(s *digest.Summary) bool {
		return slices.ContainsFunc(views, func(name string) bool { return names(s.Statement.Fingerprint, name) })
	})
}

// sqltextKind is what a CREATE statement creates, in upper case.
func sqltextKind(text string) string {
	for t := sqltext.Next(text, 0); t.Kind == sqltext.Word; t = sqltext.Next(text, t.End) {
		switch word := strings.ToUpper(t.Text(text)); word {
		case "TABLE", "INDEX", "VIEW", "TRIGGER":
			return word
		}
	}
	return ""
}

// names says whether a text has name as a word, quoted or not.
func names(text, name string) bool {
	for t := sqltext.Next(text, 0); t.Kind != sqltext.EOF; t = sqltext.Next(text, t.End) {
		switch t.Kind {
		case sqltext.Word, sqltext.Quoted, sqltext.String:
			if strings.EqualFold(sqltext.Name(t.Text(text)), name) {
				return true
			}
		case sqltext.Bad:
			return true // whatever it is
		}
	}
	return false
}

// servesForeignKey says whether a search for the rows that refer to a parent could use the index.
func servesForeignKey(t *schema.Table, ix *schema.Index) bool {
	return slices.ContainsFunc(t.ForeignKeys, func(f schema.ForeignKey) bool {
		return slices.ContainsFunc(f.Columns, func(c string) bool { return strings.EqualFold(c, ix.Columns[0].Name) })
	})
}

package advisor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
	"github.com/sqliteperf/sqliteperf/internal/schema"
	"github.com/sqliteperf/sqliteperf/internal/sqltext"
)

// unusedIndex is IX06: no plan of any statement seen reads the index, and every write pays for it. Each row
// inserted changes 1.2 pages of the write-ahead log more per index (field measurement, random keys).
//
// What was not seen may use it, so the rule says nothing unless the traffic is known whole: a
// statement that was folded, or could not be explained and names the table, silences it. So do
// triggers on the table and foreign keys, whose searches are in no plan.
type unusedIndex struct{}

// unusedWindow is how long an index must have been idle: what runs monthly is missed, what runs weekly
// is seen twice.
const unusedWindow = 14 * 24 * time.Hour

const codeUnused = "IX06"

func (unusedIndex) code() string { return codeUnused }

func (unusedIndex) check(ctx context.Context, p *pass) ([]*Recommendation, error) {
	seen, ok := p.window()
	if !ok || seen < unusedWindow {
		return nil, nil
	}
	used, err := p.usedIndexes(ctx)
	if err != nil {
		return nil, err
	}
	var list []*Recommendation
	for _, t := range p.schema.Tables {
		if !t.Indexable() || t.Rows < tinyTable || p.hidden(t) {
			continue
		}
		for _, ix := range t.Indexes {
			if ix.Origin != "c" || ix.Unique || used[strings.ToLower(ix.Name)] || servesForeignKey(t, ix) || covers(t, ix) != nil {
				continue
			}
			list = append(list, dropUnused(p, t, ix, seen))
		}
	}
	return list, nil
}

func dropUnused(p *pass, t *schema.Table, ix *schema.Index, seen time.Duration) *Recommendation {
	r := dropIndex(p, codeUnused, t, ix)
	days := seen.Hours() / 24
	r.Why = fmt.Sprintf("No statement of the last %.0f days used it. Every write to %s changes it all the same.", days, t.Name)
	r.Risk = "Statements that run less often than that, or in another process, may need it; those that name it with INDEXED BY fail without it."
	var statements, writes float64
	for _, q := range p.on(t.Name) {
		if statements += q.Calls; strings.EqualFold(q.read.Target, t.Name) {
			writes += q.Calls
		}
	}
	r.Facts = append(r.Facts, Fact{Name: "observed", Value: days, Unit: "days"},
		Fact{Name: "calls on the table", Value: statements, Unit: "calls"}, Fact{Name: "of them writes", Value: writes, Unit: "calls"})
	return r
}

// window is how far back the traffic reaches that was really seen. ok is false where some of it is
// only known as a sum, or nothing is known.
func (p *pass) window() (seen time.Duration, ok bool) {
	if p.traffic == nil || len(p.traffic.statements) == 0 {
		return 0, false
	}
	first := capture.Now()
	for _, s := range p.traffic.statements {
		if s.Digest == digest.Other || s.Statement == nil {
			return 0, false
		}
		first = min(first, s.FirstSeen)
	}
	return min(capture.Since(first), p.traffic.window), true
}

// usedIndexes are the names, in lower case, of the indexes that any call of a statement is planned with:
// with STAT4 the plan depends on the values.
func (p *pass) usedIndexes(ctx context.Context) (map[string]bool, error) {
	used := map[string]bool{}
	for _, q := range p.queries {
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

// hidden says whether the table may be read by what no plan here shows: statements that could not be explained, and triggers.
func (p *pass) hidden(t *schema.Table) bool {
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
	for _, s := range p.traffic.statements {
		explained := slices.ContainsFunc(p.queries, func(q *query) bool { return q.Digest == s.Digest })
		if explained {
			continue
		}
		if slices.ContainsFunc(views, func(name string) bool { return names(s.Statement.Fingerprint, name) }) {
			return true
		}
	}
	return false
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

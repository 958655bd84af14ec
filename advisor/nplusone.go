package advisor

import (
	"context"
	"fmt"

	"github.com/sqliteperf/sqliteperf/internal/request"
)

// nPlusOne is QY08: a query for each row of another one. What it costs grows with the rows: each goes its own way through
// database/sql and SQLite's compiler, 5 to 20 µs besides its work. A list of keys, or a join, asks once. The forms are
// written from the two statements, and shown only if SQLite prepares them on this schema.
type nPlusOne struct{}

func (nPlusOne) code() string { return "QY08" }

func (rule nPlusOne) check(ctx context.Context, p *pass) ([]*Recommendation, error) {
	return p.each(request.NPlusOne, rule.code(), "query", func(r *Recommendation, f *request.Finding) {
		r.Title = fmt.Sprintf("Ask once for all rows on %s", onRoute(f))
		r.Why = fmt.Sprintf("One request ran the query %d times, once for a row of the query before it, and took %v for that.", f.Count, f.Sum)
		r.Manual = "Collect the keys of the rows first, and ask for all of them with IN, some hundred at a time; or join both queries."
		r.Facts = append(r.Facts, nPlusOneFacts(f)...)
		if f.Source != nil {
			r.Rewrite = p.asOne(ctx, f.Source.Fingerprint, f.Repeated.Fingerprint)
		}
		if r.Rewrite == nil {
			return
		}
		r.Manual += " A key without rows is missing from the answer instead of giving an empty one."
	})
}

// asOne shows how to ask once; nil if the statements cannot be written so.
func (p *pass) asOne(ctx context.Context, source, repeated string) *Rewrite {
	l := p.lookup(repeated, source)
	if l == nil {
		return nil
	}
	many, joined := l.many(), l.joined(source)
	after := ""
	if p.prepares(ctx, many) {
		after = many
	}
	if p.prepares(ctx, joined) {
		if after != "" {
			after += ";\n\n-- or both as one:\n"
		}
		after += joined
	}
	if after == "" {
		return nil
	}
	return &Rewrite{Before: source + ";\n-- and for each of its rows:\n" + repeated, After: after}
}

func nPlusOneFacts(f *request.Finding) []Fact {
	facts := []Fact{
		count("executions in one request", int64(f.Count), "calls"), took(f),
		count("rows of the query before", f.Rows, "rows"),
	}
	if f.Share > 0 {
		facts = append(facts, Fact{Name: "of the route's median", Value: f.Share, Unit: "of it"})
	}
	if f.Source != nil {
		facts = append(facts, Fact{Name: "the query before", Text: f.Source.Fingerprint})
	}
	if f.Repeated != nil {
		facts = append(facts, Fact{Name: "repeated", Text: f.Repeated.Fingerprint})
	}
	if f.Grows {
		facts = append(facts, Fact{Name: "rank correlation of rows and executions", Value: f.Growth, Unit: fmt.Sprintf("over %d requests", f.Samples)},
			count("most executions in one request", int64(f.Most), "calls"))
	}
	return facts
}

package advisor

import (
	"context"
	"fmt"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// inlined is QY02: values written into the text make each call another text, which is compiled anew and for which
// no kept statement fits: 8.2 µs instead of 4.9 for a search by key (field measurement). Values that users give
// are then an opening for injections too. https://sqlite.org/c3ref/bind_blob.html
type inlined struct{}

const (
	inlinedTexts = 100 // texts of one fingerprint: more than any list of constants in a program
	inlinedShare = 0.1 // least share of the calls that came with a new text
	inlinedTrace = 10  // different texts among the samples of a trace, which keeps few
)

func (inlined) code() string { return "QY02" }

func (rule inlined) check(_ context.Context, p *pass) ([]*Recommendation, error) {
	var list []*Recommendation
	for _, q := range p.queries {
		texts := p.texts(q)
		if texts == 0 {
			continue
		}
		r := queryAdvice(p, rule.code(), "inlined", q)
		r.Level = "warning"
		r.Title = "Bind the values instead of writing them into the text"
		r.Why = "The same statement comes in many texts that differ in their values only: each is compiled anew."
		r.Manual = "Give the values as arguments. A statement cache or db.Prepare then keeps the one statement there is."
		r.Risk = "The planner knows bound values only where statistics are sampled (STAT4), and never proves the condition " +
			"of a partial index by them: keep literals there."
		if p.traffic == nil {
			r.Level = "info"
			r.Risk += " A trace that was recorded with its values expanded looks the same."
		}
		r.Rewrite = &Rewrite{Before: "db.QueryContext(ctx, fmt.Sprintf(query, values...))",
			After: fmt.Sprintf("db.QueryContext(ctx, `%s`, values...)", strings.ReplaceAll(q.Fingerprint, "`", "\""))}
		r.Facts = append(r.Facts, Fact{Name: "texts seen", Value: float64(texts), Unit: "texts"})
		list = append(list, r)
	}
	return list, nil
}

// texts is how many texts a statement without parameters came in, 0 if too few to tell.
func (p *pass) texts(q *query) int {
	if !strings.Contains(q.Fingerprint, "?") || q.read.Count > 0 {
		return 0
	}
	if s := p.traffic.statement(q); s != nil {
		texts := p.traffic.texts[q.Digest]
		if s.Params != [capture.ClassesKept]capture.ClassSet{} || texts < inlinedTexts || float64(texts) < inlinedShare*float64(s.Calls) {
			return 0
		}
		return int(texts)
	}
	different := map[string]bool{}
	for _, sample := range q.Samples {
		if len(sample.Args) > 0 {
			return 0
		}
		different[sample.Text] = true
	}
	if len(different) < inlinedTrace {
		return 0
	}
	return len(different)
}

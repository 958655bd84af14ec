package advisor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/predicate"
	"github.com/sqliteperf/sqliteperf/internal/request"
)

// requestRules advise on what single requests were seen doing. Their evidence is what internal/request found.
var requestRules = []rule{
	nPlusOne{}, cycles{}, duplicates{}, parallelizable{}, slowQuery{}, bigResult{}, heldTransaction{}, poolWait{},
	chattyRoute{}, databaseShare{}, slowRoute{}, largePayload{}, repeatedCall{}, consecutiveCalls{}, lostContext{}, lateStatement{},
}

// inWords is the risk of advice that nobody can apply by a click.
const inWords = "None: advice in words, to be followed in the application's code."

// findings are those of one code in this database, the route with most requests first.
func (p *pass) findings(code request.Code) []*request.Finding {
	if p.traffic == nil {
		return nil
	}
	var list []*request.Finding
	for i := range p.traffic.findings {
		if f := &p.traffic.findings[i]; f.Code == code {
			list = append(list, f)
		}
	}
	slices.SortStableFunc(list, func(a, b *request.Finding) int { return int(int64(b.Requests) - int64(a.Requests)) })
	return list
}

// each makes advice of every finding of a code.
func (p *pass) each(code request.Code, rule, kind string, say func(r *Recommendation, f *request.Finding)) ([]*Recommendation, error) {
	var list []*Recommendation
	for _, f := range p.findings(code) {
		r := p.requestAdvice(rule, kind, f)
		say(r, f)
		r.Facts = append(r.Facts, commonFacts(f)...)
		list = append(list, r)
	}
	return list, nil
}

// requestAdvice starts advice on a route.
func (p *pass) requestAdvice(code, kind string, f *request.Finding) *Recommendation {
	subject := []string{f.Route}
	for _, s := range statementsOf(f) {
		subject = append(subject, Query{Digest: s.Digest}.hex())
	}
	subject = append(subject, f.Names...)
	if len(subject) == 1 && f.Site != nil {
		subject = append(subject, f.Site.Function)
	}
	r := p.recommendation(code, kind, "", strings.Join(subject, "\x00"))
	r.Level, r.Risk = f.Level.String(), inWords
	for _, s := range statementsOf(f) {
		r.Digests = append(r.Digests, Query{Digest: s.Digest}.hex())
	}
	if f.Repeated != nil {
		r.Table = firstTable(f.Repeated.Fingerprint)
	}
	if f.Route != "" {
		r.Facts = append(r.Facts, Fact{Name: "route", Text: f.Route})
	}
	return r
}

// statementsOf are what a finding is about, the repeated one first, each once.
func statementsOf(f *request.Finding) (list []*capture.Statement) {
	for _, s := range append([]*capture.Statement{f.Repeated}, f.Statements...) {
		if s != nil && !slices.ContainsFunc(list, func(have *capture.Statement) bool { return have.Digest == s.Digest }) {
			list = append(list, s)
		}
	}
	return list
}

// commonFacts are what every finding has.
func commonFacts(f *request.Finding) []Fact {
	var facts []Fact
	if f.Requests > 0 {
		facts = append(facts, count("requests that showed it", int64(f.Requests), "requests"))
	}
	if f.P50 > 0 {
		facts = append(facts, Fact{Name: "median of the route", Value: ms(f.P50), Unit: "ms"})
	}
	if f.Site != nil {
		facts = append(facts, Fact{Name: "called from", Text: fmt.Sprintf("%s %s", f.Site, f.Site.Function)})
	}
	if e := f.Example; e.ID != 0 {
		facts = append(facts, Fact{Name: "example", Value: ms(e.Total), Unit: "ms",
			Text: fmt.Sprintf("request %d at %s, status %d, %d statements", e.ID, e.Start.Time().UTC().Format(time.RFC3339), e.Status, e.Statements)})
	}
	return append(facts, Fact{Name: "first seen", Text: f.FirstSeen.Time().UTC().Format(time.RFC3339)},
		Fact{Name: "last seen", Text: f.LastSeen.Time().UTC().Format(time.RFC3339)})
}

// took is the fact of how long executions took in one request.
func took(f *request.Finding) Fact {
	return Fact{Name: "all of them together", Value: ms(f.Sum), Unit: "ms"}
}

// about shows what a finding is about as statements, one a line.
func about(list []*capture.Statement) string {
	lines := make([]string, len(list))
	for i, s := range list {
		lines[i] = s.Fingerprint
	}
	return strings.Join(lines, ";\n")
}

// onRoute names a route in a sentence.
func onRoute(f *request.Finding) string {
	if f.Route == "" {
		return "the application"
	}
	return f.Route
}

// firstTable is the first table that a statement names, "" if none can be read.
func firstTable(fingerprint string) string {
	read, err := predicate.Read(fingerprint)
	if err != nil {
		return ""
	}
	if read.Target != "" {
		return read.Target
	}
	for _, b := range read.Blocks {
		if len(b.Tables) > 0 && b.Tables[0].Name != "" {
			return b.Tables[0].Name
		}
	}
	return ""
}

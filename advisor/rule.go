package advisor

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/schema"
	"github.com/sqliteperf/sqliteperf/internal/sqltext"
)

// rule finds one kind of advice. Its code is stable.
type rule interface {
	code() string
	check(ctx context.Context, p *pass) ([]*Recommendation, error)
}

// rules are all rules, in the order in which they are asked.
var rules = slices.Concat(indexRules, foreignKeyRules, settingRules, transactionRules, statementRules, requestRules, schemaRules)

// indexRules advise on indexes.
var indexRules = []rule{missingIndex{}, redundantIndex{}}

// pass is what rules look at during one analysis.
type pass struct {
	name     string // of the database, for people
	db       database
	schema   *schema.Schema
	queries  []*query // by cost, the most expensive first
	pragmas  map[string]string
	live     bool     // pragmas are those of the application's connections
	traffic  *traffic // nil where only a file is looked at
	options  Options
	shadow   shadow    // nil before copies made it, and without proofs
	refused  bool      // there can be no shadow
	skipped  []Skipped // what to report besides
	forms    int       // new forms of statements compared so far
	renewed  *renewal  // nil before renew looked at the statistics
	rests    bool      // the indexes advised gain much less without statistics, which the database has not
	gathered bool      // both copies have statistics that the database has not
	report   func(phase, detail string, done float64)
}

// recommendation starts a recommendation of a rule on a subject, which makes its identity.
func (p *pass) recommendation(code, kind, table, subject string) *Recommendation {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s\x00%s\x00%s\x00%s", p.db.Path(), code, table, subject)
	now := time.Now().UTC()
	return &Recommendation{
		ID: fmt.Sprintf("%s-%012x", strings.ToLower(code), h.Sum64()>>16), Code: code, Type: kind,
		Component: "database", Database: p.name, File: p.db.Path(), Table: table, Columns: []string{},
		Level: "info", State: Proposed, Basis: "rule", Statements: []string{}, Undo: []string{},
		Digests: []string{}, Facts: []Fact{}, Created: now, Updated: now,
	}
}

// hashPlan identifies what would be done and on what, so that nobody applies what they did not see.
func hashPlan(r *Recommendation) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%q%q%s", r.Statements, r.Undo, r.subject)
	return fmt.Sprintf("%016x", h.Sum64())
}

// describeTable is everything about a table that a change to its indexes rests on.
func describeTable(t *schema.Table) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s%v", t.Name, t.Columns)
	for _, ix := range t.Indexes {
		fmt.Fprintf(&b, "|%s %s %v", ix.Name, ix.SQL, ix.Columns)
	}
	return b.String()
}

// on lists the queries that touch a table.
func (p *pass) on(table string) []*query {
	var list []*query
	for _, q := range p.queries {
		if touches(q, table) {
			list = append(list, q)
		}
	}
	return list
}

func touches(q *query, table string) bool {
	if strings.EqualFold(q.read.Target, table) {
		return true
	}
	for _, b := range q.read.Blocks {
		for _, t := range b.Tables {
			if strings.EqualFold(t.Name, table) {
				return true
			}
		}
	}
	return slices.ContainsFunc(q.plan.Lines(), func(line string) bool {
		return strings.HasSuffix(line, " "+table) || strings.Contains(line, " "+table+" ")
	})
}

// plainName says whether a name needs no quotes: a word that is no keyword.
func plainName(name string) bool {
	for i, r := range name {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != "" && !sqltext.IsKeyword(name)
}

// describe writes an error, or several joined, on one line.
func describe(err error) string {
	var lines []string
	for _, line := range strings.Split(err.Error(), "\n") {
		lines = append(lines, strings.TrimSpace(line))
	}
	return strings.Join(lines, "; ")
}

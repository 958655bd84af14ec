package advisor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/predicate"
	"github.com/sqliteperf/sqliteperf/internal/schema"
	"github.com/sqliteperf/sqliteperf/internal/sqltext"
	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// probe is a statement as the search for indexes sees it: something that is read, again and again. The search
// of an UPDATE or DELETE for its rows is read as a SELECT.
type probe struct {
	*query
	read     *predicate.Statement
	calls    []trial.Call
	weight   float64 // executions per call of the list
	accesses []*access
	tables   map[*schema.Table]bool
	every    bool // names tables that could not be found out: any index may matter

	guard bool // only watched: it shall not get slower

	mask     set // candidates on its tables
	useful   set // those that it might use
	planned  set // those that the planner was seen to use
	memo     map[set]measure
	programs []map[uint64]trial.Cost // by call
}

// callsSearched is how many calls of one statement the search measures: the proof replays more.
const callsSearched = 4

// probes makes the probes of a workload.
func probes(s *schema.Schema, queries []*query) []*probe {
	var list []*probe
	for _, q := range queries {
		if p := newProbe(s, q, spread(q.calls, callsSearched)); p != nil && len(p.accesses) > 0 {
			list = append(list, p)
		}
	}
	return list
}

func newProbe(s *schema.Schema, q *query, calls []trial.Call) *probe {
	p := &probe{query: q, read: q.read, calls: slices.Clone(calls), memo: map[set]measure{}, tables: map[*schema.Table]bool{}}
	if !q.ReadOnly && !p.searching() {
		return nil
	}
	p.weight = max(q.Calls, 1) / float64(len(p.calls))
	p.accesses = accesses(s, p.read)
	p.findTables(s)
	p.programs = make([]map[uint64]trial.Cost, len(p.calls))
	for i := range p.programs {
		p.programs[i] = map[uint64]trial.Cost{}
	}
	return p
}

// findTables notes the tables whose indexes may matter.
func (p *probe) findTables(s *schema.Schema) {
	for _, a := range p.accesses {
		p.tables[a.table] = true
	}
	for _, b := range p.read.Blocks {
		for _, ref := range b.Tables {
			t := s.Table(ref.Name)
			switch {
			case t == nil:
				p.every = p.every || ref.Name != "" && p.read.With[strings.ToLower(ref.Name)] == nil
			case t.View:
				p.every = true
			default:
				p.tables[t] = true
			}
		}
	}
}

// searching replaces a statement that writes by the SELECT of the rows that it would change or add. It is
// false if there is nothing to search.
func (p *probe) searching() bool {
	calls := make([]trial.Call, 0, len(p.calls))
	for _, c := range p.calls {
		text, read := searchOf(c.SQL)
		if read == nil {
			return false
		}
		p.read = read
		calls = append(calls, trial.Call{SQL: text, Args: c.Args})
	}
	p.calls = calls
	return true
}

// searchOf is the SELECT of the rows that an UPDATE or DELETE changes, with the parameters numbered as
// in the statement.
func searchOf(text string) (string, *predicate.Statement) {
	st, err := predicate.Read(numbered(text))
	if err != nil || len(st.Blocks) == 0 {
		return "", nil
	}
	if st.Verb == "INSERT" || st.Verb == "REPLACE" {
		return sourceOf(text)
	}
	b := st.Blocks[len(st.Blocks)-1]
	if !b.Changes || len(b.Terms) == 0 || len(st.With) > 0 {
		return "", nil
	}
	var tables, terms []string
	for _, ref := range b.Tables {
		if ref.Name == "" || ref.Outer {
			return "", nil
		}
		tables = append(tables, quoteName(ref.Name)+" AS "+quoteName(ref.Alias))
	}
	for _, term := range b.Terms {
		terms = append(terms, "("+term.Text+")")
	}
	search := fmt.Sprintf("SELECT %s.* FROM %s WHERE %s", quoteName(b.Tables[0].Alias), strings.Join(tables, ", "), strings.Join(terms, " AND "))
	read, err := predicate.Read(search)
	if err != nil {
		return "", nil
	}
	return search, read
}

// sourceOf is the SELECT whose rows an INSERT adds, if it ends with that.
func sourceOf(text string) (string, *predicate.Statement) {
	text, depth := numbered(text), 0
	for pos := 0; ; {
		t := sqltext.Next(text, pos)
		switch word := t.Text(text); {
		case t.Kind == sqltext.EOF:
			return "", nil
		case word == "(":
			depth++
		case word == ")":
			depth--
		case depth == 0 && t.Kind == sqltext.Word && strings.EqualFold(word, "SELECT"):
			read, err := predicate.Read(text[t.Start:])
			if err != nil || strings.HasPrefix(strings.ToUpper(text), "WITH") {
				return "", nil
			}
			return text[t.Start:], read
		}
		pos = t.End
	}
}

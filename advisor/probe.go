package advisor

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/plan"
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

	mask     set // candidates on its tables
	useful   set // those that it might use
	memo     map[set]measure
	programs []map[uint64]trial.Cost // by call
}

// measure is what a probe costs under a set of indexes: one execution of each of its calls.
type measure struct {
	cost  float64 // nanoseconds
	steps float64
	cut   bool // more than that
	used  set
}

// callsSearched is how many calls of one statement the search measures: the proof replays more.
const callsSearched = 4

// probes makes the probes of a workload.
func probes(s *schema.Schema, queries []*query) []*probe {
	var list []*probe
	for _, q := range queries {
		p := &probe{query: q, read: q.read, memo: map[set]measure{}, tables: map[*schema.Table]bool{}}
		p.calls = spread(q.calls, callsSearched)
		if !q.ReadOnly && !p.searching() {
			continue
		}
		p.weight = max(q.Calls, 1) / float64(len(p.calls))
		p.accesses = accesses(s, p.read)
		p.findTables(s)
		p.programs = make([]map[uint64]trial.Cost, len(p.calls))
		for i := range p.programs {
			p.programs[i] = map[uint64]trial.Cost{}
		}
		list = append(list, p)
	}
	return list
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

// searching replaces a statement that writes by the SELECT of the rows that it would change. It is
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

// numbered writes each "?" with its number.
func numbered(text string) string {
	var b strings.Builder
	last, from := 0, 0
	for pos := 0; ; {
		t := sqltext.Next(text, pos)
		if t.Kind == sqltext.EOF {
			break
		}
		pos = t.End
		if t.Kind != sqltext.Param {
			continue
		}
		word := t.Text(text)
		var n int
		switch _, err := fmt.Sscanf(word, "?%d", &n); {
		case word == "?":
			last++
			fmt.Fprintf(&b, "%s?%d", text[from:t.Start], last)
			from = t.End
		case err == nil:
			last = max(last, n)
		default:
			return text // named parameters keep their names
		}
	}
	return b.String() + text[from:]
}

// evaluator measures probes under sets of indexes that are built in a lab.
type evaluator struct {
	lab        lab
	probes     []*probe
	candidates []candidate
	onTable    map[*schema.Table]set
	built      map[int]int // number in the lab, by candidate
	candidate  map[int]int // the other way round
	runs       int         // for the report
	plans      int
}

const (
	// runBudget is the time for repeating one call, whose least time counts.
	runBudget = 3 * time.Millisecond
	runsMost  = 5

	// stepCost weighs a virtual machine instruction beside the time measured: it is the same each time, and a
	// statement runs 10 to 30 ns per instruction (measured over the statements of two benchmarks).
	stepCost = 10.0
)

// cost measures p under the indexes of s, with what was measured before for the same program.
func (e *evaluator) cost(ctx context.Context, p *probe, s set) (measure, error) {
	key := s
	if !p.every {
		key = s.and(p.mask)
	}
	if m, ok := p.memo[key]; ok {
		return m, nil
	}
	shown := key.list()
	for i, n := range shown {
		shown[i] = e.built[n]
	}
	e.lab.Show(shown)
	var m measure
	for i, call := range p.calls {
		prog, err := e.lab.Plan(call)
		if err != nil {
			return m, err
		}
		e.plans++
		for _, n := range e.lab.Uses(prog.Plan) {
			m.used = m.used.with(e.candidate[n])
		}
		c, err := e.run(ctx, p, i, prog)
		if err != nil {
			return m, err
		}
		m.cost += float64(c.CPU) + stepCost*float64(c.Steps)
		m.steps += float64(c.Steps)
		m.cut = m.cut || c.Cut
	}
	p.memo[key] = m
	return m, nil
}

// without is cost for s less one index. What a plan does not use, it does not miss.
func (e *evaluator) without(ctx context.Context, p *probe, s set, n int) (measure, error) {
	m, err := e.cost(ctx, p, s)
	if err != nil || !m.used.has(n) {
		return m, err
	}
	return e.cost(ctx, p, s.without(n))
}

// with is cost for s and more, which only matters to probes that might use it.
func (e *evaluator) with(ctx context.Context, p *probe, s, more set) (measure, error) {
	if p.useful.and(more).empty() {
		return e.cost(ctx, p, s)
	}
	return e.cost(ctx, p, s.or(more))
}

// run runs a call unless its program was run before. Programs that take much longer than the best known are cut.
func (e *evaluator) run(ctx context.Context, p *probe, i int, prog plan.Program) (trial.Cost, error) {
	if c, ok := p.programs[i][prog.Hash]; ok {
		return c, nil
	}
	limit := baseLimit
	for _, c := range p.programs[i] {
		if !c.Cut {
			limit = min(limit, max(c.CPU*8/5, 2*time.Millisecond))
		}
	}
	e.runs++
	c, err := e.lab.Run(ctx, p.calls[i], runsMost, runBudget, limit)
	if err != nil {
		return c, err
	}
	if c.Cut {
		c.CPU, c.Steps = 2*max(c.CPU, limit), 2*c.Steps
	}
	p.programs[i][prog.Hash] = c
	return c, nil
}

// baseLimit is when a statement is stopped of which no better plan is known: that it is slow is known then.
const baseLimit = 250 * time.Millisecond

// baseline measures the probes with no candidate. Of one that takes long, only half of the calls are kept.
func (e *evaluator) baseline(ctx context.Context) error {
	kept := e.probes[:0]
	for _, p := range e.probes {
		m, err := e.cost(ctx, p, set{})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			continue // it cannot be run here: what it needs is found out when it is prepared
		}
		p.query.cost = cmp.Or(p.query.cost, time.Duration(m.cost*p.weight))
		kept = append(kept, p)
	}
	e.probes = kept
	return nil
}

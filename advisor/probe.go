package advisor

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
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

	guard bool // only watched: it shall not get slower

	mask     set // candidates on its tables
	useful   set // those that it might use
	memo     map[set]measure
	programs []map[uint64]trial.Cost // by call
}

// measure is what a probe costs under a set of indexes: one execution of each of its calls.
type measure struct {
	cost  float64 // nanoseconds
	tally float64 // the same by what was counted alone
	steps float64
	cut   bool // more than that
	used  set
	each  []float64 // steps by call, of a guard
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
	ran        time.Duration               // of all runs
	speed      float64                     // of this machine, see gauge
	kept       func(*schema.Table) float64 // share of a table's rows in the lab; nil for all
	failed     []Skipped                   // probes that could not be run
}

const (
	// runBudget is the time for repeating one call, whose least time counts.
	runBudget = 3 * time.Millisecond
	runsMost  = 5

	// What a statement takes is told by what SQLite counts, the same each time: over 1,100 programs of two
	// workloads two thirds took between 0.77 and 1.26 times this many nanoseconds. Functions and sorts, which
	// are not counted, take longer.
	stepCost = 15
	pageCost = 200
	rowCost  = 40
	callCost = 5000
)

// price is what a call costs, in nanoseconds: what was counted says, and where the processor time measured says
// something else altogether, so many times that. Time alone varies by a tenth from run to run, and
// the same workload would get other advice each time.
func (e *evaluator) price(c trial.Cost) float64 {
	factor := e.factor(c)
	if usual(factor) {
		return tally(c)
	}
	return tally(c) * math.Exp2(math.Round(math.Log2(max(factor, 0.125))))
}

// factor is how many times longer a call takes than what was counted says.
func (e *evaluator) factor(c trial.Cost) float64 { return float64(c.CPU) / tally(c) / e.speed }

func usual(factor float64) bool { return factor > 0.4 && factor < 1.7 }

func tally(c trial.Cost) float64 {
	return stepCost*float64(c.Steps) + pageCost*float64(c.Pages) + rowCost*float64(c.Rows) + callCost
}

// grown is how many times more a call costs on the whole than on a sample: as many as there are more rows, but
// for a search that finds a few.
func (e *evaluator) grown(p *probe, c trial.Cost) float64 {
	if e.kept == nil || c.Steps < fewSteps {
		return 1
	}
	most := 1.0
	for t := range p.tables {
		most = max(most, 1/e.kept(t))
	}
	return most
}

// fewSteps is more than a search by key takes.
const fewSteps = 200

// gaugedLeast is how many programs the median of their times says something about the machine.
const gaugedLeast = 20

// gauge compares this machine, and what else runs on it, with the one that the constants are from.
func (e *evaluator) gauge() {
	var factors []float64
	for _, p := range e.probes {
		for _, programs := range p.programs {
			for _, c := range programs {
				if !c.Cut {
					factors = append(factors, float64(c.CPU)/tally(c))
				}
			}
		}
		clear(p.memo) // the programs are kept
	}
	if e.speed = 1; len(factors) >= gaugedLeast {
		slices.Sort(factors)
		e.speed = factors[len(factors)/2]
	}
}

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
		m.cost += e.price(c) * e.grown(p, c)
		m.tally += tally(c) * e.grown(p, c)
		m.steps += float64(c.Steps)
		if p.guard {
			m.each = append(m.each, float64(c.Steps))
		}
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
			limit = min(limit, max(2*c.CPU, 2*time.Millisecond))
		}
	}
	e.runs++
	c, err := e.lab.Run(ctx, p.calls[i], 1, 0, limit)
	if err == nil && !c.Cut && c.CPU < runBudget && !usual(e.factor(c)) { // that may be the first run's
		c, err = e.lab.Run(ctx, p.calls[i], runsMost, runBudget, limit)
	}
	if ctx.Err() != nil {
		return c, ctx.Err()
	}
	if err != nil {
		if len(p.programs[i]) == 0 {
			return c, err
		}
		c = trial.Cost{CPU: limit, Cut: true} // it fails under this plan alone
	}
	e.ran += c.CPU
	if c.Cut {
		c = p.worse(i, c, limit)
	}
	p.programs[i][prog.Hash] = c
	return c, nil
}

// worse is what a run that was cut counts as: twice what it had come to, and twice what the best run of the call
// took, of everything.
func (p *probe) worse(i int, c trial.Cost, limit time.Duration) trial.Cost {
	best := trial.Cost{CPU: max(c.CPU, limit), Steps: c.Steps, Pages: c.Pages, Rows: c.Rows, Cut: true}
	for _, other := range p.programs[i] {
		if !other.Cut {
			best.Steps, best.Pages, best.Rows = max(best.Steps, other.Steps), max(best.Pages, other.Pages), max(best.Rows, other.Rows)
			break
		}
	}
	return trial.Cost{CPU: 2 * best.CPU, Steps: 2 * best.Steps, Pages: 2 * best.Pages, Rows: best.Rows, Cut: true}
}

// baseLimit is when a statement is stopped of which no better plan is known: that it is slow is known then.
const baseLimit = 250 * time.Millisecond

// slowCall is the nanoseconds from which two calls of a statement are enough to search with.
const slowCall = 50e6

// baseline measures the probes with no candidate. Of one that takes long, only half of the calls are kept.
func (e *evaluator) baseline(ctx context.Context) error {
	kept := e.probes[:0]
	for _, p := range e.probes {
		m, err := e.cost(ctx, p, set{})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			e.failed = append(e.failed, Skipped{p.hex(), p.Fingerprint, "cannot be run: " + describe(err)})
			continue
		}
		p.query.cost = cmp.Or(p.query.cost, time.Duration(m.cost*p.weight))
		if m.cost > slowCall*float64(len(p.calls)) && len(p.calls) > 2 {
			p.weight *= float64(len(p.calls)) / 2
			p.calls = p.calls[:2]
		}
		kept = append(kept, p)
	}
	e.probes = kept
	return nil
}

// callsGuarded is how many calls of one statement are watched besides those that the search measures.
const callsGuarded = 8

// convert binds times as the application's driver does.
func (e *evaluator) convert(ctx context.Context, p *probe) (err error) {
	for i, c := range p.calls {
		if p.calls[i].Args, err = e.lab.Convert(ctx, c.Args); err != nil {
			return err
		}
	}
	return nil
}

// guards are the probes again with other values: what helps with some values and harms with others is no help.
func (e *evaluator) guards(ctx context.Context, db database, s *schema.Schema) ([]*probe, error) {
	var list []*probe
	for _, p := range e.probes {
		if p.query.read.Count == 0 {
			continue
		}
		calls := p.query.calls[min(len(p.query.calls), callsSearched):]
		if len(calls) == 0 {
			samples, err := draw(ctx, db, s, p.query.read, p.query.calls[0].SQL)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err != nil {
				continue
			}
			for i, sample := range samples {
				calls = append(calls, p.query.varied(p.query.calls[i%len(p.query.calls)], sample.Args))
			}
		}
		g := newProbe(s, p.query, spread(calls, min(callsGuarded, 2*len(p.calls))))
		if g == nil {
			continue
		}
		if err := e.convert(ctx, g); err != nil {
			return nil, err
		}
		g.guard, g.mask, g.useful, g.every = true, p.mask, p.useful, p.every
		list = append(list, g)
	}
	return list, nil
}

// varied is a call with drawn values in the place of those that are compared for equality; ranges, which belong
// together and to what is asked, and limits stay as they were.
func (q *query) varied(c trial.Call, drawn []any) trial.Call {
	args := slices.Clone(arguments(c.Args, q.read))
	for n, use := range q.read.Params {
		if use.Use != predicate.UseEqual || n > len(args) || n > len(drawn) || drawn[n-1] == nil {
			continue
		}
		if named, ok := args[n-1].(sql.NamedArg); ok {
			args[n-1] = sql.Named(named.Name, drawn[n-1])
		} else {
			args[n-1] = drawn[n-1]
		}
	}
	return trial.Call{SQL: c.SQL, Args: args, Writes: c.Writes}
}

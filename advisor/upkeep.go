package advisor

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/predicate"
	"github.com/sqliteperf/sqliteperf/internal/schema"
)

// entryCost is what one entry of an index costs a write, in nanoseconds, where it cannot be measured: 6–10 µs
// were measured for random keys.
const entryCost = 8e3

// upkeep measures what indexes cost the writes of a workload: INSERTs, and what finds its row by key, are run with
// an index and without, in transactions that are rolled back. Other UPDATEs and DELETEs, which an index may
// also help, are charged by the rows they change.
type upkeep struct {
	*evaluator
	writes []*writing
	costs  map[int]WriteCost // by candidate: of the write that pays most
	bare   float64           // nanoseconds that the writes take without any candidate, apart from searching
}

// writing is a statement of the workload that writes.
type writing struct {
	*query
	table *schema.Table
	rows  float64 // changed by one call
	each  float64 // nanoseconds one call takes with no candidate; 0 if it cannot be repeated
}

// writesRepeated is how often a batch of writes is run: the least time counts.
const writesRepeated = 3

func newUpkeep(ctx context.Context, e *evaluator, s *schema.Schema, queries []*query) (*upkeep, error) {
	u := &upkeep{evaluator: e, costs: map[int]WriteCost{}}
	for _, q := range queries {
		w := &writing{query: q, table: s.Table(q.read.Target), rows: 1}
		if q.ReadOnly || w.table == nil {
			continue
		}
		cost := entryCost
		if w.inserts() || !e.searches(q) {
			var err error
			if w.each, err = u.run(ctx, w, nil); err != nil {
				return nil, err
			}
			if w.each > 0 {
				cost = w.each
			}
		} else {
			w.rows = e.changed(q)
		}
		u.bare += max(q.Calls, 1) * w.rows * cost
		u.writes = append(u.writes, w)
	}
	return u, nil
}

func (w *writing) inserts() bool { return w.read.Verb == "INSERT" || w.read.Verb == "REPLACE" }

// run is the least time of one call under the indexes shown; 0 if none succeeds.
func (u *upkeep) run(ctx context.Context, w *writing, shown []int) (least float64, err error) {
	u.lab.Show(shown)
	for range writesRepeated {
		cpu, done, err := u.lab.Write(ctx, w.calls)
		if err != nil || done == 0 {
			return 0, err
		}
		if each := float64(cpu) / float64(done); least == 0 || each < least {
			least = each
		}
	}
	return least, nil
}

// of is what candidate n costs, in nanoseconds per unit of the workload.
func (u *upkeep) of(ctx context.Context, n int) (sum float64, err error) {
	c := u.candidates[n]
	u.costs[n] = WriteCost{Source: "none"}
	for _, w := range u.writes {
		var added float64
		switch {
		case w.table != c.table:
		case w.read.Verb == "UPDATE" && !touched(c, w.read):
		case w.each > 0:
			with, err := u.run(ctx, w, []int{u.built[n]})
			if err != nil {
				return 0, err
			}
			added = math.Exp2(math.Round(2*math.Log2(max(with-w.each, entryCost/8))) / 2) // see price
		case w.inserts(), w.read.Verb == "DELETE":
			added = w.rows * entryCost
		default:
			added = 2 * w.rows * entryCost // one entry out and one in
		}
		sum += max(w.Calls, 1) * added
		if u.costs[n].AddedUS < added/1e3 {
			bare := cmp.Or(w.each, w.rows*entryCost)
			u.costs[n] = WriteCost{Source: "captured", Statement: w.Fingerprint, BeforeUS: bare / 1e3, AfterUS: (bare + added) / 1e3, AddedUS: added / 1e3}
		}
	}
	return sum, nil
}

// dearest is the write of the workload that candidate n costs most.
func (u *upkeep) dearest(n int) WriteCost { return u.costs[n] }

// searches says whether an index might help a write to find its rows.
func (e *evaluator) searches(q *query) bool {
	return slices.ContainsFunc(e.probes, func(p *probe) bool { return p.query == q && !p.useful.empty() })
}

// changed is how many rows a call of q changes, as far as its search was measured.
func (e *evaluator) changed(q *query) float64 {
	for _, p := range e.probes {
		if p.query != q {
			continue
		}
		var rows float64
		for _, programs := range p.programs {
			for _, c := range programs {
				rows += float64(c.Rows)
				break
			}
		}
		return rows / float64(len(p.calls))
	}
	return 1
}

// touched says whether an UPDATE assigns to a column of the index.
func touched(c candidate, st *predicate.Statement) bool {
	return slices.ContainsFunc(st.Set, func(column string) bool {
		for _, k := range c.keys {
			if !k.Expression && strings.EqualFold(k.Name, column) || k.Expression && mentions(k.Name, column) {
				return true
			}
		}
		return slices.ContainsFunc(c.where, func(text string) bool { return mentions(text, column) })
	})
}

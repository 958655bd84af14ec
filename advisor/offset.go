package advisor

import (
	"context"
	"fmt"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/plan"
	"github.com/sqliteperf/sqliteperf/internal/predicate"
	"github.com/sqliteperf/sqliteperf/internal/schema"
	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// offsetPaging is QY06: OFFSET reads and throws away all rows before the page. A page that begins after the last row
// shown is found by the index: 29 µs instead of 1,795 at an offset of 50,000 (field measurement).
// https://sqlite.org/rowvalue.html#scrolling_window_queries
type offsetPaging struct{}

// offsetDeep is from which offset on it matters: 1,000 rows thrown away at 0.035 µs each cost more than the page.
const offsetDeep = 1000

func (offsetPaging) code() string { return "QY06" }

func (rule offsetPaging) check(ctx context.Context, p *pass) ([]*Recommendation, error) {
	var list []*Recommendation
	for _, q := range p.queries {
		pg := p.paging(numbered(q.Text))
		if pg == nil || !q.ReadOnly || pg.table.Rows >= 0 && pg.table.Rows < offsetDeep {
			continue
		}
		deepest, calls := p.deepCalls(q)
		if deepest < offsetDeep {
			continue
		}
		shown := p.paging(numbered(q.Fingerprint))
		if shown == nil {
			continue
		}
		form, err := p.keysetForm(ctx, &Rewrite{Before: q.Fingerprint, After: plainly(shown.keyset(shown.read.Count))}, calls)
		if err != nil {
			return list, err
		}
		holds, err := p.noNulls(ctx, pg.table, pg.columns...)
		if err != nil {
			return list, err
		}
		if !holds || !form.worth(form != nil && !sortsOrScans(form.plan)) {
			continue
		}
		r := queryAdvice(p, rule.code(), "offset", q)
		r.Table, r.Columns, r.Level = pg.table.Name, pg.columns, "warning"
		r.Title = "Begin a page after the last row of the one before"
		r.Why = fmt.Sprintf("OFFSET reads all rows before the page and throws them away: %d at the deepest seen.", deepest)
		r.Manual = fmt.Sprintf("Keep %s of the last row shown, and give them instead of the offset.", strings.Join(pg.columns, ", "))
		r.Risk = "There is no jump to a page by its number. A row whose key is NULL would be on no page. Rows equal in the " +
			"order are told apart by the key that was added, which the order did not say before."
		r.show(form)
		r.Facts = append(r.Facts, Fact{Name: "deepest offset", Value: float64(deepest), Unit: "rows"})
		list = append(list, r)
	}
	return list, nil
}

// sortsOrScans says whether a plan sorts or reads all rows, which no keyset helps.
func sortsOrScans(list plan.Plan) bool {
	for _, n := range list {
		if n.Op == plan.TempBTree || n.Op == plan.Scan && n.Index == "" {
			return true
		}
	}
	return false
}

// deepCalls are the calls that skip many rows, and the most that one of them skips.
func (p *pass) deepCalls(q *query) (deepest int64, calls []trial.Call) {
	if q.Source == fromColumns && q.read.Count > 0 {
		return 0, nil // the offsets drawn are none
	}
	for _, c := range q.calls {
		if n := p.offsetOf(c); n >= offsetDeep {
			deepest, calls = max(deepest, n), append(calls, c)
		}
	}
	return deepest, calls
}

// offsetOf is the offset of a call, 0 if it is no plain number.
func (p *pass) offsetOf(c trial.Call) (n int64) {
	pg := p.paging(numbered(c.SQL))
	if pg == nil {
		return 0
	}
	if _, err := fmt.Sscan(pg.offset, &n); err == nil {
		return n
	}
	for number, param := range pg.read.Params {
		if param.Use == predicate.UseOffset && number <= len(c.Args) {
			switch v := plainValue(c.Args[number-1]).(type) {
			case int64:
				return v
			case int:
				return int64(v)
			case float64: // as JSON has it
				return int64(v)
			}
		}
	}
	return 0
}

// keysetForm runs the calls with the key of the last row before their offsets: first against the statement with the
// same order, for the rows, then against it as it is, for the time.
func (p *pass) keysetForm(ctx context.Context, shown *Rewrite, calls []trial.Call) (*rewritten, error) {
	copies, err := p.copies(ctx)
	if err != nil {
		return nil, err
	}
	var reader rowReader
	if copies != nil {
		reader, _ = copies.Before().(rowReader)
	}
	var before, told, after []trial.Call
	for _, c := range calls {
		pg := p.paging(numbered(c.SQL))
		args := c.Args[:len(c.Args):len(c.Args)]
		key := make([]any, len(pg.keys))
		if reader != nil {
			rows, err := reader.Rows(ctx, pg.last(p.offsetOf(c)), c.Args, 1)
			if err != nil || len(rows) == 0 {
				continue // beyond the end
			}
			key = rows[0]
		}
		before, told = append(before, c), append(told, trial.Call{SQL: pg.told(), Args: c.Args})
		after = append(after, trial.Call{SQL: pg.keyset(len(c.Args)), Args: append(args, key...)})
	}
	if len(after) == 0 {
		return nil, ctx.Err()
	}
	same, err := p.compareForms(ctx, shown, told, after, false)
	if err != nil || same == nil || !same.compared {
		return same, err
	}
	checked := same.Checked
	form, err := p.compareForms(ctx, shown, before, after, true)
	if form != nil {
		form.Checked = form.Checked && checked
	}
	return form, err
}

// noNulls says whether columns can hold no NULL, or hold none.
func (p *pass) noNulls(ctx context.Context, t *schema.Table, columns ...string) (bool, error) {
	for _, name := range columns {
		if notNull(t, name) {
			continue
		}
		rows, ok, err := p.rowsBefore(ctx, fmt.Sprintf("SELECT 1 FROM %s WHERE %s IS NULL LIMIT 1", quoteName(t.Name), quoteName(name)), 1)
		if err != nil || !ok || len(rows) > 0 {
			return false, err
		}
	}
	return true, nil
}

package advisor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/predicate"
	"github.com/sqliteperf/sqliteperf/internal/schema"
)

var errNothingToAdvise = errors.New("reads and changes no table")

// volatileFunctions give another result on each call, so that rows cannot be compared.
var volatileFunctions = map[string]bool{
	"random": true, "randomblob": true, "changes": true, "total_changes": true, "last_insert_rowid": true,
}

// volatile reports the use of a function whose result no replay can repeat.
func volatile(s *predicate.Statement) (err error) {
	for _, b := range s.Blocks {
		b.Walk(func(e *predicate.Expr) {
			if e.Op == predicate.OpCall && volatileFunctions[strings.ToLower(e.Name)] {
				err = fmt.Errorf("cannot be replayed: %s() differs on each call", e.Name)
			}
		})
	}
	return err
}

// draw makes calls of a statement whose parameters were not kept, from values that the columns
// hold which the parameters are compared with or stored in. Values of one table come from one row of it,
// so that conditions that belong together fit together.
func draw(ctx context.Context, db database, s *schema.Schema, read *predicate.Statement, text string) ([]Sample, error) {
	samples := make([]Sample, 1)
	if read.Count > 0 {
		samples = make([]Sample, sampled)
	}
	for i := range samples {
		samples[i] = Sample{Text: text, Args: make([]any, read.Count)}
	}
	tables := map[*schema.Table]*drawing{}
	for n := 1; n <= read.Count; n++ {
		if err := place(s, read, n, samples, tables); err != nil {
			return nil, err
		}
	}
	for t, d := range tables {
		rows, err := db.Values(ctx, t.Name, d.columns, sampled)
		if err != nil {
			return nil, fmt.Errorf("draw values of %s: %w", t.Name, err)
		}
		d.fill(samples, rows)
	}
	return samples, nil
}

// drawing is what is to be drawn from one table: for each parameter, a column.
type drawing struct {
	columns []string
	params  []int
	uses    []predicate.Use
}

// place gives parameter n its values, or notes from which column to draw them.
func place(s *schema.Schema, read *predicate.Statement, n int, samples []Sample, tables map[*schema.Table]*drawing) error {
	p, known := read.Params[n]
	each := func(value func() any) {
		for i := range samples {
			samples[i].Args[n-1] = value()
		}
	}
	switch {
	case !known:
		return fmt.Errorf("cannot be replayed: no value is known for parameter %d", n)
	case p.Use == predicate.UseLimit:
		each(func() any { return int64(20) })
		return nil
	case p.Use == predicate.UseOffset:
		each(func() any { return int64(0) })
		return nil
	}
	t, column := resolve(s, p.Tables, p.Qualifier, p.Column)
	if t == nil || t.View || t.Virtual {
		return fmt.Errorf("cannot be replayed: parameter %d is compared with %s, which is no column of a table", n, p.Column)
	}
	if p.Use == predicate.UseAssign && (t.IsRowid(column) || unique(t, column)) {
		each(freshKey)
		return nil
	}
	if tables[t] == nil {
		tables[t] = &drawing{}
	}
	d := tables[t]
	d.columns, d.params, d.uses = append(d.columns, column), append(d.params, n), append(d.uses, p.Use)
	return nil
}

// fill puts drawn rows into the samples. A range with two ends on one column takes the second end from
// another row, the smaller value first, as it is usually written.
func (d *drawing) fill(samples []Sample, rows [][]any) {
	for i := range samples {
		if len(rows) == 0 {
			return // an empty table: NULL matches nothing either
		}
		row, other := rows[i%len(rows)], rows[(i+1)%len(rows)]
		for j, n := range d.params {
			v := row[j]
			switch first := d.firstEnd(j); {
			case d.uses[j] == predicate.UseLike:
				v = prefix(v)
			case first >= 0:
				low, high := row[first], other[j]
				if less(high, low) {
					low, high = high, low
				}
				samples[i].Args[d.params[first]-1], v = low, high
			}
			samples[i].Args[n-1] = v
		}
	}
}

// firstEnd is the place of an earlier end of a range on the same column as j, or -1.
func (d *drawing) firstEnd(j int) int {
	for k := range j {
		if d.uses[k] == predicate.UseRange && d.uses[j] == predicate.UseRange && d.columns[k] == d.columns[j] {
			return k
		}
	}
	return -1
}

// less compares two values of one column as SQLite does, as far as their types are alike.
func less(a, b any) bool {
	switch a := a.(type) {
	case int64:
		if b, ok := b.(int64); ok {
			return a < b
		}
	case float64:
		if b, ok := b.(float64); ok {
			return a < b
		}
	case string:
		if b, ok := b.(string); ok {
			return a < b
		}
	}
	return false
}

// freshKey is a value that no unique column is likely to hold.
func freshKey() any { return rand.Int64N(1<<50) + 1<<50 }

func unique(t *schema.Table, column string) bool {
	for _, ix := range t.Indexes {
		if ix.Unique && len(ix.Columns) == 1 && strings.EqualFold(ix.Columns[0].Name, column) {
			return true
		}
	}
	return false
}

// prefix turns a value into a pattern that matches what begins like it.
func prefix(v any) any {
	text := []rune(fmt.Sprint(v))
	return string(text[:min(len(text), 4)]) + "%"
}

// resolve finds the table and the proper name of a column among the tables of a block. A name of
// the form "#n" means the column at place n.
func resolve(s *schema.Schema, tables []predicate.Table, qualifier, column string) (*schema.Table, string) {
	for _, ref := range tables {
		if qualifier != "" && !strings.EqualFold(qualifier, ref.Alias) && !strings.EqualFold(qualifier, ref.Name) {
			continue
		}
		t := s.Table(ref.Name)
		if t == nil {
			continue
		}
		if place, ok := strings.CutPrefix(column, "#"); ok {
			if i, err := strconv.Atoi(place); err == nil {
				if c, ok := t.Inserted(i); ok {
					return t, c.Name
				}
			}
			continue
		}
		if c, ok := t.Column(column); ok {
			return t, c.Name
		}
		if t.IsRowid(column) {
			return t, "rowid"
		}
	}
	return nil, ""
}

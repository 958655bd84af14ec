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
// hold which the parameters are compared with or stored in.
func draw(ctx context.Context, db database, s *schema.Schema, read *predicate.Statement, text string) ([]Sample, error) {
	if read.Count == 0 {
		return []Sample{{Text: text}}, nil
	}
	samples := make([]Sample, sampled)
	for i := range samples {
		samples[i] = Sample{Text: text, Args: make([]any, read.Count)}
	}
	for n := 1; n <= read.Count; n++ {
		values, err := drawParam(ctx, db, s, read, n)
		if err != nil {
			return nil, err
		}
		for i := range samples {
			if len(values) > 0 {
				samples[i].Args[n-1] = values[i%len(values)]
			}
		}
	}
	return samples, nil
}

// drawParam finds values for parameter n.
func drawParam(ctx context.Context, db database, s *schema.Schema, read *predicate.Statement, n int) ([]any, error) {
	p, known := read.Params[n]
	switch {
	case !known:
		return nil, fmt.Errorf("cannot be replayed: no value is known for parameter %d", n)
	case p.Use == predicate.UseLimit:
		return []any{int64(20)}, nil
	case p.Use == predicate.UseOffset:
		return []any{int64(0)}, nil
	}
	t, column := resolve(s, p.Tables, p.Qualifier, p.Column)
	if t == nil || t.View || t.Virtual {
		return nil, fmt.Errorf("cannot be replayed: parameter %d is compared with %s, which is no column of a table", n, p.Column)
	}
	if p.Use == predicate.UseAssign && (t.IsRowid(column) || unique(t, column)) {
		return freshKeys(), nil
	}
	values, err := db.Values(ctx, t.Name, column, sampled)
	if err != nil {
		return nil, fmt.Errorf("draw values of %s.%s: %w", t.Name, column, err)
	}
	rand.Shuffle(len(values), func(i, j int) { values[i], values[j] = values[j], values[i] })
	if p.Use == predicate.UseLike {
		values = prefixes(values)
	}
	return values, nil
}

// freshKeys are values that no unique column is likely to hold.
func freshKeys() []any {
	keys := make([]any, sampled)
	for i := range keys {
		keys[i] = rand.Int64N(1<<50) + 1<<50
	}
	return keys
}

func unique(t *schema.Table, column string) bool {
	for _, ix := range t.Indexes {
		if ix.Unique && len(ix.Columns) == 1 && strings.EqualFold(ix.Columns[0].Name, column) {
			return true
		}
	}
	return false
}

// prefixes turns values into patterns that match what begins like them.
func prefixes(values []any) []any {
	for i, v := range values {
		text := []rune(fmt.Sprint(v))
		values[i] = string(text[:min(len(text), 4)]) + "%"
	}
	return values
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

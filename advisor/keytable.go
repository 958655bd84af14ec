package advisor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/predicate"
	"github.com/sqliteperf/sqliteperf/internal/schema"
	"github.com/sqliteperf/sqliteperf/internal/sqltext"
)

// keyTable is SC02: a table of nothing but its primary key, such as one of m:n relations, keeps each row twice, in
// the table and in the key's index. WITHOUT ROWID keeps it once: 8.5 MB became 3.3 MB (field measurement). Its
// other indexes grow, for they hold the key instead of the rowid, so it is built on the copy and
// measured. https://sqlite.org/withoutrowid.html#benefits_of_without_rowid_tables
type keyTable struct{}

const (
	keyTableRows  = 1000    // below, it is a few pages either way
	keyTableSaves = 0.2     // least share of bytes saved that is worth writing a table anew
	keyTableTrial = 2 << 20 // most rows to build a trial of: two seconds at a microsecond a row
)

func (keyTable) code() string { return "SC02" }

func (rule keyTable) check(ctx context.Context, p *pass) ([]*Recommendation, error) {
	var list []*Recommendation
	for _, t := range p.schema.Tables {
		key, ok := allKey(t)
		text := body(p.createText(t))
		if !ok || t.Rows < keyTableRows || text == "" || p.usesRowid(t) {
			continue
		}
		text = withoutRowid(text)
		before, after, err := p.trialKeyTable(ctx, t, text)
		if err != nil {
			return list, err
		}
		if before == 0 || float64(before-after) < keyTableSaves*float64(before) {
			continue
		}
		r := p.recommendation(rule.code(), "schema", t.Name, "without rowid")
		r.Columns, r.subject = key, describeTable(t)
		r.Title = "Make " + t.Name + " a WITHOUT ROWID table"
		r.Why = fmt.Sprintf("All columns of %s are its primary key, so each row is kept twice: in the table and in the key's index.", t.Name)
		r.Risk = migrationRisk + " There is no rowid afterwards: no last_insert_rowid, no incremental blobs, no update hooks."
		r.Manual, r.Basis = "Run the migration while the application is stopped.", "replay"
		r.Rewrite = &Rewrite{Before: p.createText(t), After: p.migration(t, text)}
		r.Facts = append(r.Facts, Fact{Name: "bytes with its indexes", Value: float64(before), Unit: "bytes"},
			Fact{Name: "as measured WITHOUT ROWID", Value: float64(after), Unit: "bytes"})
		list = append(list, r)
	}
	return list, nil
}

// allKey are the columns of a table that has no others than those of its primary key, two at least.
func allKey(t *schema.Table) (columns []string, ok bool) {
	if !t.Indexable() || t.WithoutRowid {
		return nil, false
	}
	for _, c := range t.Columns {
		if c.PrimaryKey == 0 {
			return nil, false
		}
		columns = append(columns, c.Name)
	}
	return columns, len(columns) >= 2 && slices.ContainsFunc(t.Indexes, func(ix *schema.Index) bool { return ix.Origin == "pk" })
}

// usesRowid says whether a statement of the workload names the table's rowid.
func (p *pass) usesRowid(t *schema.Table) bool {
	return slices.ContainsFunc(p.on(t.Name), func(q *query) (uses bool) {
		for _, b := range q.read.Blocks {
			b.Walk(func(e *predicate.Expr) { uses = uses || e.Op == predicate.OpColumn && t.IsRowid(e.Name) })
		}
		return uses
	})
}

// withoutRowid adds the words to the body of a CREATE TABLE, before or after STRICT.
func withoutRowid(body string) string {
	tokens := splitTokens(body)
	if last := tokens[len(tokens)-1]; last.Text(body) == ")" {
		return body[:last.End] + " WITHOUT ROWID" + body[last.End:]
	} else if last.Kind == sqltext.Word {
		return body[:last.End] + ", WITHOUT ROWID" + body[last.End:]
	}
	return body
}

// trialKeyTable builds the table so on the copy, with its plain indexes, and drops it again. It is 0 where
// it could not: a key may hold NULL only with a rowid.
func (p *pass) trialKeyTable(ctx context.Context, t *schema.Table, body string) (before, after int64, err error) {
	copies, err := p.copies(ctx)
	if err != nil || copies == nil || t.Rows > keyTableTrial {
		return 0, 0, err
	}
	const scratch = "sqliteperf_trial"
	objects, built := []string{t.Name}, []string{scratch}
	steps := []string{
		"CREATE TABLE " + scratch + body, fmt.Sprintf("INSERT INTO %s SELECT * FROM %s ORDER BY %s", scratch, quoteName(t.Name), keyOrder(t)),
	}
	for i, ix := range t.Indexes {
		switch c := (candidate{table: &schema.Table{Name: scratch}, keys: ix.Columns}); {
		case ix.Origin == "pk":
			objects = append(objects, ix.Name)
		case ix.Origin == "c" && (ix.Partial || slices.ContainsFunc(ix.Columns, func(k schema.Key) bool { return k.Expression })):
			return 0, 0, nil
		case ix.Origin == "c":
			name := fmt.Sprintf("%s_%d", scratch, i)
			steps, built, objects = append(steps, c.sql(name)), append(built, name), append(objects, ix.Name)
		}
	}
	if _, err := copies.After().Change(ctx, steps); err != nil {
		return 0, 0, ctx.Err() // a NULL in the key, or the name is taken
	}
	defer func() {
		_, undo := copies.After().Change(context.WithoutCancel(ctx), []string{"DROP TABLE " + scratch})
		err = errors.Join(err, undo)
	}()
	if before, err = bytesOf(ctx, copies.Before(), objects); err != nil {
		return 0, 0, err
	}
	after, err = bytesOf(ctx, copies.After(), built)
	return before, after, err
}

func bytesOf(ctx context.Context, r replayer, objects []string) (sum int64, err error) {
	for _, name := range objects {
		n, err := r.IndexBytes(ctx, name)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// keyOrder lists the columns of the primary key in its order.
func keyOrder(t *schema.Table) string {
	columns := slices.Clone(t.Columns)
	slices.SortFunc(columns, func(a, b schema.Column) int { return a.PrimaryKey - b.PrimaryKey })
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = quoteName(c.Name)
	}
	return strings.Join(list, ", ")
}

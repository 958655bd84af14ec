package sqlite

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/schema"
)

// Rows of a table that a sample keeps: enough for the planner's statistics, 24 samples of STAT4 among them,
// and few enough that an index over them is built in a millisecond.
const (
	sampleLeast = 1_500
	sampleMost  = 10_000
	samplePart  = 30 // one in so many rows, between the two
)

// Sample is a Lab with a part of each table's rows. It plans like the whole database once Scale was
// called; what it runs costs less than there.
type Sample struct {
	*Lab
	kept  map[string]float64 // share of the rows, by table in lower case
	rows  map[string]int64   // in the whole table
	Fails []error            // objects that could not be copied, such as tables of an unknown module
}

// Sample reads a part of each table's rows of the database into memory, in one look at it.
func (db *DB) Sample(ctx context.Context, of *schema.Schema) (*Sample, error) {
	uri := "file:" + (&url.URL{Path: db.path}).EscapedPath() + "?mode=ro"
	if db.immutable {
		uri += "&immutable=1"
	}
	return sample(ctx, ":memory:", uri, of, db.times)
}

// sample fills a Lab at path from the database at the URI. Rows are picked by a hash of the rowid, so
// that two samples of one database are alike.
func sample(ctx context.Context, path, uri string, s *schema.Schema, times url.Values) (_ *Sample, err error) {
	l, err := openLab(ctx, path, times)
	if err != nil {
		return nil, err
	}
	out := &Sample{Lab: l, kept: map[string]float64{}, rows: map[string]int64{}}
	defer func() {
		if err != nil {
			err = errors.Join(cmpErr(ctx, err), l.Close())
		}
	}()
	defer l.raw.interruptible(ctx, 0)()
	// Planning reads no rows, and a file of its own needs no large cache.
	if err := l.raw.exec("PRAGMA cache_size = -8192; ATTACH " + literal(uri) + " AS source"); err != nil {
		return nil, err
	}
	for _, first := range []string{"CREATE VIRTUAL TABLE", "CREATE TABLE"} {
		out.create(s, first)
	}
	for _, t := range s.Tables {
		if err := out.fill(ctx, t); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			out.Fails = append(out.Fails, fmt.Errorf("sample %s: %w", t.Name, err))
		}
	}
	if err := l.raw.exec("DETACH source"); err != nil {
		return nil, err
	}
	for _, then := range []string{"CREATE INDEX", "CREATE UNIQUE INDEX", "CREATE VIEW", "CREATE TRIGGER"} {
		out.create(s, then)
	}
	return out, nil
}

// create makes the objects whose statement begins so. SQLite keeps these words in this spelling.
// https://sqlite.org/schematab.html
func (s *Sample) create(of *schema.Schema, begins string) {
	for _, text := range of.Statements {
		if !strings.HasPrefix(text, begins) || strings.Contains(text[:min(len(text), 40)], " sqlite_") || strings.HasPrefix(text, "CREATE TABLE "+`"sqlite_`) {
			continue
		}
		if strings.HasPrefix(text, "CREATE VIRTUAL") && moduleForeign(text) {
			s.Fails = append(s.Fails, fmt.Errorf("%.60s: its module is the application's", text))
			continue
		}
		if err := s.raw.exec(text); err != nil && !strings.Contains(err.Error(), "already exists") {
			s.Fails = append(s.Fails, fmt.Errorf("%.60s: %w", text, err))
		}
	}
}

func (s *Sample) fill(ctx context.Context, t *schema.Table) error {
	if !t.Indexable() {
		return nil
	}
	var rows int64
	if err := s.conn.QueryRowContext(ctx, "SELECT count(*) FROM source."+quote(t.Name)).Scan(&rows); err != nil {
		return err
	}
	want := min(max(sampleLeast, rows/samplePart), sampleMost, rows)
	name := strings.ToLower(t.Name)
	s.rows[name], s.kept[name] = rows, 1
	if rows == 0 {
		return nil
	}
	var columns []string
	for _, c := range t.Columns {
		if !c.Generated && !c.Hidden {
			columns = append(columns, quote(c.Name))
		}
	}
	list := strings.Join(columns, ", ")
	number, from := "rowid", "source."+quote(t.Name)
	if _, taken := t.Column("rowid"); taken || t.WithoutRowid {
		number, from = `"sqliteperf n"`, "(SELECT *, row_number() OVER () AS \"sqliteperf n\" FROM source."+quote(t.Name)+")"
	}
	text := fmt.Sprintf("INSERT OR IGNORE INTO main.%s(%s) SELECT %s FROM %s", quote(t.Name), list, list, from)
	if want < rows {
		// Knuth's multiplicative hash, 20 bits of it.
		text += fmt.Sprintf(" WHERE ((%s * 2654435761) >> 9) & 1048575 < %d", number, want*1048576/rows)
	}
	if err := s.raw.exec(text); err != nil {
		return err
	}
	var kept int64
	if err := s.conn.QueryRowContext(ctx, "SELECT count(*) FROM main."+quote(t.Name)).Scan(&kept); err != nil {
		return err
	}
	s.kept[name] = max(float64(kept), 1) / float64(rows)
	return nil
}

// Kept is the share of a table's rows that are in the sample.
func (s *Sample) Kept(t *schema.Table) float64 {
	if kept, ok := s.kept[strings.ToLower(t.Name)]; ok {
		return kept
	}
	return 1
}

// ColumnStat is what a sample says of a column.
type ColumnStat struct {
	Nulls float64 // share of rows
	Width float64 // average bytes of a value
}

// Columns describes the columns of a table, in their order; generated and hidden ones too.
func (s *Sample) Columns(ctx context.Context, t *schema.Table) ([]ColumnStat, error) {
	var list []string
	for _, c := range t.Columns {
		list = append(list, fmt.Sprintf("avg(%[1]s IS NULL), avg(octet_length(%[1]s))", quote(c.Name)))
	}
	values := make([]*float64, 2*len(t.Columns))
	pointers := make([]any, len(values))
	for i := range values {
		pointers[i] = &values[i]
	}
	if err := s.conn.QueryRowContext(ctx, "SELECT "+strings.Join(list, ", ")+" FROM "+quote(t.Name)).Scan(pointers...); err != nil {
		return nil, err
	}
	stats := make([]ColumnStat, len(t.Columns))
	for i := range stats {
		if n := values[2*i]; n != nil {
			stats[i].Nulls = *n
		}
		if w := values[2*i+1]; w != nil {
			stats[i].Width = *w
		}
	}
	return stats, nil
}

// Distinct counts the distinct values of a list of expressions in the sample, as far as most; those that cannot be
// computed count as many.
func (s *Sample) Distinct(ctx context.Context, t *schema.Table, expressions string, most int) (n int) {
	text := fmt.Sprintf("SELECT count(*) FROM (SELECT DISTINCT %s FROM %s LIMIT %d)", expressions, quote(t.Name), most)
	if err := s.conn.QueryRowContext(ctx, text).Scan(&n); err != nil {
		return most
	}
	return n
}

// Scale gathers statistics and writes them as if they were of all rows.
func (s *Sample) Scale(ctx context.Context) error { return s.Analyze(ctx, "") }

// Analyze is Scale for everything, or for the index of that name.
func (s *Sample) Analyze(ctx context.Context, name string) error {
	if err := s.Lab.Analyze(ctx, name); err != nil {
		return err
	}
	defer s.raw.interruptible(ctx, 0)()
	parts, err := s.scaleFirst(ctx, name)
	if err == nil {
		err = s.scaleSamples(ctx, parts, name)
	}
	if err == nil {
		err = s.raw.exec("ANALYZE sqlite_schema")
	}
	return cmpErr(ctx, err)
}

// scaled is how the numbers of one index grow from the sample to the whole.
type scaled struct {
	rows     float64   // factor for numbers of rows
	distinct []float64 // by length of the prefix: factor for numbers of distinct values
}

// scaleFirst scales sqlite_stat1: rows, then the average rows of a prefix. How many distinct values there are
// in all is guessed from how many there are in the sample: if each row has its own, as many more
// as there are rows; if few rows do, as many; in between, a power. https://sqlite.org/fileformat2.html#stat1tab
func (s *Sample) scaleFirst(ctx context.Context, name string) (map[string]scaled, error) {
	parts := map[string]scaled{}
	updates := map[int64]string{}
	err := each(ctx, s.conn, "SELECT rowid, tbl, coalesce(idx, ''), coalesce(stat, '') FROM sqlite_stat1", func(scan scanner) error {
		var id int64
		var table, index, stat string
		if err := scan(&id, &table, &index, &stat); err != nil {
			return err
		}
		words := strings.Fields(stat)
		if len(words) == 0 || name != "" && !strings.EqualFold(index, name) {
			return nil
		}
		grow := 1.0
		if kept := s.kept[strings.ToLower(table)]; kept > 0 { // else a table of SQLite's own, or one not read
			grow = 1 / kept
		}
		n, _ := strconv.ParseFloat(words[0], 64)
		part := scaled{rows: grow}
		words[0] = number(n * grow)
		for i := 1; i < len(words); i++ {
			each, err := strconv.ParseFloat(words[i], 64)
			if err != nil {
				break
			}
			distinct := n / max(each, 1)
			more := power(grow, distinct/max(n, 1))
			part.distinct = append(part.distinct, more)
			words[i] = number(max(n*grow/(distinct*more), 1))
		}
		parts[table+"\x00"+index] = part
		updates[id] = strings.Join(words, " ")
		return nil
	})
	if err != nil {
		return nil, err
	}
	for id, stat := range updates {
		if _, err := s.conn.ExecContext(ctx, "UPDATE sqlite_stat1 SET stat = ? WHERE rowid = ?", stat, id); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

// scaleSamples scales the rows of sqlite_stat4. https://sqlite.org/fileformat2.html#stat4tab
func (s *Sample) scaleSamples(ctx context.Context, parts map[string]scaled, name string) error {
	type update struct {
		id            int64
		eq, lt, below string
	}
	var updates []update
	err := each(ctx, s.conn, "SELECT rowid, tbl, idx, neq, nlt, ndlt FROM sqlite_stat4", func(scan scanner) error {
		var u update
		var table, index string
		if err := scan(&u.id, &table, &index, &u.eq, &u.lt, &u.below); err != nil {
			return err
		}
		part := parts[table+"\x00"+index]
		if part.rows <= 1 || name != "" && !strings.EqualFold(index, name) {
			return nil
		}
		equals := strings.Fields(u.eq)
		for i, word := range equals {
			n, _ := strconv.ParseFloat(word, 64)
			grow := part.rows
			if n <= 1 && i < len(part.distinct) { // alone in the sample: as common as others of the kind
				grow = part.rows / part.distinct[i]
			}
			equals[i] = number(max(n*grow, 1))
		}
		u.eq = strings.Join(equals, " ")
		u.lt = multiplied(u.lt, func(int) float64 { return part.rows })
		u.below = multiplied(u.below, func(i int) float64 {
			if i < len(part.distinct) {
				return part.distinct[i]
			}
			return part.rows
		})
		updates = append(updates, u)
		return nil
	})
	if err != nil {
		return err
	}
	stmt, err := s.conn.PrepareContext(ctx, "UPDATE sqlite_stat4 SET neq = ?, nlt = ?, ndlt = ? WHERE rowid = ?")
	if err != nil {
		return err
	}
	defer stmt.Close()
	for _, u := range updates {
		if _, err := stmt.ExecContext(ctx, u.eq, u.lt, u.below, u.id); err != nil {
			return err
		}
	}
	return nil
}

func multiplied(words string, by func(i int) float64) string {
	list := strings.Fields(words)
	for i, word := range list {
		n, _ := strconv.ParseFloat(word, 64)
		list[i] = number(n * by(i))
	}
	return strings.Join(list, " ")
}

func number(f float64) string { return strconv.FormatInt(int64(f+0.5), 10) }

// power is base to the power of exponent, which lies between 0 and 1.
func power(base, exponent float64) float64 { return math.Pow(base, min(max(exponent, 0), 1)) }

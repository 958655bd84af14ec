package sqlite

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// many are tables large enough that a sample holds a part of them.
const many = `CREATE TABLE big(id INTEGER PRIMARY KEY, few INT, some INT, own TEXT, twice INT AS (some * 2), hole INT);
	CREATE TABLE pair(a INT, b INT, c TEXT, PRIMARY KEY(a, b)) WITHOUT ROWID;
	CREATE TABLE small(rowid TEXT, x INT);
	CREATE VIRTUAL TABLE doc USING fts5(body);
	WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
	INSERT INTO big(id, few, some, own, hole) SELECT i, i % 9, i * 7919 % 997, 'own ' || (i * 104729 % 30011), CASE i % 4 WHEN 0 THEN i END FROM n;
	INSERT INTO pair SELECT id % 300, id, 'c' || (id % 50) FROM big;
	INSERT INTO small SELECT 'x' || id, id % 7 FROM big WHERE id <= 500;
	INSERT INTO doc SELECT own FROM big WHERE id <= 300;
	CREATE INDEX big_few ON big(few, some); CREATE INDEX big_some ON big(some, own); CREATE INDEX big_own ON big(own);
	CREATE INDEX big_twice ON big(twice, few); CREATE INDEX pair_b ON pair(b); CREATE INDEX pair_c ON pair(c, b); CREATE INDEX big_hole ON big(hole) WHERE hole IS NOT NULL;
	ANALYZE`

func newSample(t *testing.T, statements ...string) *Sample {
	t.Helper()
	db := opened(t, create(t, statements...))
	s, err := db.Schema(t.Context())
	must(t, err)
	sample, err := db.Sample(t.Context(), s)
	must(t, err)
	t.Cleanup(func() { must(t, sample.Close()) })
	must(t, sample.Scale(t.Context()))
	return sample
}

// TestSamplePlansLikeTheWhole: with its statistics scaled, a sample plans each statement as the whole database
// does with statistics of all its rows.
func TestSamplePlansLikeTheWhole(t *testing.T) {
	path := create(t, many)
	db := opened(t, path)
	s, err := db.Schema(t.Context())
	must(t, err)
	sample, err := db.Sample(t.Context(), s)
	must(t, err)
	defer sample.Close()
	must(t, sample.Scale(t.Context()))
	if len(sample.Fails) > 0 {
		t.Error(sample.Fails)
	}
	for _, query := range []string{
		"SELECT * FROM big WHERE few = 3", "SELECT * FROM big WHERE some = 77", "SELECT * FROM big WHERE few = 3 AND some = 77",
		"SELECT * FROM big WHERE own = 'own 77'", "SELECT * FROM big WHERE twice = 40", "SELECT * FROM big WHERE twice BETWEEN 40 AND 60",
		"SELECT * FROM big WHERE few > 7 AND some < 20", "SELECT * FROM big ORDER BY own LIMIT 5", "SELECT some, count(*) FROM big GROUP BY some",
		"SELECT * FROM pair WHERE a = 7", "SELECT * FROM pair WHERE b = 7", "SELECT a FROM pair WHERE c = 'c7' AND b < 900", "SELECT * FROM pair WHERE b = 7 AND a = 7",
		"SELECT * FROM big JOIN pair ON pair.b = big.id WHERE big.some = 5", "SELECT * FROM pair JOIN big ON big.some = pair.a WHERE pair.c = 'c7'",
		"SELECT * FROM small JOIN big ON big.own = small.rowid WHERE x = 3", "SELECT * FROM big WHERE some = 5 OR own = 'own 5'",
		"SELECT * FROM big WHERE id IN (SELECT b FROM pair WHERE a = 5)", "SELECT * FROM big WHERE hole = 400", "SELECT max(own) FROM big",
		"SELECT * FROM doc WHERE rowid = 5", "SELECT DISTINCT few FROM big",
	} {
		got, err := sample.Plan(trial.Call{SQL: query})
		must(t, err)
		want, err := db.Explain(t.Context(), query, nil)
		must(t, err)
		if got.String() != want.String() {
			t.Errorf("%s\nsample\n%s\nwhole\n%s", query, got, want)
		}
	}
	for name, want := range map[string]float64{"big": 1500.0 / 30000, "pair": 1500.0 / 30000, "small": 1, "doc": 1} {
		if kept := sample.Kept(s.Table(name)); math.Abs(kept-want) > 0.02 {
			t.Errorf("%v of %s are kept, want %v", kept, name, want)
		}
	}
}

// TestSampleColumns: what a sample says of columns, generated ones too.
func TestSampleColumns(t *testing.T) {
	path := create(t, many)
	db := opened(t, path)
	s, err := db.Schema(t.Context())
	must(t, err)
	sample, err := db.Sample(t.Context(), s)
	must(t, err)
	defer sample.Close()
	big := s.Table("big")
	stats, err := sample.Columns(t.Context(), big)
	must(t, err)
	for i, c := range big.Columns {
		wantNulls := map[string]float64{"hole": 0.75}[c.Name]
		if got := stats[i]; math.Abs(got.Nulls-wantNulls) > 0.05 || got.Width < 1 || got.Width > 10 {
			t.Errorf("%s: %+v", c.Name, got)
		}
	}
	for _, c := range []struct {
		expressions string
		want        int
	}{{"few", 9}, {"some", 65}, {"few + 1", 9}, {"few % 3, few = 1", 4}, {"missing", 65}} {
		if got := sample.Distinct(t.Context(), big, c.expressions, 65); got != c.want {
			t.Errorf("%s has %d values, want %d", c.expressions, got, c.want)
		}
	}
	if _, err := sample.Build(t.Context(), "unused", "CREATE INDEX unused ON big(twice)"); err != nil {
		t.Error(err)
	}
}

// TestSampleWithoutCollation: a table whose collation only the application knows keeps no other from its sample.
func TestSampleWithoutCollation(t *testing.T) {
	sample := newSample(t, rows, "CREATE TABLE theirs(a TEXT, b INT); CREATE INDEX theirs_a ON theirs(a); INSERT INTO theirs VALUES ('x', 1)",
		"PRAGMA writable_schema = on; UPDATE sqlite_schema SET sql = 'CREATE TABLE theirs(a TEXT COLLATE mine, b INT)' WHERE name = 'theirs'")
	n, err := sample.Build(t.Context(), "one", "CREATE INDEX one ON t(k)")
	must(t, err)
	must(t, sample.Scale(t.Context()))
	p, err := sample.Plan(trial.Call{SQL: "SELECT * FROM t WHERE k = 7"})
	must(t, err)
	if uses := fmt.Sprint(sample.Uses(p.Plan)); uses != fmt.Sprint([]int{n}) {
		t.Errorf("%s, uses %s", p, uses)
	}
}

// TestScaled: the first number of each row of sqlite_stat1 is how many rows the whole has, and no prefix has more
// rows than that.
func TestScaled(t *testing.T) {
	sample := newSample(t, many)
	for _, line := range lines(t, sample) {
		table, stat, _ := strings.Cut(line, "|")
		words := strings.Fields(stat)
		var rows, each float64
		fmt.Sscan(words[0], &rows)
		if want := map[string]float64{"big": 30000, "pair": 30000, "small": 500}[table]; want > 0 && math.Abs(rows-want) > 1 {
			t.Errorf("%s, want %v rows", line, want)
		}
		for before := rows; len(words) > 1; before, words = each, words[1:] {
			if fmt.Sscan(words[1], &each); each > before || each < 1 {
				t.Errorf("%s: %v rows of %v", line, each, before)
			}
		}
	}
}

func lines(t *testing.T, s *Sample) (list []string) {
	t.Helper()
	must(t, each(t.Context(), s.conn, "SELECT tbl || '|' || stat || ' ' FROM sqlite_stat1 WHERE coalesce(idx, '') <> 'big_hole'", func(scan scanner) error {
		list = append(list, "")
		return scan(&list[len(list)-1])
	}))
	return list
}

package sqlite

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

// queries over the tables of rows and items, whose plans depend on the indexes below.
var queries = []string{
	"SELECT * FROM t WHERE k = 7", "SELECT id FROM t WHERE k = 7 ORDER BY s", "SELECT * FROM t WHERE s = 'row 9' AND k = 9",
	"SELECT * FROM t ORDER BY s DESC LIMIT 5", "SELECT k, count(*) FROM t GROUP BY k", "SELECT DISTINCT s FROM t WHERE k > 40",
	"SELECT * FROM t JOIN items ON items.t = t.id WHERE t.k = 3", "SELECT * FROM t WHERE k = 1 OR s = 'x'", "SELECT max(s) FROM t",
	"SELECT * FROM items WHERE t IN (SELECT id FROM t WHERE k BETWEEN 3 AND 5)", "DELETE FROM t WHERE s > 'row 4999'",
	"SELECT count(*) FROM t LEFT JOIN items i ON i.t = t.id AND i.n = t.k", "SELECT * FROM t WHERE s LIKE 'row 1%' AND k = 2",
}

var indexes = []string{
	"CREATE INDEX i1 ON t(k)", "CREATE INDEX i2 ON t(s, k)", "CREATE INDEX i3 ON t(k, s DESC)", "CREATE INDEX i4 ON t(s COLLATE NOCASE)",
	"CREATE INDEX i5 ON items(t, n)", "CREATE INDEX i6 ON items(n) WHERE t > 10", "CREATE INDEX i7 ON t(k) WHERE k = 7", "CREATE INDEX i8 ON t(lower(s))",
}

const items = `CREATE TABLE items(t INT REFERENCES t, n INT);
	WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) INSERT INTO items SELECT i * 7 % 5000, i % 20 FROM n`

// TestWhatIfIsExact: plans under an index that does not exist are those under the index once it is
// made, both without statistics of its own, whether the database is analyzed or not.
func TestWhatIfIsExact(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	few := strings.ReplaceAll(rows, "5000", "1000")
	for _, analyze := range []string{"", "CREATE INDEX items_n ON items(n); ANALYZE"} {
		path := create(t, few, items, analyze)
		whatIf, err := opened(t, path).WhatIf(t.Context())
		must(t, err)
		conn, err := bare(t, path).Conn(t.Context())
		must(t, err)
		for range 12 {
			random.Shuffle(len(indexes), func(i, j int) { indexes[i], indexes[j] = indexes[j], indexes[i] })
			made := indexes[:random.IntN(5)]
			_, err = conn.ExecContext(t.Context(), strings.Join(append([]string{"BEGIN"}, made...), ";"))
			must(t, err)
			for _, query := range queries {
				guess, err := whatIf.Explain(t.Context(), made, query, nil)
				must(t, err)
				plan, err := explain(t.Context(), conn, query, nil)
				must(t, err)
				if guess.String() != plan.String() {
					t.Errorf("%s under %q\nwhat if\n%s\nreally\n%s", query, made, guess, plan)
				}
			}
			_, err = conn.ExecContext(t.Context(), "ROLLBACK")
			must(t, err)
		}
		must(t, conn.Close())
		must(t, whatIf.Close())
	}
}

// TestWhatIfWithStatistics: plans in memory are those of the database itself once the index is made
// and analyzed there.
func TestWhatIfWithStatistics(t *testing.T) {
	few := strings.ReplaceAll(rows, "5000", "1000")
	for _, index := range indexes {
		path := create(t, few, items, index, "ANALYZE")
		db := opened(t, path)
		w, err := db.WhatIf(t.Context())
		must(t, err)
		for _, query := range queries {
			want, err := db.Explain(t.Context(), query, nil)
			must(t, err)
			got, err := w.Explain(t.Context(), nil, query, nil)
			must(t, err)
			if got.String() != want.String() {
				t.Errorf("%s\n%s\nwhat if\n%s\nreally\n%s", index, query, got, want)
			}
		}
		must(t, w.Close())
	}
}

// TestWhatIfUndoes: changes are gone afterwards, whether the statement could be explained or not.
func TestWhatIfUndoes(t *testing.T) {
	w, err := opened(t, create(t, rows)).WhatIf(t.Context())
	must(t, err)
	defer w.Close()
	const index = "CREATE INDEX i ON t(k)"
	before, err := w.Explain(t.Context(), nil, queries[0], nil)
	must(t, err)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for i, try := range []func() error{
		func() error { _, err := w.Explain(t.Context(), []string{index}, "SELECT nothing", nil); return err },
		func() error {
			_, err := w.Explain(t.Context(), []string{index, index}, queries[0], nil)
			return err
		},
		func() error { _, err := w.Explain(ended, []string{index}, queries[0], nil); return err },
	} {
		if try() == nil {
			t.Errorf("try %d succeeds", i)
		}
		after, err := w.Explain(t.Context(), nil, queries[0], nil)
		if err != nil || after.String() != before.String() {
			t.Errorf("after try %d: %v\n%s", i, err, after)
		}
	}
	if with, err := w.Explain(t.Context(), []string{index}, queries[0], nil); err != nil || !with.Uses("i") {
		t.Errorf("%v\n%s", err, with)
	}
}

// TestExplainBindsValues: with STAT4 the plan depends on the values bound.
func TestExplainBindsValues(t *testing.T) {
	db := opened(t, create(t, rows, "UPDATE t SET k = 1 WHERE k < 49", "CREATE INDEX i1 ON t(k)", "ANALYZE"))
	for value, used := range map[int64]bool{1: false, 49: true} {
		p, err := db.Explain(t.Context(), "SELECT * FROM t WHERE k = ?", []any{value})
		if err != nil || p.Uses("i1") != used {
			t.Errorf("k = %d: %v\n%s", value, err, p)
		}
	}
	if _, err := db.Explain(t.Context(), "SELECT * FROM t WHERE k = ?", nil); err == nil {
		t.Error("a statement is explained without values")
	}
	var failed *FileError
	if _, err := db.Explain(t.Context(), "SELECT nothing", nil); err == nil || errors.As(err, &failed) {
		t.Errorf("got %v", err)
	}
}

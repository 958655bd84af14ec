package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/trial"
)

const items = `CREATE TABLE items(t INT REFERENCES t, n INT);
	WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) INSERT INTO items SELECT i * 7 % 5000, i % 20 FROM n`

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

// newLab makes a lab of a database, and the indexes of whatif_test.go in it.
func newLab(t *testing.T, statements ...string) *Lab {
	t.Helper()
	shadow, err := opened(t, create(t, statements...)).Shadow(t.Context(), t.TempDir(), 1<<30)
	must(t, err)
	t.Cleanup(func() { must(t, shadow.Close()) })
	l, err := shadow.Lab(t.Context())
	must(t, err)
	t.Cleanup(func() { must(t, l.Close()) })
	return l
}

func buildAll(t *testing.T, l *Lab, statements []string) {
	t.Helper()
	for i, text := range statements {
		n, err := l.Build(t.Context(), strings.Fields(text)[2], text)
		must(t, err)
		if n != i {
			t.Fatalf("%s has number %d, want %d", text, n, i)
		}
	}
	must(t, l.Analyze(t.Context(), ""))
}

// TestShownIsThere: under every set of shown indexes a statement is planned as if only these had been built, and
// what reads has a program of the same hash if and only if it was seen with the same plan.
func TestShownIsThere(t *testing.T) {
	few := strings.ReplaceAll(rows, "5000", "1000")
	names := slices.Sorted(slices.Values(indexes))
	l := newLab(t, few, items)
	buildAll(t, l, names)
	path := create(t, few, items)
	conn, err := bare(t, path).Conn(t.Context())
	must(t, err)
	defer conn.Close()
	random := rand.New(rand.NewPCG(2, 2))
	hashes := map[string]uint64{}
	for range 12 {
		shown := random.Perm(len(names))[:random.IntN(5)]
		script := []string{"BEGIN"}
		for _, n := range shown {
			script = append(script, names[n])
		}
		_, err := conn.ExecContext(t.Context(), strings.Join(append(script, "ANALYZE"), ";"))
		must(t, err)
		l.Show(shown)
		for _, query := range queries {
			got, err := l.Plan(trial.Call{SQL: query})
			must(t, err)
			want, err := explain(t.Context(), conn, query, nil)
			must(t, err)
			if got.String() != want.String() {
				t.Errorf("%s under %v\nlab\n%s\nreally\n%s", query, shown, got, want)
			}
			for _, n := range l.Uses(got.Plan) {
				if !slices.Contains(shown, n) {
					t.Errorf("%s uses the hidden %s", query, names[n])
				}
			}
			if strings.HasPrefix(query, "DELETE") {
				continue // its program changes the shown indexes too
			}
			key := query + "\n" + got.String()
			if seen, ok := hashes[key]; ok && seen != got.Hash {
				t.Errorf("two programs of one plan: %s", key)
			}
			hashes[key] = got.Hash
		}
		_, err = conn.ExecContext(t.Context(), "ROLLBACK")
		must(t, err)
	}
	byHash := map[string]string{}
	for key, hash := range hashes {
		query, _, _ := strings.Cut(key, "\n")
		id := fmt.Sprint(query, hash)
		if other, ok := byHash[id]; ok {
			t.Errorf("one program for two plans:\n%s\n%s", key, other)
		}
		byHash[id] = key
	}
}

// TestYoungestFirst: between equal indexes SQLite takes the one created last, which is the one shown last.
func TestYoungestFirst(t *testing.T) {
	l := newLab(t, rows)
	buildAll(t, l, []string{"CREATE INDEX one ON t(k)", "CREATE INDEX two ON t(k)"})
	for _, shown := range [][]int{{0, 1}, {1, 0}} {
		l.Show(shown)
		p, err := l.Plan(trial.Call{SQL: "SELECT * FROM t WHERE k = 7"})
		must(t, err)
		if uses := l.Uses(p.Plan); !slices.Equal(uses, shown[1:]) {
			t.Errorf("%v shown, %v used", shown, uses)
		}
	}
}

const endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n"

// TestRunIsCut: at its limit of processor time, which is reported, or when its context ends.
func TestRunIsCut(t *testing.T) {
	l := newLab(t, rows)
	start := time.Now()
	cost, err := l.Run(t.Context(), trial.Call{SQL: endless}, 3, time.Second, 20*time.Millisecond)
	must(t, err)
	if !cost.Cut || cost.CPU < 20*time.Millisecond || cost.Steps == 0 {
		t.Errorf("%+v", cost)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := l.Run(ctx, trial.Call{SQL: endless}, 3, time.Second, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
	cost, err = l.Run(t.Context(), trial.Call{SQL: "SELECT * FROM t WHERE k = ?", Args: []any{int64(7)}}, 3, time.Second, time.Minute)
	must(t, err)
	if cost.Cut || cost.Rows != 100 {
		t.Errorf("%+v", cost)
	}
}

// TestCutByProcessorTime: a limit that passed by the clock alone does not cut.
func TestCutByProcessorTime(t *testing.T) {
	l := newLab(t, rows)
	for range 20 {
		limit := 200 * time.Microsecond
		cost, err := l.Run(t.Context(), trial.Call{SQL: "SELECT sum(length(s)) FROM t"}, 1, time.Second, limit)
		must(t, err)
		if cost.Cut && cost.CPU < limit {
			t.Fatalf("cut after %v of %v", cost.CPU, limit)
		}
	}
}

// TestWritesAreUndone: rows written leave nothing behind, though indexes are hidden; a statement that fails is
// not counted.
func TestWritesAreUndone(t *testing.T) {
	l := newLab(t, rows)
	buildAll(t, l, []string{"CREATE INDEX one ON t(k)", "CREATE INDEX two ON t(s)"})
	l.Show([]int{1})
	insert := trial.Call{SQL: "INSERT INTO t(k, s) VALUES (?, ?)", Args: []any{int64(7), "new"}, Writes: true}
	failing := trial.Call{SQL: "INSERT INTO t(id) VALUES (1)", Writes: true}
	_, done, err := l.Write(t.Context(), []trial.Call{insert, insert, failing, {SQL: "DELETE FROM t WHERE k < 25", Writes: true}})
	must(t, err)
	if done != 3 {
		t.Errorf("%d statements done, want 3", done)
	}
	cost, err := l.Run(t.Context(), trial.Call{SQL: "UPDATE t SET k = 1 RETURNING id", Writes: true}, 5, time.Second, time.Minute)
	must(t, err)
	if cost.Rows != 5000 {
		t.Errorf("%d rows changed", cost.Rows)
	}
	l.showAll()
	var n, sum int
	var check string
	must(t, l.conn.QueryRowContext(t.Context(), "SELECT count(*), sum(k) FROM t").Scan(&n, &sum))
	must(t, l.conn.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&check))
	if n != 5000 || sum != 5000*49/2 || check != "ok" {
		t.Errorf("%d rows, sum %d, %s", n, sum, check)
	}
}

// TestSizes: what was built takes what dbstat says.
func TestSizes(t *testing.T) {
	l := newLab(t, rows)
	buildAll(t, l, []string{"CREATE INDEX one ON t(k)", "CREATE INDEX two ON t(s, k)"})
	list, err := l.Bytes(t.Context())
	must(t, err)
	for n, bytes := range list {
		size, err := l.Size(t.Context(), n)
		must(t, err)
		if size != bytes || bytes < 5000*4 {
			t.Errorf("index %d takes %d or %d bytes", n, bytes, size)
		}
	}
	if list[0] >= list[1] {
		t.Errorf("%d bytes of numbers, %d of texts", list[0], list[1])
	}
	if _, err := l.Build(t.Context(), "bad", "CREATE INDEX bad ON t(random())"); err == nil {
		t.Error("random() in an index")
	}
}

// TestConvert: times become what the driver stores, names are kept, and the rest is as it was.
func TestConvert(t *testing.T) {
	l := newLab(t, rows)
	at := time.Date(2024, 2, 1, 10, 0, 0, 0, time.UTC)
	got, err := l.Convert(t.Context(), []any{int64(1), at, sql.Named("a", at), sql.Named("b", "x"), nil})
	must(t, err)
	stored, ok := got[1].(string)
	if !ok || !strings.HasPrefix(stored, "2024-02-01 10:00:00") {
		t.Errorf("%T %v", got[1], got[1])
	}
	if got[2] != sql.Named("a", stored) || got[0] != int64(1) || got[3] != sql.Named("b", "x") || got[4] != nil {
		t.Errorf("%v", got)
	}
}

// TestRawOf: the handle is that of the connection.
func TestRawOf(t *testing.T) {
	l := newLab(t, rows)
	h, err := rawOf(l.conn)
	must(t, err)
	if h != l.raw || h.db == 0 || h.tls == nil {
		t.Error("another handle")
	}
	for _, text := range []string{"", "-- nothing", "SELECT", "SELECT * FROM missing"} {
		if stmt, err := h.prepare(text); err == nil {
			h.finalize(stmt)
			t.Errorf("%q is prepared", text)
		}
	}
}

// TestEndedContext: a context that has ended before a statement begins stops it too.
func TestEndedContext(t *testing.T) {
	l := newLab(t, rows)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Run(ctx, trial.Call{SQL: endless}, 1, time.Second, 0); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestForget: without statistics a lab plans as a database that was never analyzed, and with them again as before.
func TestForget(t *testing.T) {
	l := newLab(t, rows, items)
	indexes := []string{"CREATE INDEX j1 ON items(t)", "CREATE INDEX j2 ON items(n)"}
	queries := append(queries, "SELECT * FROM items WHERE t = 8 AND n = 3", "SELECT * FROM items WHERE n = 3 AND t > 5")
	buildAll(t, l, indexes)
	never := newLab(t, rows, items)
	for _, text := range indexes {
		_, err := never.Build(t.Context(), strings.Fields(text)[2], text)
		must(t, err)
	}
	plans := func(l *Lab) (list []string) {
		for _, q := range queries {
			prog, err := l.Plan(trial.Call{SQL: q})
			must(t, err)
			list = append(list, prog.Plan.String())
		}
		return list
	}
	with := plans(l)
	must(t, l.Forget())
	if got, want := plans(l), plans(never); !slices.Equal(got, want) || slices.Equal(got, with) {
		t.Errorf("without statistics\n%q\nwant\n%q\nwith\n%q", got, want, with)
	}
	must(t, l.Analyze(t.Context(), ""))
	if got := plans(l); !slices.Equal(got, with) {
		t.Errorf("analyzed again\n%q\nwant\n%q", got, with)
	}
}

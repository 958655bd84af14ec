package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sqliteperf/sqliteperf/internal/trial"
)

func shadowed(t testing.TB, statements ...string) *Shadow {
	t.Helper()
	s, err := opened(t, create(t, statements...)).Shadow(t.Context(), t.TempDir(), 1<<30)
	must(t, err)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestRunRollsBack: a statement that writes has its effect on what it returns and on nothing else,
// whether it succeeds or not.
func TestRunRollsBack(t *testing.T) {
	s := shadowed(t, rows, "CREATE UNIQUE INDEX t_s ON t(s)")
	count := func() (n int64) {
		must(t, s.Before.conn.QueryRowContext(t.Context(), "SELECT count(*) + sum(k) FROM t").Scan(&n))
		return n
	}
	before := count()
	for _, c := range []struct {
		sql  string
		args []any
		rows int64
		err  string
	}{
		{"DELETE FROM t WHERE k = ?", []any{3}, 0, ""},
		{"UPDATE t SET k = k + 1 RETURNING id", nil, 5000, ""},
		{"INSERT INTO t(k, s) VALUES (:k, :s) RETURNING *", []any{sql.Named("s", "new"), sql.Named("k", 1)}, 1, ""},
		{"INSERT INTO t(k, s) VALUES (1, 'row 1')", nil, 0, "UNIQUE"},
		{"INSERT OR ROLLBACK INTO t(k, s) VALUES (1, 'row 1')", nil, 0, "UNIQUE"},
		{"DELETE FROM nowhere", nil, 0, "no such table"},
		{"DELETE FROM t WHERE k = ?", []any{make(chan int)}, 0, "parameter 1"},
	} {
		out, err := s.Before.Run(t.Context(), trial.Call{SQL: c.sql, Args: c.args, Writes: true})
		if c.err == "" && (err != nil || out.Rows != c.rows || out.CPU <= 0 || out.Wall <= 0) {
			t.Errorf("%s: %+v, %v", c.sql, out, err)
		}
		if c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: %v", c.sql, err)
		}
		if after := count(); after != before {
			t.Fatalf("%s changed the copy", c.sql)
		}
	}
}

// TestRunIsCancelled: a long statement ends with its context and the copy can be used again.
func TestRunIsCancelled(t *testing.T) {
	s := shadowed(t, rows)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	for _, writes := range []bool{false, true} {
		_, err := s.Before.Run(ctx, trial.Call{SQL: "SELECT count(*) FROM t a, t b, t c, t d", Writes: writes})
		if err == nil {
			t.Error("a cancelled run succeeds")
		}
		if out, err := s.Before.Run(t.Context(), trial.Call{SQL: "DELETE FROM t RETURNING 1", Writes: true}); err != nil || out.Rows != 5000 {
			t.Errorf("%+v, %v", out, err)
		}
	}
}

// TestRunHashes: the same rows in another order have the same hash; other values, types or numbers
// of rows have another.
func TestRunHashes(t *testing.T) {
	s := shadowed(t, rows)
	hash := func(query string) uint64 {
		t.Helper()
		out, err := s.Before.Run(t.Context(), trial.Call{SQL: query})
		must(t, err)
		return out.Hash
	}
	if hash("SELECT * FROM t ORDER BY id") != hash("SELECT * FROM t ORDER BY s DESC") {
		t.Error("the order counts")
	}
	seen := map[uint64]string{}
	for _, query := range []string{
		"SELECT 1", "SELECT '1'", "SELECT 1.0", "SELECT x'31'", "SELECT NULL", "SELECT ''", "SELECT x''", "SELECT 0", "SELECT 0.0", "SELECT 2",
		"SELECT 1, 2", "SELECT 2, 1", "SELECT 1, 1", "SELECT 1 UNION ALL SELECT 1", "SELECT 1 UNION ALL SELECT 2", "SELECT 'a', 'bc'", "SELECT 'ab', 'c'",
		"SELECT 'abc', ''", "SELECT '', 'abc'", "SELECT NULL, ''", "SELECT '', NULL", "SELECT 'a' || char(0)", "SELECT 'a'", "SELECT 1 WHERE 0",
	} {
		h := hash(query)
		if other, taken := seen[h]; taken {
			t.Errorf("%s and %s have the same hash", query, other)
		}
		seen[h] = query
	}
}

// TestHashRow: rows have the same hash if and only if they hold the same values of the same types.
func TestHashRow(t *testing.T) {
	value := rapid.OneOf(
		rapid.Map(rapid.Int64Range(-2, 2), func(n int64) driver.Value { return n }),
		rapid.Map(rapid.SampledFrom([]float64{0, 1, -1, math.Inf(1), 1e300}), func(f float64) driver.Value { return f }),
		rapid.Map(rapid.StringOfN(rapid.SampledFrom([]rune("as\x00\u00ff")), 0, 4, -1), func(s string) driver.Value { return s }),
		rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]byte("as\x00\xff")), 0, 4), func(b []byte) driver.Value { return b }),
		rapid.Just(driver.Value(nil)))
	same := func(a, b driver.Value) bool {
		x, isBytes := a.([]byte)
		y, areBytes := b.([]byte)
		if isBytes || areBytes {
			return isBytes && areBytes && string(x) == string(y)
		}
		return a == b
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 3).Draw(t, "columns")
		a := rapid.SliceOfN(value, n, n).Draw(t, "a")
		b := rapid.SliceOfN(value, n, n).Draw(t, "b")
		equal := true
		for i := range a {
			equal = equal && same(a[i], b[i])
		}
		if (hashRow(a) == hashRow(b)) != equal {
			t.Fatalf("%#v and %#v", a, b)
		}
	})
	// A text that looks like the end of one value and the beginning of the next is still one text.
	if hashRow([]driver.Value{"x\xffs\x01y", "z"}) == hashRow([]driver.Value{"x", "y\xffs\x01z"}) {
		t.Error("values run into each other")
	}
}

package driver

import (
	"database/sql"
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// names counts those given out, for texts share a statement in the whole process.
var names atomic.Uint64

// unseenName is a name that no text had before, also if the tests run several times.
func unseenName(t *testing.T) string {
	return fmt.Sprintf("%s_%d", regexp.MustCompile(`\W`).ReplaceAllString(t.Name(), "_"), names.Add(1))
}

// samplesOf is what is kept of the statement that the only event is about.
func samplesOf(t *testing.T, r *recording) (samples [][]any) {
	t.Helper()
	var statement *capture.Statement
	for _, ev := range r.events() {
		if statement != nil && ev.Statement != statement {
			t.Errorf("%q and %q are two statements", statement.Text, ev.Statement.Text)
		}
		statement = ev.Statement
	}
	if statement == nil {
		t.Fatal("nothing was recorded")
	}
	return statement.Samples.List()
}

// TestParametersKept binds values in each way; each text is its own, for texts share a statement
// in the whole process.
func TestParametersKept(t *testing.T) {
	at := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	long := strings.Repeat("x", sampleBytes+1)
	for name, test := range map[string]struct {
		columns string
		bind    [][]any
		want    [][]any
	}{
		"every class": {"?", [][]any{{nil}, {7}, {1.5}, {true}, {"x"}, {[]byte("b")}, {at}},
			[][]any{{nil}, {int64(7)}, {1.5}, {true}, {"x"}, {[]byte("b")}, {at}}},
		"several":      {"?, ?", [][]any{{1, "a"}, {2, "b"}}, [][]any{{int64(1), "a"}, {int64(2), "b"}}},
		"named":        {":p", [][]any{{sql.Named("p", 1)}}, [][]any{{sql.Named("p", int64(1))}}},
		"none":         {"1", [][]any{{}}, nil},
		"long text":    {"?", [][]any{{long}, {"short"}}, [][]any{{"short"}}},
		"long blob":    {"?", [][]any{{[]byte(long)}, {long[:sampleBytes]}}, [][]any{{long[:sampleBytes]}}},
		"one too long": {"?, ?", [][]any{{1, long}, {2, "b"}}, [][]any{{int64(2), "b"}}},
	} {
		for _, prepared := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " prepared ", prepared), func(t *testing.T) {
				r := record(t, "", Config{Parameters: ParametersValues})
				query := fmt.Sprintf("SELECT %s AS %q", test.columns, unseenName(t))
				for _, args := range test.bind {
					if !prepared {
						_, err := r.Exec(query, args...)
						must(t, err)
						continue
					}
					st, err := r.Prepare(query)
					must(t, err)
					rows, err := st.Query(args...)
					must(t, err)
					must(t, rows.Close())
					must(t, st.Close())
				}
				got := samplesOf(t, r)
				if diff := cmp.Diff(test.want, got, cmpopts.EquateComparable(sql.NamedArg{}), cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("- bound, + kept:\n%s", diff)
				}
			})
		}
	}
}

func TestParametersTypesKeepsNothing(t *testing.T) {
	r, name := record(t, "", Config{}), unseenName(t)
	for range 3 {
		must(t, r.QueryRow("SELECT ? AS "+name, 1).Scan(new(int)))
	}
	if got := samplesOf(t, r); len(got) != 0 {
		t.Errorf("kept %v", got)
	}
}

func TestAtMost32ParameterListsAreKept(t *testing.T) {
	r, name := record(t, "", Config{Parameters: ParametersValues}), unseenName(t)
	for i := range 200 {
		must(t, r.QueryRow("SELECT ? AS "+name, i).Scan(new(int)))
	}
	kept := map[any]bool{}
	for _, list := range samplesOf(t, r) {
		kept[list[0]] = true
	}
	if len(kept) != 32 {
		t.Errorf("kept %d different lists, want 32", len(kept))
	}
}

// TestParametersOfAnotherTextAreNotKept holds that a kept list can be bound to the statement's own
// text: texts of one fingerprint may have their parameters in other places.
func TestParametersOfAnotherTextAreNotKept(t *testing.T) {
	r, name := record(t, "", Config{Parameters: ParametersValues}), unseenName(t)
	for _, query := range []string{"SELECT ?, 5 AS " + name, "SELECT 6, ? AS " + name} {
		must(t, r.QueryRow(query, 1).Scan(new(int), new(int)))
	}
	if diff := cmp.Diff([][]any{{int64(1)}}, samplesOf(t, r)); diff != "" {
		t.Errorf("- expected, + kept:\n%s", diff)
	}
}

func TestKeptBytesAreACopy(t *testing.T) {
	r, name := record(t, "", Config{Parameters: ParametersValues}), unseenName(t)
	buffer := []byte("before")
	must(t, r.QueryRow("SELECT ? AS "+name, buffer).Scan(new([]byte)))
	copy(buffer, "after!")
	if diff := cmp.Diff([][]any{{[]byte("before")}}, samplesOf(t, r)); diff != "" {
		t.Errorf("- bound, + kept:\n%s", diff)
	}
}

// TestClassesAreThoseOfTheFirstEight binds values of every class in their places.
func TestClassesAreThoseOfTheFirstEight(t *testing.T) {
	text, blob := strings.Repeat("x", 5000), make([]byte, 5000)
	for _, args := range [][]any{
		{nil, 1, 1.5, true, time.Now(), "", text[:16], text[:17]}, {text[:256], text[:257], text[:4096], text, []byte(nil), []byte{}},
		{blob[:16], blob[:17], blob[:256], blob[:257], blob[:4096], blob}, {1, 2, 3, 4, 5, 6, 7, 8, "ninth", nil},
		{sql.Named("p1", 1), sql.Named("p2", "x"), nil},
	} {
		r := record(t, "", Config{})
		c := single(t, r.DB)
		query := "SELECT " + strings.Repeat("?, ", len(args)-1) + "?"
		if _, named := args[0].(sql.NamedArg); named {
			query = "SELECT :p1, :p2, ?3"
		}
		_, err := c.ExecContext(t.Context(), query, args...)
		must(t, err)
		ev := r.events()[0]
		for i := range capture.ClassesKept {
			want := capture.ClassNone
			if i < len(args) {
				want = expectedClass(args[i])
			}
			if got := ev.Params.Classes.At(i); got != want {
				t.Errorf("value %d of %d is of class %v, want %v", i, len(args), got, want)
			}
		}
		if ev.Params.Hash != 0 {
			t.Error("values are hashed")
		}
	}
}

func expectedClass(arg any) capture.Class {
	size := func(base capture.Class, n int) capture.Class {
		for _, limit := range []int{16, 256, 4096} {
			if n > limit {
				base++
			}
		}
		return base
	}
	switch v := arg.(type) {
	case sql.NamedArg:
		return expectedClass(v.Value)
	case int:
		return capture.ClassInt
	case float64:
		return capture.ClassFloat
	case bool:
		return capture.ClassBool
	case time.Time:
		return capture.ClassTime
	case string:
		return size(capture.ClassText16, len(v))
	case []byte:
		if v != nil {
			return size(capture.ClassBlob16, len(v))
		}
	}
	return capture.ClassNull
}

// TestHashesTellValuesApart holds that equal values have equal hashes, and others others.
func TestHashesTellValuesApart(t *testing.T) {
	r := record(t, "", Config{Parameters: ParametersHash})
	at := time.Date(2026, 2, 3, 4, 5, 6, 7, time.UTC)
	hash := func(args ...any) uint32 {
		_, err := r.Exec("SELECT 1 WHERE ?1 IS NULL"+strings.Repeat(" OR ?", len(args)-1), args...)
		must(t, err)
		return r.events()[0].Params.Hash
	}
	seen := map[uint32]string{}
	for _, args := range [][]any{
		{nil}, {0}, {1}, {-1}, {0.0}, {1.5}, {true}, {false}, {""}, {"a"}, {"b"}, {[]byte{}}, {[]byte("a")}, {at}, {at.Add(1)}, {at.In(time.FixedZone("", 3600))},
		{at.AddDate(5000, 0, 0)}, {at.AddDate(5000, 0, 1)}, {"a", "b"}, {"ab", ""}, {"", "ab"}, {nil, nil}, {1, nil}, {nil, 1}, {strings.Repeat("x", 10_000)}, {strings.Repeat("x", 10_001)},
	} {
		h := hash(args...)
		if other, taken := seen[h]; taken || h == 0 {
			t.Errorf("%v and %s have the hash %d", args, other, h)
		}
		if again := hash(args...); again != h {
			t.Errorf("%v has the hashes %d and %d", args, h, again)
		}
		seen[h] = fmt.Sprint(args)
	}
	if hash(nil) != hash([]byte(nil)) {
		t.Error("a blob that is NULL is another value than NULL")
	}
}

package driver

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

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
				query := fmt.Sprintf("SELECT %s AS %q", test.columns, t.Name())
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
	r := record(t, "", Config{})
	for range 3 {
		must(t, r.QueryRow("SELECT ? AS kept_nothing", 1).Scan(new(int)))
	}
	if got := samplesOf(t, r); len(got) != 0 {
		t.Errorf("kept %v", got)
	}
}

func TestAtMost32ParameterListsAreKept(t *testing.T) {
	r := record(t, "", Config{Parameters: ParametersValues})
	for i := range 200 {
		must(t, r.QueryRow("SELECT ? AS kept_some", i).Scan(new(int)))
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
	r := record(t, "", Config{Parameters: ParametersValues})
	for _, query := range []string{"SELECT ?, 5 AS two_texts", "SELECT 6, ? AS two_texts"} {
		must(t, r.QueryRow(query, 1).Scan(new(int), new(int)))
	}
	if diff := cmp.Diff([][]any{{int64(1)}}, samplesOf(t, r)); diff != "" {
		t.Errorf("- expected, + kept:\n%s", diff)
	}
}

func TestKeptBytesAreACopy(t *testing.T) {
	r := record(t, "", Config{Parameters: ParametersValues})
	buffer := []byte("before")
	must(t, r.QueryRow("SELECT ? AS a_copy", buffer).Scan(new([]byte)))
	copy(buffer, "after!")
	if diff := cmp.Diff([][]any{{[]byte("before")}}, samplesOf(t, r)); diff != "" {
		t.Errorf("- bound, + kept:\n%s", diff)
	}
}

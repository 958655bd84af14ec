package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/sqliteperf/sqliteperf/advisor"
)

func TestFigure(t *testing.T) {
	for _, test := range []struct {
		fact advisor.Fact
		want string
	}{
		{advisor.Fact{Name: "calls", Value: 18230, Unit: "calls"}, "18230"},
		{advisor.Fact{Value: 18230, Unit: "calls"}, "18230 calls"},
		{advisor.Fact{Value: 1, Unit: "rows"}, "1 row"},
		{advisor.Fact{Value: 0, Unit: "rows"}, "0 rows"},
		{advisor.Fact{Value: 12.3456, Unit: "a second"}, "12.3 a second"},
		{advisor.Fact{Value: 1, Unit: "s"}, "1 s"},
		{advisor.Fact{Value: 1500, Unit: "ms"}, "1.5 s"},
		{advisor.Fact{Value: 41.26, Unit: "µs"}, "41.3 µs"},
		{advisor.Fact{Value: 12345, Unit: "bytes"}, "12.1 KiB"},
		{advisor.Fact{Value: 1 << 20, Unit: "bytes a day"}, "1 MiB a day"},
		{advisor.Fact{Value: 0.425, Unit: "of all calls"}, "42.5 % of all calls"},
		{advisor.Fact{Value: 7, Unit: "of 20"}, "7 of 20"},
		{advisor.Fact{Value: 2.4, Unit: "times those at present"}, "2.4× those at present"},
		{advisor.Fact{Value: 3, Unit: "calls", Text: "shop.go:12"}, "shop.go:12 · 3 calls"},
		{advisor.Fact{Text: "wal"}, "wal"},
	} {
		if got := figure(test.fact); got != test.want {
			t.Errorf("%+v: %q, want %q", test.fact, got, test.want)
		}
	}
}

func TestBasis(t *testing.T) {
	of := func(basis string, verdict advisor.State, rewrite *advisor.Rewrite) *advisor.Recommendation {
		r := &advisor.Recommendation{Basis: basis, Rewrite: rewrite}
		if verdict != "" {
			r.Evidence = &advisor.Evidence{Verdict: verdict}
		}
		return r
	}
	for _, test := range []struct {
		of   *advisor.Recommendation
		want string
	}{
		{of("rule", "", nil), "by rule: not measured on a copy"},
		{of("experiment", advisor.Rejected, nil), "measured on a copy"},
		{of("estimate", "", nil), "estimated on a sample"},
		{of("replay", advisor.Estimated, nil), "estimated on a sample"},
		{of("replay", advisor.Rejected, nil), "tried on a copy"},
		{of("replay", advisor.Proved, nil), "proved on a copy"},
		{of("replay", "", &advisor.Rewrite{Checked: true}), "proved on a copy"},
		{of("replay", "", &advisor.Rewrite{}), "measured on a copy"},
	} {
		if got := basis(test.of); got != test.want {
			t.Errorf("%s %+v: %q, want %q", test.of.Basis, test.of.Evidence, got, test.want)
		}
	}
}

func TestPrintRecommendation(t *testing.T) {
	var out bytes.Buffer
	printRecommendation(&out, &advisor.Recommendation{
		ID: "tx03-1", Code: "TX03", State: advisor.Proposed, Title: "Write in one transaction", Why: "Rows are written one by one. ", Basis: "rule",
		Facts:   []advisor.Fact{{Name: "calls", Value: 2, Unit: "calls"}, {Name: "called from", Value: 2, Unit: "calls", Text: "shop.go:12 \x1b[31mmain"}},
		Rewrite: &advisor.Rewrite{Before: "for {\n\tinsert()\r\n}", After: "begin()"},
		Manual:  "Begin a transaction.\nCommit it.",
	})
	want := `
PROPOSED     TX03  Write in one transaction  [tx03-1]
  Rows are written one by one.
    calls: 2
    called from: shop.go:12 �[31mmain · 2 calls
  before: for {
            insert()
          }
  after:  begin()
  not checked
  by hand: Begin a transaction.
           Commit it.
  by rule: not measured on a copy
`
	if out.String() != want {
		t.Errorf("%s\nwant\n%s", out.String(), want)
	}
}

// Advice on how a statement is written shows both forms and what it rests on.
func TestRewriteInReport(t *testing.T) {
	workload := trace(t, `{"sql": "SELECT id, total FROM orders ORDER BY id LIMIT 20 OFFSET 15000"}`)
	path := database(t)
	r := sqlitePerf(t, "analyze", path, "--workload", workload).exits(0)
	r.prints("    deepest offset: 15000 rows\n", "  before: SELECT id, total FROM orders ORDER BY id LIMIT ? OFFSET ?\n", "  after:  SELECT", "  same rows, ", "× faster\n", "  by hand: ", "  proved on a copy\n")
	if got := sqlitePerf(t, "analyze", path, "--workload", workload, "--no-proof").exits(0).prints("  not checked\n", "  by rule: "); strings.Contains(got.out, "on a copy\n") && !strings.Contains(got.out, "by rule: not measured on a copy\n") {
		t.Error(got.out)
	}
}

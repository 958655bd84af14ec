package advisor

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
	"github.com/sqliteperf/sqliteperf/internal/sqlite"
	"github.com/sqliteperf/sqliteperf/internal/sqltext"
)

// advise analyzes the file for a workload, one statement a line, and returns what the rule with the code says.
// With traffic the database counts as live.
func advise(t *testing.T, code, path, workload string, seen *traffic) []*Recommendation {
	t.Helper()
	db, err := openDatabase(t.Context(), path)
	must(t, err)
	defer db.Close()
	var pragmas []sqlite.Pragma
	queries := readWorkload(t, workload)
	if seen != nil {
		pragmas, err = filePragmas(t.Context(), db)
		must(t, err)
		for i := range queries {
			queries[i].Samples, queries[i].Source = nil, ""
		}
	}
	report, err := analyze(t.Context(), db, queries, pragmas, seen, Options{ShadowDir: t.TempDir()})
	must(t, err)
	for _, s := range report.Skipped {
		if strings.HasPrefix(s.Reason, code) {
			t.Errorf("%s failed: %s", code, s.Reason)
		}
	}
	return slices.DeleteFunc(report.Recommendations, func(r *Recommendation) bool { return r.Code != code })
}

// subjects are the tables, columns and states of advice, sorted.
func subjects(list []*Recommendation) string {
	var lines []string
	for _, r := range list {
		lines = append(lines, r.Table+"("+strings.Join(r.Columns, ", ")+") "+string(r.State))
	}
	slices.Sort(lines)
	return strings.Join(lines, "; ")
}

// seenFor is traffic of statements, one a line, that began to run so long ago.
func seenFor(age time.Duration, workload string) *traffic {
	seen := &traffic{window: 30 * 24 * time.Hour}
	for line := range strings.Lines(workload) {
		seen.statements = append(seen.statements, summaryOf(strings.TrimSpace(line), age, 100))
	}
	return seen
}

func summaryOf(text string, age time.Duration, calls uint64) *digest.Summary {
	fingerprint := sqltext.Fingerprint(text)
	hash := sqltext.Digest(fingerprint)
	return &digest.Summary{
		Key: digest.Key{Kind: capture.KindStatement, Digest: hash}, Calls: calls, Name: fingerprint,
		Statement: &capture.Statement{Digest: hash, Fingerprint: fingerprint, ReadOnly: sqltext.ReadOnly(text)},
		FirstSeen: capture.Now() - capture.Instant(age), LastSeen: capture.Now(),
	}
}

// counted is a table of n rows made of expressions on i.
func counted(table, columns string, n int, values string) string {
	return "CREATE TABLE " + table + "(" + columns + ");" + filled(table, n, values)
}

func filled(table string, n int, values string) string {
	return strings.NewReplacer("$T", table, "$N", strconv.Itoa(n), "$V", values).Replace(
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $N) INSERT INTO $T SELECT $V FROM n;")
}

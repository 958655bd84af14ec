package advisor

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/digest"
)

// faulty is a database with something for most rules, and what is asked of it.
const (
	faulty = `CREATE TABLE parent(id INT PRIMARY KEY, x);
	CREATE TABLE child(id INTEGER PRIMARY KEY, parent INT REFERENCES parent, created_at TEXT NOT NULL, body BLOB, n INT);
	CREATE INDEX child_created ON child(created_at); CREATE INDEX child_created_again ON child(created_at);
	CREATE TABLE pair(a INT, b INT, PRIMARY KEY(a, b));`
	faultyWorkload = "SELECT id FROM child WHERE date(created_at) = '2024-02-01'\nSELECT * FROM child ORDER BY created_at LIMIT 50 OFFSET 1500\n" +
		"SELECT total(n) FROM child\nSELECT count(n) FROM child\nDELETE FROM parent WHERE id = 7\nINSERT INTO pair VALUES (?, ?)"
)

func faultyDatabase(t *testing.T) string {
	return create(t, faulty, filled("parent", 1500, "i, i"),
		filled("child", 2000, "i, i % 100 + 1, datetime('2024-01-01', '+' || i || ' hours'), zeroblob(1500), i"), filled("pair", 3000, "i, i % 5"))
}

// TestWithoutProofs: nothing is copied, nothing is said to be checked, and the advice is there all the same.
func TestWithoutProofs(t *testing.T) {
	path, dir := faultyDatabase(t), t.TempDir()
	report, err := Analyze(t.Context(), path, readWorkload(t, faultyWorkload), Options{NoProof: true, ShadowDir: dir})
	must(t, err)
	var codes []string
	for _, r := range report.Recommendations {
		codes = append(codes, r.Code)
		if r.State != Proposed || r.Rewrite != nil && r.Rewrite.Checked || r.Basis == "replay" {
			t.Errorf("%+v", r)
		}
	}
	slices.Sort(codes)
	for _, want := range []string{"IX05", "IX07", "QY01", "QY06", "SC01", "SC05"} {
		if !slices.Contains(codes, want) {
			t.Errorf("%s is missing among %q", want, codes)
		}
	}
	if slices.Contains(codes, "SC02") {
		t.Error("SC02 rests on what it measures")
	}
	if left := files(t, dir); len(left) != 0 {
		t.Errorf("%d entries were made", len(left))
	}
}

// TestRulesEndWithTheirContext: no rule goes on, or leaves anything behind, once its context has ended.
func TestRulesEndWithTheirContext(t *testing.T) {
	path, dir := faultyDatabase(t), t.TempDir()
	db, err := openDatabase(t.Context(), path)
	must(t, err)
	defer db.Close()
	seen := seenFor(30*24*time.Hour, faultyWorkload)
	seen.statements[5].Bursts = 10 * burstCalls
	seen.transactions = []*digest.Summary{ended(digest.Commit, 100, time.Second)}
	for _, rule := range slices.Concat(foreignKeyRules, transactionRules, statementRules, requestRules, schemaRules) {
		p := &pass{db: db, traffic: seen, pragmas: map[string]string{"page_size": "4096", "journal_mode": "wal"}, live: true,
			options: Options{ShadowDir: dir}.withDefaults(), report: func(string, string, float64) {}}
		p.schema, err = db.Schema(t.Context())
		must(t, err)
		must(t, p.prepareAll(t.Context(), readWorkload(t, faultyWorkload), &Report{}))
		_, err := p.copies(t.Context())
		must(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := rule.check(ctx, p); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", rule.code(), err)
		}
		left, err := p.shadow.After().Explain(t.Context(), "SELECT * FROM pair", nil) // the copy can be used
		if err != nil || len(left) == 0 {
			t.Errorf("%s: %v", rule.code(), err)
		}
		must(t, p.shadow.Close())
	}
	if left := files(t, dir); len(left) != 0 {
		t.Errorf("%d entries left", len(left))
	}
}

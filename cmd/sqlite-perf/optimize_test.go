package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// applied finds the IDs that optimize says it applied.
func applied(out string) (ids []string) {
	for _, m := range regexp.MustCompile(`(?m)^applied (\S+)  `).FindAllStringSubmatch(out, -1) {
		ids = append(ids, m[1])
	}
	return ids
}

func TestOptimizeAndUndo(t *testing.T) {
	path, workload := database(t), trace(t, byCustomer, byPage)
	before, text := contents(t, filepath.Dir(path)), schema(t, path)

	r := sqlitePerf(t, "optimize", path, "--workload", workload).exits(exitRefused).prints("CREATE INDEX sqliteperf_orders_customer", "CREATE INDEX sqliteperf_visits_page")
	if r.err != "sqlite-perf: nothing applied: pass --yes to apply this plan\n" {
		t.Errorf("stderr: %s", r.err)
	}
	untouched(t, filepath.Dir(path), before)

	ids := applied(sqlitePerf(t, "optimize", path, "--workload", workload, "--yes").exits(0).out)
	if len(ids) != 2 || strings.Count(schema(t, path), "\nindex|sqliteperf_") != 2 {
		t.Fatalf("applied %q, the schema is\n%s", ids, schema(t, path))
	}
	sqlitePerf(t, "optimize", path, "--workload", workload, "--yes").exits(0).prints("nothing to apply")
	sqlitePerf(t, "optimize", path, "--undo", "ix01-nosuch").exits(exitError).complains("ix01-nosuch", "no such recommendation")
	for _, id := range ids {
		sqlitePerf(t, "optimize", path, "--undo", id).exits(0).prints("undone " + id + "  Index ")
	}
	if after := schema(t, path); after != text {
		t.Errorf("undone, the schema is\n%s\nand was\n%s", after, text)
	}
	sqlitePerf(t, "optimize", path, "--undo", ids[0]).exits(exitRefused).complains(ids[0], "undone, not applied")

	again := sqlitePerf(t, "optimize", path, "--workload", workload, "--yes", "--only", ids[1]).exits(0)
	if got := applied(again.out); len(got) != 1 || got[0] != ids[1] || strings.Count(schema(t, path), "\nindex|sqliteperf_") != 1 {
		t.Errorf("applied %q of %q, the schema is\n%s", got, ids, schema(t, path))
	}
	sqlitePerf(t, "optimize", path, "--workload", workload, "--yes", "--only", "ix01-nosuch").exits(exitError).complains("ix01-nosuch", "no such recommendation")
}

// Undoing what was never applied leaves no history behind.
func TestNothingToUndo(t *testing.T) {
	path := database(t)
	before := contents(t, filepath.Dir(path))
	sqlitePerf(t, "optimize", path, "--undo", "ix01-nosuch").exits(exitError).complains("ix01-nosuch", "no such recommendation")
	sqlitePerf(t, "optimize", filepath.Join(filepath.Dir(path), "none.db"), "--undo", "ix01-nosuch").exits(exitError).complains("ix01-nosuch")
	untouched(t, filepath.Dir(path), before)
}

func TestHistory(t *testing.T) {
	path, workload := database(t), trace(t, byCustomer)
	own := filepath.Join(filepath.Dir(path), "advisor.db")
	if err := os.Rename(path, own); err != nil {
		t.Fatal(err)
	}
	text := contents(t, filepath.Dir(own))["advisor.db"]
	r := sqlitePerf(t, "optimize", own, "--workload", workload, "--yes").exits(exitUsage)
	if !strings.Contains(r.err, "cannot be its own history") || contents(t, filepath.Dir(own))["advisor.db"] != text {
		t.Errorf("stderr: %s", r.err)
	}
	other := filepath.Join(t.TempDir(), "other.db")
	ids := applied(sqlitePerf(t, "optimize", own, "--workload", workload, "--yes", "--history", other).exits(0).out)
	if len(ids) != 1 {
		t.Fatalf("applied %q", ids)
	}
	sqlitePerf(t, "optimize", own, "--undo", ids[0], "--history", other).exits(0)
}

// Advice that was not proved is applied only by name.
func TestUnproved(t *testing.T) {
	path, workload := database(t), trace(t, byCustomer)
	sqlitePerf(t, "optimize", path, "--workload", workload, "--no-proof", "--yes").exits(0).prints("nothing to apply among")
	id := report(t, path, "--workload", workload, "--no-proof").Recommendations[0].ID
	if got := applied(sqlitePerf(t, "optimize", path, "--workload", workload, "--no-proof", "--yes", "--only", id).exits(0).out); len(got) != 1 {
		t.Errorf("applied %q, want %s", got, id)
	}
}

func TestDirectoryNotWritable(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write everywhere")
	}
	path, workload := database(t), trace(t, byCustomer)
	dir := filepath.Dir(path)
	before := contents(t, dir)
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o700)
	sqlitePerf(t, "analyze", path, "--workload", workload).exits(0).prints("PROVED")
	sqlitePerf(t, "optimize", path, "--workload", workload, "--yes").exits(exitError)
	untouched(t, dir, before)
}

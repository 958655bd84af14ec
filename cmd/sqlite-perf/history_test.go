package main

import (
	"encoding/json"
	"path/filepath"
	"testing"
)

// TestLedgerOfAFile: history tells what optimize did, in words and as data.
func TestLedgerOfAFile(t *testing.T) {
	path, workload := database(t), trace(t, byCustomer)
	before := contents(t, filepath.Dir(path))
	sqlitePerf(t, "history", path).exits(exitError).complains("nothing was done to this file")
	untouched(t, filepath.Dir(path), before)

	ids := applied(sqlitePerf(t, "optimize", path, "--workload", workload, "--yes").exits(0).out)
	if len(ids) != 1 {
		t.Fatalf("applied %q", ids)
	}
	sqlitePerf(t, "optimize", path, "--undo", ids[0]).exits(0)
	sqlitePerf(t, "history", path).exits(0).prints("proved", "apply", "applied", "undo", "undone", ids[0], "CREATE INDEX sqliteperf_orders_customer")

	var got ledger
	if err := json.Unmarshal([]byte(sqlitePerf(t, "history", path, "--format", "json").exits(0).out), &got); err != nil {
		t.Fatal(err)
	}
	if got.Schema != "sqlite-perf/ledger/v1" || len(got.Entries) != 5 || got.Past == nil || got.States[ids[0]] != "undone" || len(got.Executed) != 2 {
		t.Errorf("%+v, %+v", got, got.Past)
	}
	sqlitePerf(t, "history", path, "--format", "yaml").exits(exitUsage)
	sqlitePerf(t, "history", path, "--history", path).exits(exitUsage).complains("cannot be its own history")
}

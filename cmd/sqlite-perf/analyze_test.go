package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// beside makes a file of bytes, alone in its directory.
func beside(t *testing.T, content string) string {
	t.Helper()
	return write(t, filepath.Join(t.TempDir(), "bad.db"), content)
}

func directory(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "bad.db")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func noise(n int) string {
	r := rand.New(rand.NewPCG(1, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.IntN(256))
	}
	return string(b)
}

// A file that is no healthy database is named with its reason, in one line, and left as it is.
func TestBadFile(t *testing.T) {
	text, err := os.ReadFile(database(t))
	if err != nil {
		t.Fatal(err)
	}
	good := string(text)
	for _, test := range []struct {
		name, reason string
		path         func(t *testing.T) string
		hold         func(t *testing.T, path string)
	}{
		{"missing", "no such file", func(t *testing.T) string { return filepath.Join(t.TempDir(), "bad.db") }, nil},
		{"empty", "is empty", func(t *testing.T) string { return beside(t, "") }, nil},
		{"directory", "is a directory", directory, nil},
		{"text", "is not a SQLite database", func(t *testing.T) string { return beside(t, strings.Repeat("id,name\n1,x\n", 500)) }, nil},
		{"random", "encrypted or compressed", func(t *testing.T) string { return beside(t, noise(8192)) }, nil},
		{"magic only", "is cut short", func(t *testing.T) string { return beside(t, "SQLite format 3\x00") }, nil},
		{"header and noise", "bad.db", func(t *testing.T) string { return beside(t, "SQLite format 3\x00"+noise(8192)) }, nil},
		{"truncated", "is corrupt", func(t *testing.T) string { return beside(t, good[:len(good)/2]) }, nil},
		{"overwritten schema", "is corrupt", func(t *testing.T) string { return beside(t, good[:100]+noise(3996)+good[4096:]) }, nil},
		{"overwritten page", "is corrupt", func(t *testing.T) string { return beside(t, good[:81920]+noise(4096)+good[81920+4096:]) }, nil},
		{"log without index", "write-ahead log", orphanedLog, nil},
		{"locked", "is locked by another process", func(t *testing.T) string { return database(t) }, func(t *testing.T, path string) {
			execute(t, connect(t, path), "BEGIN EXCLUSIVE")
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := test.path(t)
			dir := filepath.Dir(path)
			before := contents(t, dir)
			if test.hold != nil { // after reading: closing a file gives up the process's locks on it
				test.hold(t, path)
			}
			sqlitePerf(t, "analyze", path, "--workload", trace(t, byCustomer)).exits(exitError).complains(path, test.reason)
			untouched(t, dir, before)
		})
	}
}

// orphanedLog copies a running database and its write-ahead log, without the shared memory.
func orphanedLog(t *testing.T) string {
	path := database(t)
	db := connect(t, path)
	execute(t, db, "PRAGMA journal_mode = wal")
	execute(t, db, "DELETE FROM visits")
	dir := t.TempDir()
	for name, text := range contents(t, filepath.Dir(path)) {
		if !strings.HasSuffix(name, "-shm") {
			write(t, filepath.Join(dir, name), text)
		}
	}
	return filepath.Join(dir, "app.db")
}

// Without a workload there is advice on the schema and the settings.
func TestBareDatabase(t *testing.T) {
	path := database(t, "CREATE INDEX a ON orders(customer); CREATE INDEX b ON orders(customer, total)")
	before := contents(t, filepath.Dir(path))
	sqlitePerf(t, "analyze", path).exits(0).prints(path+": ", "0 statements used", "DROP INDEX a;")
	untouched(t, filepath.Dir(path), before)
}

// A database in WAL mode that nobody has open stays one file.
func TestWAL(t *testing.T) {
	path := database(t, "PRAGMA journal_mode = wal")
	before := contents(t, filepath.Dir(path))
	sqlitePerf(t, "analyze", path, "--workload", trace(t, byCustomer)).exits(0).prints("PROVED")
	untouched(t, filepath.Dir(path), before)
}

func TestProvedIndex(t *testing.T) {
	path, workload := database(t), trace(t, byCustomer)
	before := contents(t, filepath.Dir(path))
	r := sqlitePerf(t, "analyze", path, "--workload", workload).exits(0)
	r.prints("1 statement used", "PROVED", "IX01", "+ CREATE INDEX sqliteperf_orders_customer", "undo DROP INDEX", "before SCAN orders", "after  SEARCH orders USING", "same rows", "faster ×")
	if r.err != "" {
		t.Errorf("stderr: %s", r.err)
	}
	got := report(t, path, "--workload", workload)
	if got.Schema != "sqlite-perf/analyze/v1" || got.Statements != 1 || got.BadLines == nil || len(got.Recommendations) == 0 || got.Recommendations[0].State != "proved" {
		t.Errorf("%+v", got)
	}
	if got := report(t, path, "--workload", workload, "--no-proof"); got.Recommendations[0].State != "proposed" {
		t.Errorf("without a proof: %+v", got)
	}
	untouched(t, filepath.Dir(path), before)
}

// jsonReport is what analyze prints as JSON, as far as tests look.
type jsonReport struct {
	Schema     string
	Statements int
	BadLines   *int `json:"bad_lines"`
	Skipped    []struct{ Fingerprint, Reason string }

	Recommendations []struct{ ID, State, Title string }
}

func report(t *testing.T, args ...string) (got jsonReport) {
	t.Helper()
	r := sqlitePerf(t, append([]string{"analyze", "--format", "json"}, args...)...).exits(0)
	if err := json.Unmarshal([]byte(r.out), &got); err != nil {
		t.Fatalf("%v: %s", err, r.out)
	}
	return got
}

// What cannot be used of a trace is told, and the rest is used.
func TestBadLines(t *testing.T) {
	path := database(t)
	workload := trace(t, byCustomer, "not json\x1b[31m", "[]", "", `{"params": [1]}`, `{"sql": 1}`, `{"sql": "SELECT 1", "weight": -1}`,
		`{"sql": "SELECT * FROM nosuch"}`, `{"sql": "SELECT * FROM orders WHERE"}`, `{"sql": "SELECT total FROM orders WHERE id = ?", "params": [[1]]}`, byPage)
	r := sqlitePerf(t, "analyze", path, "--workload", workload, "--no-proof").exits(0).prints("6 lines of the trace not understood", "2 statements used, 2 left out", "no such table: nosuch")
	for _, line := range []int{2, 3, 5, 6, 7, 10} {
		if !strings.Contains(r.err, fmt.Sprintf("sqlite-perf: %s: line %d: ", workload, line)) {
			t.Errorf("line %d is not mentioned in: %s", line, r.err)
		}
	}
	if n := strings.Count(r.err, "\n"); n != 6 {
		t.Errorf("%d lines on standard error: %s", n, r.err)
	}
	got := report(t, path, "--workload", workload, "--no-proof")
	if *got.BadLines != 6 || got.Statements != 2 || len(got.Skipped) != 2 {
		t.Errorf("%d bad lines, %+v", *got.BadLines, got)
	}
	for _, s := range got.Skipped {
		if s.Reason == "" || s.Fingerprint == "" {
			t.Errorf("left out without a reason: %+v", s)
		}
	}
}

func TestNoWorkload(t *testing.T) {
	path := database(t)
	missing := filepath.Join(t.TempDir(), "none.ndjson")
	sqlitePerf(t, "analyze", path, "--workload", missing).exits(exitError).complains(missing, "no such file")
	sqlitePerf(t, "analyze", path, "--workload", t.TempDir()).exits(exitError).complains("is a directory")
	sqlitePerf(t, "analyze", path, "--workload", trace(t, noise(4096))).exits(0).prints("0 statements used")
}

// Names in a statement are hostile text: sqlitePerf checks that no control character gets through.
func TestHostileText(t *testing.T) {
	path := database(t, `CREATE TABLE "a`+"\x1b[31m\r\u202e"+`"("x`+"\x1b"+`y" INTEGER, b)`)
	workload := trace(t, `{"sql": "SELECT total AS \"\u001b[2J\u202e</script>\" FROM orders WHERE customer = 7"}`,
		`{"sql": "SELECT b FROM \"a\u001b[31m\r\u202e\" WHERE \"x\u001by\" = 1"}`, `{"sql": "SELECT \"\u001b]0;title\u0007\" FROM nosuch"}`)
	sqlitePerf(t, "analyze", path, "--workload", workload).exits(0).prints("left out", "PROVED")
	if r := sqlitePerf(t, "analyze", path, "--workload", workload, "--format", "json", "--no-proof").exits(0); !json.Valid([]byte(r.out)) {
		t.Errorf("not JSON: %s", r.out)
	}
}

func TestReadOnlyFile(t *testing.T) {
	path, workload := database(t), trace(t, byCustomer)
	if err := os.Chmod(path, 0o444); err != nil {
		t.Fatal(err)
	}
	sqlitePerf(t, "analyze", path, "--workload", workload).exits(0).prints("PROVED")
	before := contents(t, filepath.Dir(path))["app.db"]
	r := sqlitePerf(t, "optimize", path, "--workload", workload, "--yes").exits(exitError)
	if !strings.Contains(r.err, path) || !strings.Contains(r.err, "read-only") || strings.Contains(r.out, "applied") {
		t.Errorf("stdout: %s\nstderr: %s", r.out, r.err)
	}
	if contents(t, filepath.Dir(path))["app.db"] != before {
		t.Error("the file changed")
	}
}

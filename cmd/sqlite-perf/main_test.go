package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"go.uber.org/goleak"
)

// binary is the command as its users run it.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "sqlite-perf-test-")
	if err == nil {
		binary = filepath.Join(dir, "sqlite-perf")
		var out []byte
		if out, err = exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
			err = fmt.Errorf("go build: %w\n%s", err, out)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		os.RemoveAll(dir)
		os.Exit(code)
	}))
}

// result is what a run of the command left.
type result struct {
	*testing.T
	code     int
	out, err string
}

// sqlitePerf runs the command with nothing to read and a directory of its own for temporary files, which
// must be empty afterwards. Variables of the environment come before the arguments.
func sqlitePerf(t *testing.T, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	env := 0
	for env < len(args) && strings.HasPrefix(args[env], "SQLITE_PERF_") {
		env++
	}
	cmd := exec.CommandContext(ctx, binary, args[env:]...)
	tmp := t.TempDir()
	cmd.Env = append(append(os.Environ(), "TMPDIR="+tmp, "TERM=xterm-256color", "CLICOLOR_FORCE=1"), args[:env]...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	r := result{t, cmd.ProcessState.ExitCode(), out.String(), errs.String()}
	if i := strings.IndexFunc(r.out+r.err, func(c rune) bool { return unicode.IsControl(c) && c != '\n' || c == '\u202e' }); i >= 0 {
		t.Errorf("%q: a control character in the output: %q", args, (r.out + r.err)[i:])
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("%q left %v in the directory for temporary files (%v)", args, left, err)
	}
	return r
}

// exits checks the exit code.
func (r result) exits(code int) result {
	r.Helper()
	if r.code != code {
		r.Fatalf("exit code %d, want %d\nstdout: %s\nstderr: %s", r.code, code, r.out, r.err)
	}
	return r
}

// prints checks that the standard output contains texts.
func (r result) prints(texts ...string) result {
	r.Helper()
	for _, text := range texts {
		if !strings.Contains(r.out, text) {
			r.Errorf("no %q in: %s", text, r.out)
		}
	}
	return r
}

// complains checks that there is no result and one line on standard error with texts.
func (r result) complains(texts ...string) result {
	r.Helper()
	if r.out != "" || strings.Count(r.err, "\n") != 1 || !strings.HasPrefix(r.err, "sqlite-perf: ") {
		r.Errorf("want no output and one line of error\nstdout: %s\nstderr: %s", r.out, r.err)
	}
	for _, text := range texts {
		if !strings.Contains(r.err, text) {
			r.Errorf("no %q in: %s", text, r.err)
		}
	}
	return r
}

const seed = `
	CREATE TABLE orders(id INTEGER PRIMARY KEY, customer INTEGER NOT NULL, total INTEGER NOT NULL, note TEXT);
	CREATE TABLE visits(id INTEGER PRIMARY KEY, page TEXT NOT NULL, at INTEGER NOT NULL);
	WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
	INSERT INTO orders SELECT i, i * 7919 % 4001, i % 997, 'a note of some length ' || i FROM n;
	INSERT INTO visits SELECT id, '/page/' || (id % 3001), id FROM orders;`

// database makes a database of 40,000 rows without an index, alone in its directory.
func database(t *testing.T, setup ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "app.db")
	db := connect(t, path)
	execute(t, db, seed)
	for _, text := range setup {
		execute(t, db, text)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// connect opens one connection with the driver that captures nothing.
func connect(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	return db
}

func execute(t *testing.T, db *sql.DB, text string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), text); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// trace writes a workload with lines.
func trace(t *testing.T, lines ...string) string {
	t.Helper()
	return write(t, filepath.Join(t.TempDir(), "trace.ndjson"), strings.Join(lines, "\n"))
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The lines of traces that have one proved index each, and no second candidate as good: which of two
// wins may differ from one measurement to the next.
const (
	byCustomer = `{"sql": "SELECT id FROM orders WHERE customer = ?", "params": [7], "weight": 10}`
	byPage     = `{"sql": "SELECT id FROM visits WHERE page = ?", "params": ["/page/7"]}`
)

// contents are the files of a directory.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, e := range entries {
		files[e.Name()] = ""
		if !e.IsDir() {
			text, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			files[e.Name()] = string(text)
		}
	}
	return files
}

// untouched checks that a directory is as it was.
func untouched(t *testing.T, dir string, before map[string]string) {
	t.Helper()
	after := contents(t, dir)
	if !maps.Equal(before, after) {
		t.Errorf("the directory changed: %v, was %v", slices.Sorted(maps.Keys(after)), slices.Sorted(maps.Keys(before)))
	}
}

// schema is all of sqlite_schema but the places in the file.
func schema(t *testing.T, path string) (text string) {
	t.Helper()
	db := connect(t, path)
	defer db.Close()
	if err := db.QueryRowContext(t.Context(), "SELECT group_concat(concat_ws('|', type, name, tbl_name, sql), char(10)) FROM sqlite_schema").Scan(&text); err != nil {
		t.Fatal(err)
	}
	return text
}

package main

import (
	"context"
	"strings"
	"testing"
)

func TestUsage(t *testing.T) {
	for _, test := range []struct {
		args []string
		code int
		text string // on standard output if the code is 0
	}{
		{nil, 0, "Available Commands"},
		{[]string{"--help"}, 0, "Available Commands"},
		{[]string{"help", "analyze"}, 0, "--workload"},
		{[]string{"optimize", "--help"}, 0, "--undo"},
		{[]string{"version"}, 0, "modernc.org/sqlite v"},
		{[]string{"nosuch"}, 2, "unknown command"},
		{[]string{"--nosuch"}, 2, "unknown flag"},
		{[]string{"version", "x"}, 2, "unknown command"},
		{[]string{"analyze"}, 2, "needs one FILE or URL"},
		{[]string{"analyze", "a.db", "b.db"}, 2, "needs one FILE or URL"},
		{[]string{"analyze", "--nosuch", "a.db"}, 2, "unknown flag"},
		{[]string{"analyze", "a.db", "--workload"}, 2, "needs an argument"},
		{[]string{"analyze", "a.db", "--no-proof=perhaps"}, 2, "invalid argument"},
		{[]string{"analyze", "a.db", "--format", "xml"}, 2, "table, json or sql"},
		{[]string{"analyze", "http://"}, 2, "not a URL"},
		{[]string{"analyze", "http://[::1"}, 2, "not a URL"},
		{[]string{"analyze", "http://127.0.0.1:1/performance", "--workload", "x"}, 2, "--workload is for files"},
		{[]string{"analyze", "a.db", "--budget-bytes", "-1"}, 2, "must not be negative"},
		{[]string{"analyze", "a.db", "--max-indexes", "-1"}, 2, "must not be negative"},
		{[]string{"optimize", "a.db", "--max-indexes", "-1"}, 2, "must not be negative"},
		{[]string{"analyze", "a.db", "--budget-bytes", "1MB"}, 2, "invalid argument"},
		{[]string{"analyze", "a.db", "--max-indexes", "many"}, 2, "invalid argument"},
		{[]string{"analyze", "http://127.0.0.1:1/performance", "--budget-bytes", "1000"}, 2, "are for files"},
		{[]string{"analyze", "http://127.0.0.1:1/performance", "--max-indexes", "1"}, 2, "are for files"},
		{[]string{"optimize", "http://127.0.0.1:1/performance", "--max-indexes", "-1"}, 2, "are for files"},
		{[]string{"analyze", "http://127.0.0.1:1/performance", "--no-proof"}, 2, "--no-proof is for files"},
		{[]string{"analyze", "http://127.0.0.1:1/performance", "--format", "sql"}, 5, "connection refused"},
		{[]string{"analyze", "no such.db", "--format", "sql", "--no-proof"}, 1, "no such file"},
		{[]string{"optimize"}, 2, "needs one FILE or URL"},
		{[]string{"demo", "x"}, 2, "unknown command"},
		{[]string{"demo", "--duration", "long"}, 2, "invalid argument"},
		{[]string{"demo", "--addr", "0.0.0.0:0"}, 2, "only loopback"},
		{[]string{"demo", "--addr", ":8420"}, 2, "only loopback"},
		{[]string{"demo", "--addr", "192.0.2.1:0"}, 2, "only loopback"},
		{[]string{"demo", "--addr", "localhost.example:0"}, 2, "only loopback"},
		{[]string{"demo", "--addr", "127.0.0.1"}, 2, "missing port"},
		{[]string{"analyze", "no\x1b[31m\nsuch.db"}, 1, "no such file"},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			r := sqlitePerf(t, test.args...).exits(test.code)
			if test.code == 0 {
				r.prints(test.text)
			} else {
				r.complains(test.text)
			}
		})
	}
}

// The token in the environment is not for the screen.
func TestTokenNotShown(t *testing.T) {
	if r := sqlitePerf(t, "SQLITE_PERF_TOKEN=sesame", "optimize", "--help").exits(0); strings.Contains(r.out, "sesame") {
		t.Errorf("the help shows the token: %s", r.out)
	}
}

// Whatever notices that the user has interrupted, the exit code says so.
func TestInterrupted(t *testing.T) {
	path := database(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if code := run(ctx, []string{"analyze", path}); code != exitInterrupted {
		t.Errorf("exit code %d, want %d", code, exitInterrupted)
	}
}

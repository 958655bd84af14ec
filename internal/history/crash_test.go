package history

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

const (
	childEnv        = "SQLITE_PERF_TEST_HISTORY"
	childStatements = 40
)

// appendForAsk is the child: it appends to the history at path an interval for each line on standard
// input, one a second from the number behind the path, and says which are closed.
func appendForAsk(path string) int {
	path, first, _ := strings.Cut(path, "|")
	start, err := strconv.Atoi(first)
	if err != nil {
		fmt.Println(err)
		return 2
	}
	s, err := Open(context.Background(), Config{Path: path})
	if err != nil {
		fmt.Println(err)
		return 2
	}
	summaries := batch(app(), childStatements, 10, 1)
	ask := bufio.NewScanner(os.Stdin)
	for i := start; ask.Scan(); i++ {
		at := noon.Add(time.Duration(i) * time.Second)
		in := Interval{Start: at, End: at.Add(time.Second), Counts: capture.Counts{Recorded: uint64(i)}}
		if err := s.Append(context.Background(), in, summaries); err != nil {
			fmt.Println(err)
			return 2
		}
		fmt.Println("closed", i)
	}
	return 0
}

// child starts the test binary as a child that appends at most n intervals, from first on.
func child(t *testing.T, path string, first, n int) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s|%d", childEnv, path, first))
	cmd.Stdin = strings.NewReader(strings.Repeat("\n", n))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() }) // if the test ends before killAfter
	return cmd, bufio.NewScanner(out)
}

// killAfter reads n lines of a child, kills it and returns the intervals it said it closed,
// including those it said while dying.
func killAfter(t *testing.T, cmd *exec.Cmd, lines *bufio.Scanner, n int) (closed []int) {
	t.Helper()
	for lines.Scan() {
		var i int
		if _, err := fmt.Sscanf(lines.Text(), "closed %d", &i); err != nil {
			t.Fatalf("child says %q", lines.Text())
		}
		if closed = append(closed, i); len(closed) == n {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	cmd.Wait() // it was killed
	return closed
}

// complete wants every closed interval whole, and every other one whole as well.
func complete(t *testing.T, path string, closed []int) {
	t.Helper()
	s := open(t, Config{Path: path})
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	var found []int
	for _, r := range all(t, s) {
		found = append(found, int(r.Counts.Recorded))
		if len(r.Summaries) != childStatements+3 {
			t.Errorf("interval %d has %d summaries, want %d", r.Counts.Recorded, len(r.Summaries), childStatements+3)
		}
	}
	for _, i := range closed {
		if !slices.Contains(found, i) {
			t.Errorf("interval %d was closed and is missing", i)
		}
	}
}

func TestClosedIntervalsSurviveKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "advisor.db")
	var closed []int
	for round := range 4 {
		cmd, lines := child(t, path, round*10_000, 10_000)
		closed = append(closed, killAfter(t, cmd, lines, 1+round*7)...)
	}
	complete(t, path, closed)
	t.Logf("%d intervals closed before four kills", len(closed))
}

func TestTwoProcessesShareAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "advisor.db")
	a, linesA := child(t, path, 1, 12)
	b, linesB := child(t, path, 100_000, 12)
	own := open(t, Config{Path: path})
	fill(t, own, noon.Add(200_000*time.Second), 5, time.Second, batch(app(), childStatements, 1, 1))
	closed := killAfter(t, a, linesA, 10)
	closed = append(closed, killAfter(t, b, linesB, 10)...)
	complete(t, path, closed)
}

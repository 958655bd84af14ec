package suite

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/driver"
)

// compile builds the sources as a package of this module that only an overlay knows.
func compile(t *testing.T, upstreamDir string, sources []*source) (binary string) {
	t.Helper()
	dir := t.TempDir()
	here, err := os.Getwd()
	must(t, err)
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	add := func(name, real string) { overlay.Replace[filepath.Join(here, generate, name)] = real }
	for _, s := range sources {
		add(s.name, write(t, dir, s.name, s.text))
	}
	for _, name := range embedded(t, upstreamDir) {
		add(filepath.Base(name), name)
	}
	list, err := json.Marshal(overlay)
	must(t, err)
	binary = filepath.Join(dir, generate+".test")
	goTool(t, "test", "-c", "-vet=off", "-overlay", write(t, dir, "overlay.json", list), "-o", binary, "./"+generate)
	return binary
}

func write(t *testing.T, dir, name string, text []byte) (path string) {
	t.Helper()
	path = filepath.Join(dir, name)
	must(t, os.WriteFile(path, text, 0o600))
	return path
}

// embedded are the databases that the tests embed.
func embedded(t *testing.T, upstreamDir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(upstreamDir, "*.db"))
	must(t, err)
	return names
}

// outcome is how a test or subtest ended: pass, fail or skip, and what it printed.
type outcome struct {
	action string
	output string
}

func (o *outcome) String() string {
	if o == nil {
		return "did not run"
	}
	return o.action + "\n" + o.output
}

// variant is a driver and how it is set up.
type variant struct{ driver, cache string }

func (v variant) String() string {
	if v.cache != "" {
		return v.driver + " with a statement cache"
	}
	return v.driver
}

// chained is the name of our driver with an interceptor.
const chained = "sqlite-perf-chained"

var (
	bareVariant = variant{driver: "sqlite"}
	ourVariants = []variant{{driver: driver.Name}, {driver: driver.Name, cache: "64"}, {driver: chained}}
)

// run executes the tests that match pattern on a driver and returns their outcomes by name.
func run(t *testing.T, binary, upstreamDir string, v variant, pattern string) map[string]*outcome {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Symlink(filepath.Join(upstreamDir, "testdata"), filepath.Join(dir, "testdata")))
	for _, name := range embedded(t, upstreamDir) {
		must(t, os.Symlink(name, filepath.Join(dir, filepath.Base(name))))
	}
	cmd := exec.CommandContext(t.Context(), "go", "tool", "test2json",
		binary, "-test.v=test2json", "-test.timeout=2m", "-test.run="+pattern)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), variable+"="+v.driver, "TMPDIR="+dir, "SQLITE_PERF_STATEMENT_CACHE="+v.cache)
	began := time.Now()
	out, err := cmd.Output()
	if len(out) == 0 {
		t.Fatalf("%s: %v", v, err)
	}
	results := outcomes(t, out)
	t.Logf("%s: %s of %s in %.1fs", v, count(results), pattern, time.Since(began).Seconds())
	return results
}

// outcomes reads what test2json writes. Lines that are not its own, such as a child's, are output
// that no test claims. A test without an end, because the process died, has failed.
func outcomes(t *testing.T, out []byte) map[string]*outcome {
	t.Helper()
	results := map[string]*outcome{}
	decoder := json.NewDecoder(bytes.NewReader(out))
	for decoder.More() {
		var ev struct{ Action, Test, Output string }
		must(t, decoder.Decode(&ev))
		if ev.Test == "" {
			continue
		}
		o := results[ev.Test]
		if o == nil {
			o = &outcome{action: "fail"}
			results[ev.Test] = o
		}
		switch ev.Action {
		case "pass", "fail", "skip":
			o.action = ev.Action
		case "output":
			o.output += ev.Output
		}
	}
	return results
}

// count says how many tests, subtests among them, ended how.
func count(results map[string]*outcome) string {
	n, sub := map[string]int{}, 0
	for name, o := range results {
		n[o.action]++
		if strings.Contains(name, "/") {
			sub++
		}
	}
	return fmt.Sprintf("%d pass, %d fail, %d skip (%d of them subtests)", n["pass"], n["fail"], n["skip"], sub)
}

package suite

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	// modernc's tests and the shim import these, so this module has to require them.
	_ "github.com/google/pprof/profile"
	_ "github.com/ngrok/sqlmw"
	_ "golang.org/x/sys/unix"
	_ "modernc.org/fileutil/ccgo"
	_ "modernc.org/libc"
	_ "modernc.org/mathutil"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// kept is the least part of modernc's tests that must survive outside of its package. A change
// upstream that makes this test hollow should be noticed.
const kept = 0.75

// reruns is how often a test that fails on our driver only is tried again, on both: some of
// modernc's tests depend on timing. A real difference shows each time.
const reruns = 2

func TestModerncSuite(t *testing.T) {
	dir := upstreamDir(t)
	sources := read(t, dir)
	all := tests(t, sources)
	binary := generateAndBuild(t, dir, sources)
	left := tests(t, sources)
	t.Logf("%d of %d test functions kept", len(left), len(all))
	if float64(len(left)) < kept*float64(len(all)) {
		t.Errorf("%d of %d test functions are left, want %.0f %%", len(left), len(all), kept*100)
	}
	bare := run(t, binary, dir, bareVariant, ".")
	logFailures(t, bare)
	for _, v := range ourVariants {
		t.Run(v.String(), func(t *testing.T) {
			ours := run(t, binary, dir, v, ".")
			confirm(t, binary, dir, v, ours, differences(bare, ours))
		})
	}
}

func generateAndBuild(t *testing.T, dir string, sources []*source) (binary string) {
	t.Helper()
	for _, s := range sources {
		s.rewrite(t)
	}
	sources = append(sources, &source{name: shimName, text: []byte(shim)})
	p := &pruner{sources: sources, exports: exports(t, sources)}
	p.prune(t)
	slices.SortFunc(p.dropped, func(a, b dropped) int { return cmp.Compare(a.name, b.name) })
	for _, d := range p.dropped {
		t.Logf("dropped %s: %s", d.name, d.reason)
	}
	return compile(t, dir, sources)
}

// logFailures shows what already fails on the bare driver, outside of modernc's package.
func logFailures(t *testing.T, bare map[string]*outcome) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(bare)) {
		if o := bare[name]; o.action != "pass" {
			t.Logf("bare: %s %s\n%s", o.action, name, o.output)
		}
	}
}

// differences are the tests that passed on the bare driver and did not on ours, without the
// parents of subtests that are listed themselves.
func differences(bare, ours map[string]*outcome) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(bare)) {
		if bare[name].action == "pass" && (ours[name] == nil || ours[name].action != "pass") {
			names = append(names, name)
		}
	}
	return slices.DeleteFunc(names, func(name string) bool {
		return slices.ContainsFunc(names, func(other string) bool { return strings.HasPrefix(other, name+"/") })
	})
}

// confirm fails the test for the names whose difference shows again each time.
func confirm(t *testing.T, binary, dir string, v variant, first map[string]*outcome, names []string) {
	t.Helper()
	again := names
	for range reruns {
		if pattern := topLevel(again); pattern != "" {
			bare := run(t, binary, dir, bareVariant, pattern)
			seen := differences(bare, run(t, binary, dir, v, pattern))
			again = slices.DeleteFunc(slices.Clone(again), func(name string) bool { return !slices.Contains(seen, name) })
		}
	}
	for _, name := range names {
		if slices.Contains(again, name) {
			t.Errorf("%s passes on the bare driver, on %s: %v", name, v, first[name])
		} else {
			t.Logf("%s failed on %s and not always: %v", name, v, first[name])
		}
	}
}

// topLevel is a pattern of the tests that names are in, "" for none.
func topLevel(names []string) string {
	var tops []string
	for _, name := range names {
		top, _, _ := strings.Cut(name, "/")
		tops = append(tops, "^"+regexp.QuoteMeta(top)+"$")
	}
	return strings.Join(slices.Compact(tops), "|")
}

// Package lint holds the rules of the house that a test can check: which package may import which,
// that sources are formatted, and that every package says what it is.
//
// The test reads files and runs nothing, so the test cache notices every change.
package lint

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/sqliteperf/sqliteperf"

// floors are the packages by height. A package imports only packages of lower floors.
var floors = map[string]int{
	"internal/capture": 0, "internal/sqltext": 0, "internal/sketch": 0, "internal/schema": 0,
	"internal/plan": 0, "internal/trial": 0,
	"internal/digest": 1, "internal/predicate": 1, "internal/sqlite": 1, "internal/workload": 1,
	"driver": 1, "middleware": 1,
	"internal/history": 2, "internal/alert": 2, "internal/request": 2, "driver/sqlmiddleware": 2, "middleware/async": 2,
	"middleware/gate": 2,
	"advisor":         4,
	"server/ui":       4,
	"server":          5, "internal/demo": 5, "server/otel": 5, "server/prom": 5,
	"cmd/sqlite-perf": 6, "server/ui/build": 6, "internal/lint": 6,
}

// allowed are the modules from elsewhere that a package may import besides the standard library.
// Packages that are not listed may import none.
var allowed = map[string][]string{
	"driver":               {"modernc.org/sqlite", "modernc.org/libc", "github.com/ngrok/sqlmw"},
	"driver/sqlmiddleware": {"modernc.org/sqlite", "github.com/ngrok/sqlmw", "github.com/failsafe-go/failsafe-go"},
	"server/otel":          {"go.opentelemetry.io/otel", "github.com/XSAM/otelsql"},
	"server/prom":          {"github.com/prometheus/client_golang"},
	"internal/sqlite":      {"modernc.org/sqlite", "modernc.org/libc", "golang.org/x/sys/unix"},
	"internal/history":     {"modernc.org/sqlite"},
	"middleware":           {"github.com/labstack/echo/v4", "github.com/felixge/httpsnoop"},
	"middleware/async":     {"github.com/failsafe-go/failsafe-go", "github.com/thejerf/suture/v4"},
	"middleware/gate":      {"github.com/labstack/echo/v4"},
	"server":               {"github.com/labstack/echo/v4"},
	"internal/demo":        {"github.com/labstack/echo/v4"},
	"cmd/sqlite-perf":      {"github.com/labstack/echo/v4", "github.com/spf13/cobra", "github.com/mattn/go-isatty", "github.com/prometheus/client_golang"},
}

// topLevel is all there may be at the top besides files.
var topLevel = []string{"advisor", "cmd", "driver", "internal", "middleware", "server", "ws"}

// source is one Go file.
type source struct {
	path    string // relative, with slashes
	pkg     string // its directory
	text    []byte
	file    *ast.File
	test    bool
	imports []string
}

func sources(t *testing.T) []source {
	root := filepath.Join("..", "..")
	var list []source
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != root {
			return skipDir(name, d)
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		list = append(list, parse(t, name, filepath.ToSlash(rel)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// skipDir leaves out what is not this module's source.
func skipDir(name string, d fs.DirEntry) error {
	base := d.Name()
	_, err := os.Stat(filepath.Join(name, "go.mod"))
	if base == "node_modules" || base == "testdata" || strings.HasPrefix(base, ".") || err == nil {
		return filepath.SkipDir
	}
	return nil
}

func parse(t *testing.T, name, rel string) source {
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	f, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	s := source{path: rel, pkg: path.Dir(rel), text: text, file: f, test: strings.HasSuffix(rel, "_test.go")}
	for _, im := range f.Imports {
		p, err := strconv.Unquote(im.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		s.imports = append(s.imports, p)
	}
	return s
}

func TestImportsGoDown(t *testing.T) {
	for _, s := range sources(t) {
		floor, known := floors[s.pkg]
		if !known {
			t.Errorf("%s: package %s has no floor", s.path, s.pkg)
			continue
		}
		for _, p := range s.imports {
			own, inside := strings.CutPrefix(p, module+"/")
			switch {
			case s.test: // tests may look anywhere
			case inside && floors[own] >= floor:
				t.Errorf("%s: imports %s, which is not below it", s.path, own)
			case !inside && strings.Contains(p, ".") && !permitted(s.pkg, p):
				t.Errorf("%s: imports %s, which is not its job", s.path, p)
			}
		}
	}
}

func permitted(pkg, imported string) bool {
	return slices.ContainsFunc(allowed[pkg], func(m string) bool {
		return imported == m || strings.HasPrefix(imported, m+"/")
	})
}

// TestCaptureAloneIsLight: who imports only the driver does not get Echo or the advisor.
func TestCaptureAloneIsLight(t *testing.T) {
	imports := map[string][]string{}
	for _, s := range sources(t) {
		if !s.test {
			imports[s.pkg] = append(imports[s.pkg], s.imports...)
		}
	}
	seen := map[string]bool{}
	var visit func(pkg string)
	visit = func(pkg string) {
		for _, p := range imports[pkg] {
			if seen[p] {
				continue
			}
			seen[p] = true
			if own, inside := strings.CutPrefix(p, module+"/"); inside {
				visit(own)
			}
		}
	}
	visit("driver")
	for p := range seen {
		if strings.Contains(p, "echo") || strings.Contains(p, "opentelemetry") || strings.HasSuffix(p, "/advisor") {
			t.Errorf("driver pulls in %s", p)
		}
	}
	if len(seen) == 0 {
		t.Error("driver imports nothing: the test looks in the wrong place")
	}
}

func TestFormatted(t *testing.T) {
	for _, s := range sources(t) {
		want, err := format.Source(s.text)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(s.text, want) {
			t.Errorf("%s: not as gofmt writes it", s.path)
		}
	}
}

func TestPackageComments(t *testing.T) {
	documented := map[string]bool{}
	for _, s := range sources(t) {
		documented[s.pkg] = documented[s.pkg] || s.file.Doc != nil
	}
	for pkg, ok := range documented {
		if !ok {
			t.Errorf("package %s has no comment", pkg)
		}
	}
}

func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && !slices.Contains(topLevel, e.Name()) {
			t.Errorf("%s: not one of the folders of the top level", e.Name())
		}
	}
}
